package lut

import "errors"

// kulkarniFamily is the underdesigned multiplier: exact sums of products of
// 2-bit digits, by 2×2 blocks that answer 7 to 3·3 and are exact elsewhere,
//
//	AM(W, X) = Σ_{i,j} block(w_i, x_j)·4^(i+j)
//
// with w_i and x_j the digits in base 4. P. Kulkarni, P. Gupta and M.
// Ercegovac, "Trading Accuracy for Power with an Underdesigned Multiplier
// Architecture", 24th International Conference on VLSI Design, 2011, pp.
// 346–351, Section II. An operand of odd width has a zero above its top bit.
//
// The paper's multiplier is unsigned; signed operands are refused.
var kulkarniFamily = family{
	name: "kulkarni",
	build: func(w, x Operand, v map[string]int) (func(W, X int) int, error) {
		if w.Signed || x.Signed {
			return nil, errors.New("kulkarni is defined for unsigned operands only, want a width such as 8u")
		}
		return func(W, X int) int { return int(kulkarni(uint64(W), uint64(X))) }, nil
	},
}

// kulkarni is a·b less 2·4^(i+j) for every pair of digits that are both 3.
func kulkarni(a, b uint64) uint64 {
	const low = 0x5555_5555_5555_5555 // the low bit of every digit
	a3, b3 := a&(a>>1)&low, b&(b>>1)&low
	return a*b - 2*a3*b3 // a3 is the sum of 4^i over the digits 3 of a
}
