package lut

// The functions of the families, one file each, work on operands of up to 32
// bits, whatever the limits of a Table: published error figures are those of
// 16- and 32-bit multipliers, and the tests hold the same functions to them.

// signMagnitude multiplies signed numbers by a multiplier of magnitudes: both
// operands are negated exactly where they are negative, and the product is
// where their signs differ.
func signMagnitude(core func(a, b uint64) uint64, W, X int64) int64 {
	p := int64(core(magnitude(W), magnitude(X)))
	if (W < 0) != (X < 0) {
		return -p
	}
	return p
}

// magnitude returns |v|; that of the least int64 is right too.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// bySignMagnitude is the build function of a family whose core multiplies
// magnitudes. Unsigned operands are their own.
func bySignMagnitude(core func(a, b uint64) uint64) func(W, X int) int {
	return func(W, X int) int { return int(signMagnitude(core, int64(W), int64(X))) }
}

// valueBits returns the number of bits of o that have a positive weight: all,
// or all but the sign.
func valueBits(o Operand) int {
	if o.Signed {
		return o.Bits - 1
	}
	return o.Bits
}
