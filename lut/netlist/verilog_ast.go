package netlist

import "math/big"

// A verilogModule is a module as written.
type verilogModule struct {
	name  string
	path  string
	line  int
	ports []string // in the order of the header
	items []item   // in the order of the text

	built    *module
	building bool
}

// An item is a statement of a module: a *declaration, *localparam, *assignment
// or *use.
type item any

// A declaration of ports, wires or both. A wire with a value is followed by an
// assignment of its own.
type declaration struct {
	direction string // "input", "output", or empty for a wire
	signed    bool
	msb, lsb  *expr // nil for a single bit without an index
	names     []name
}

// A name with the line it stands on.
type name struct {
	text string
	line int32
}

// A localparam gives a constant a name.
type localparam struct {
	name     name
	signed   bool
	msb, lsb *expr // nil for the width of the value
	value    *expr
}

// An assignment is continuous.
type assignment struct {
	target, value *expr
	line          int32
}

// A use instantiates a module.
type use struct {
	module string
	name   string
	conns  []connection
	named  bool // the connections name their ports
	line   int32
}

// A connection of a port; expr is nil if it is empty.
type connection struct {
	port string
	expr *expr
	line int32
}

// An expr is an expression. The parser fills the upper fields, the measurement
// the lower ones.
type expr struct {
	kind  exprKind
	op    string   // of a unary or a chain
	name  string   // of a reference or a selection
	value *big.Int // of a constant
	args  []*expr  // operands; bounds of a selection; repetitions and value
	line  int32
	depth int

	width  int  // in bits, as the operands alone determine it
	signed bool // arithmetic in two's complement

	// sized is the width that operands other than plain integers give, 0 if
	// there are none. A plain integer has 32 bits only because the language
	// says so, which must not count as a mismatch with a port.
	sized int
}

type exprKind uint8

const (
	constant  exprKind = iota // value, width, signed and sized are known
	reference                 // name
	selection                 // name[args[0]] or name[args[0]:args[1]]
	concat                    // {args…}
	repeat                    // {args[0]{args[1]}}
	unary                     // op args[0]
	chain                     // args[0] op args[1] op …, one operator
	asSigned                  // $signed(args[0])
)
