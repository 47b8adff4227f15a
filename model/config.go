package model

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// A Multiplier takes the place of × in a layer.
type Multiplier struct {
	// Name is what the layer's summary says: "float", "exact", or the name of
	// the table.
	Name string

	// Table holds the products. nil leaves the layer in float32, neither its
	// weights nor its inputs quantized. The table's operands set the widths and
	// signs of quantization; "exact" is the exact product at those widths.
	Table *lut.Table

	// Gradients stand in for the derivatives of Table. They may be absent in a
	// network that only evaluates: Backward then panics.
	Gradients lut.Gradients
}

// Float leaves a layer in float32.
func Float() Multiplier { return Multiplier{Name: "float"} }

// A Rule gives the layers whose name matches Pattern a multiplier.
type Rule struct {
	// Pattern is that of [path.Match]; as layer names hold no slash, * matches
	// any run of characters, dots included: "layer2.*", "*.conv1", "fc?".
	Pattern    string
	Multiplier Multiplier
}

// Quantization says how the layers that have a table are quantized. Widths
// and signs come from the tables. [DefaultQuantization] is a good start; the
// zero value differs from it in the observer of activations.
type Quantization struct {
	// WeightPerChannel gives each output channel of a weight its own scale and
	// zero point. It goes with the min/max observer only.
	WeightPerChannel bool

	WeightObserver, ActivationObserver backend.Observer

	// WeightSymmetric and ActivationSymmetric choose Z = 0. nil stands for the
	// rule "signed → symmetric, unsigned → asymmetric". true is an error for
	// an unsigned operand.
	WeightSymmetric, ActivationSymmetric *bool

	// Padding says what a tap outside the image feeds the multiplier.
	Padding backend.Padding

	// PoolInputs rounds the inputs of max and average pooling to the values of
	// operand Pool, with an observer of their own, as the paper does.
	PoolInputs bool
	Pool       lut.Operand
}

// DefaultQuantization is per tensor, the range of weights by running min/max,
// that of activations by an average of momentum 0.1, padding by the zero
// point.
func DefaultQuantization() Quantization {
	return Quantization{ActivationObserver: backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.1}}
}

// A Config describes a network. Every field but Stem, Ends, Rules and Seed is
// needed.
type Config struct {
	Name    string // one of Names
	Input   [3]int // of one image: channels, height, width
	Classes int
	Batch   int // images a step, fixed once built

	// Stem is [StemCIFAR] or [StemImageNet] for the networks that have both. ""
	// stands for StemImageNet where images have 64 rows and columns or more, and
	// StemCIFAR where they have fewer; the summary says which it was.
	Stem string

	Quantization Quantization
	Default      Multiplier  // of every convolution, linear layer and product of attention
	Linear       *Multiplier // of every linear layer; nil: no exception
	Ends         *Multiplier // of the first and the last layer with products, linear or not; nil: no exception
	Rules        []Rule      // exceptions from all of these; of several that match the last wins

	Seed uint64 // of the initial weights and of dropout
}
