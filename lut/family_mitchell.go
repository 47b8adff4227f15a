package lut

import "math/bits"

// mitchellFamily is multiplication by the binary logarithm that replaces
// lg(1+f) by f. With W = 2^p·(1+f), X = 2^q·(1+g) and 0 ≤ f, g < 1,
//
//	AM(W, X) = 2^(p+q)·(1+f+g)    if f+g < 1
//	           2^(p+q+1)·(f+g)    otherwise
//
// and 0 if an operand is 0, which has no logarithm. Both are integers: nothing
// is rounded. J. N. Mitchell, "Computer Multiplication and Division Using
// Binary Logarithms", IRE Transactions on Electronic Computers EC-11(4), 1962,
// pp. 512–517.
//
// The paper speaks of magnitudes. Signed operands are multiplied as sign and
// magnitude with exact negation, as in DRUM.
var mitchellFamily = family{
	name: "mitchell",
	build: func(w, x Operand, v map[string]int) (func(W, X int) int, error) {
		return bySignMagnitude(mitchell), nil
	},
}

func mitchell(a, b uint64) uint64 {
	if a == 0 || b == 0 {
		return 0
	}
	p, q := bits.Len64(a)-1, bits.Len64(b)-1
	one := uint64(1) << (p + q)
	f := (a - 1<<p) << q // f·2^(p+q)
	g := (b - 1<<q) << p
	if f+g < one {
		return one + f + g
	}
	return 2 * (f + g)
}
