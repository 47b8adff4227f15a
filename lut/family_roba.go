package lut

import "math/bits"

// robaFamily is the rounding-based approximate multiplier, RoBA: with Wr and Xr
// the operands rounded to the nearest power of two,
//
//	AM(W, X) = Wr·X + Xr·W − Wr·Xr
//
// which leaves out (Wr−W)·(Xr−X). A number half-way, 3·2^(p−2), is rounded up,
// but 3 to 2; 0 stays 0. R. Zendegani, M. Kamal, M. Bahadori, A. Afzali-Kusha
// and M. Pedram, "RoBA Multiplier: A Rounding-Based Approximate Multiplier for
// High-Speed yet Energy-Efficient Digital Signal Processing", IEEE Transactions
// on VLSI Systems 25(2), 2017, pp. 393–401, Section III: U-RoBA for unsigned
// operands.
//
// Signed operands are multiplied as S-RoBA of that paper does, by sign and
// magnitude with exact negation, and not as AS-RoBA, which negates by
// complement and so is wrong by up to 100 %.
var robaFamily = family{
	name: "roba",
	build: func(w, x Operand, v map[string]int) (func(W, X int) int, error) {
		return bySignMagnitude(roba), nil
	},
}

func roba(a, b uint64) uint64 {
	ar, br := nearestPower(a), nearestPower(b)
	return ar*b + br*a - ar*br
}

// nearestPower returns the power of two nearest to a, by the tie rule of RoBA.
func nearestPower(a uint64) uint64 {
	if a == 0 || a == 3 {
		return a &^ 1
	}
	floor := uint64(1) << (bits.Len64(a) - 1)
	if a&(floor>>1) != 0 { // a ≥ 1.5·floor
		return 2 * floor
	}
	return floor
}
