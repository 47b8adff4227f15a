// Package netlist turns gate-level circuits of multipliers into tables: BLIF,
// and structural Verilog as EvoApproxLib, GenMul and synthesis tools write it.
//
// # From text to products
//
// A reader reduces each module of a file to one-bit nodes, gates of two inputs
// and instances of other modules. The top is flattened, its gates are sorted
// by dependence and folded into a straight program of and, or, xor and not,
// and the program runs over all operand pairs, 64 to a machine word:
//
//	pair = first<<bits(second) | second,   bit i of a node's word = its value in pair i
//
// A table comes of up to 8 bits an operand. Wider circuits give error metrics
// only ([Circuit.Metrics]), which are gathered as the program runs.
//
// # What is assumed
//
// Of the two input ports of the top the first is the activation and the second
// the weight ("xw"), unless LoadOptions.Order says "wx". Operands are signed if
// LoadOptions.Signed says so; else if the ports are declared signed; else if
// the module or the file is named in the manner of EvoApproxLib, mul8s_… (and
// unsigned if mul8u_…); else they are unsigned. The product is the output port
// as an unsigned number, or as a two's-complement number if an operand is
// signed. All this is said in Loaded.Assumed.
//
// # Bounds
//
// Files are data of strangers: the text, the widths, the nesting of expressions
// and of modules, the size of the flattened circuit and the number of simulated
// words are limited (see limits.go), and a file beyond them is an error before
// memory or time is spent on it. Every fault is one *lut.FormatError with file
// and line.
package netlist
