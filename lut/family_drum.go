package lut

import "math/bits"

// drumFamily is the dynamic range unbiased multiplier, DRUM: each operand is
// reduced to the k bits from its leading one on, the last of which is set to
// stand for the mean of what is cut, and a k×k multiplier does the rest. S.
// Hashemi, R. I. Bahar and S. Reda, "DRUM: A Dynamic Range Unbiased Multiplier
// for Approximate Applications", ICCAD 2015, pp. 418–425, Section III-A. k runs
// from 1 to the operand's width there; at the width DRUM is exact.
//
// Signed operands go through sign and magnitude with exact negation, as there.
var drumFamily = family{
	name: "drum",
	params: []param{
		{name: "k", required: true, limits: func(w, x Operand) (lo, hi int) { return 1, max(w.Bits, x.Bits) }},
	},
	build: func(w, x Operand, v map[string]int) (func(W, X int) int, error) {
		k := v["k"]
		return bySignMagnitude(func(a, b uint64) uint64 { return drum(a, b, k) }), nil
	},
}

func drum(a, b uint64, k int) uint64 { return drumOperand(a, k) * drumOperand(b, k) }

// drumOperand returns the bits t … t−k+1 of a, the last of them set, where t is
// the place of its leading one; a itself if t < k.
func drumOperand(a uint64, k int) uint64 {
	cut := bits.Len64(a) - k
	if cut <= 0 {
		return a
	}
	return (a>>cut | 1) << cut
}
