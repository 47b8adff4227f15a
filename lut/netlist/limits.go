package netlist

// Bounds on what a file may ask for. The largest circuits of EvoApproxLib,
// 16×16 bits, have a few thousand gates in less than a megabyte of text.
const (
	// maxFile is the length of a text, in bytes.
	maxFile = 16 << 20

	// maxToken is the length of a name or number, in bytes.
	maxToken = 4096

	// maxWidth is the width of a port, wire, constant or expression.
	maxWidth = 1 << 16

	// maxExpressions is the number of modules, names, operands and operators
	// of a Verilog text.
	maxExpressions = 1 << 19

	// maxWords is the number of words of a BLIF text; a model counts as
	// modelWords.
	maxWords   = 1 << 20
	modelWords = 16

	// maxDepth is the depth of nested expressions, and of instances.
	maxDepth = 500

	// maxSize is the number of nodes, gates and connections of a module with
	// all its instances unfolded.
	maxSize = 1 << 20

	// maxExpressionBits is the number of bits of all operands of all
	// expressions of the modules in use.
	maxExpressionBits = 1 << 24

	// maxPairBits is the sum of the operands' widths.
	maxPairBits = 28

	// maxProductBits is the width of the product port.
	maxProductBits = 32

	// maxWork is the number of gates times the number of simulated words of
	// 64 pairs: about ten seconds.
	maxWork = 1 << 34
)
