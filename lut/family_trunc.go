package lut

// truncFamily is the truncated multiplier: the array of partial products
// without its least significant columns,
//
//	AM(W, X) = Σ_{i+j ≥ cols} w_i·x_j·2^(i+j) + comp
//
// with w_i and x_j the bits of the operands. comp, 0 by default, is a constant
// that makes up for the mean of what was dropped. M. J. Schulte and E. E.
// Swartzlander, "Truncated Multiplication with Correction Constant", VLSI
// Signal Processing VI, 1993, pp. 388–396; Meng et al. call the multiplier
// mulBu_rmK, K = cols.
//
// Signed operands are multiplied by the array of C. R. Baugh and B. A. Wooley,
// "A Two's Complement Parallel Array Multiplication Algorithm", IEEE
// Transactions on Computers C-22, 1973, pp. 1045–1047. Its columns below the
// sign bit's hold products of value bits alone, so cutting them subtracts the
// same sum as in an unsigned array. From that column on the array holds
// complemented products and constants too, of which implementations keep
// different ones: cols stops there for a signed operand. (bam defines a signed
// cut that goes on.)
var truncFamily = family{
	name: "trunc",
	params: []param{
		{name: "cols", required: true, limits: func(w, x Operand) (lo, hi int) {
			hi = w.Bits + x.Bits - 2 // leaves the topmost column
			for _, o := range []Operand{w, x} {
				if o.Signed {
					hi = min(hi, valueBits(o))
				}
			}
			return 0, hi
		}},
		{name: "comp", limits: func(w, x Operand) (lo, hi int) { return 0, 1<<(w.Bits+x.Bits) - 1 }},
	},
	build: func(w, x Operand, v map[string]int) (func(W, X int) int, error) {
		cols, comp := v["cols"], v["comp"]
		return func(W, X int) int {
			return int(brokenArray(int64(W), int64(X), valueBits(w), valueBits(x), cols, 0)) + comp
		}, nil
	},
}
