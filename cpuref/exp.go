package cpuref

import "math"

// Exponentials for [CPU], in float32: conversions to float64 and back would
// make each wait for the one before. With k = roundEven(z·64/ln 2), e^z =
// 2^(k/64)·e^r, |r| ≤ ln 2/128. The first factor is read from a table, the second
// is its Taylor polynomial of degree 3, which is off by r⁴/24 < 4·10⁻¹¹; with
// the roundings e^z is off by three units of 2⁻²⁴ at the most.

const (
	expSteps = 64
	expLeast = -87.336 // e^z is less than 2⁻¹²⁶ from here on

	// ln 2/expSteps in two parts. The first has ten bits, so that its product
	// with any k is exact.
	expHigh = 710.0 / (1 << 16)
	expLow  = math.Ln2/expSteps - expHigh

	// A small float32 plus this number is rounded to an integer, which its
	// lowest bits hold.
	roundMagic = 3 << 22
)

// powers[i] is 2^(i/64).
var powers = func() (p [expSteps]float32) {
	for i := range p {
		p[i] = float32(math.Exp2(float64(i) / expSteps))
	}
	return p
}()

// exponential returns e^z for z ≤ 0, and 0 from expLeast on.
func exponential(z float32) float32 {
	if !(z > expLeast) {
		if z != z {
			return z
		}
		return 0
	}
	shifted := float32(z*(expSteps/math.Ln2)) + roundMagic
	k := int32(math.Float32bits(shifted) - math.Float32bits(roundMagic))
	n := shifted - roundMagic
	r := z - float32(n*expHigh) - float32(n*expLow)
	scale := math.Float32frombits(math.Float32bits(powers[k&(expSteps-1)]) + uint32(k>>6)<<23)
	return scale + scale*(r*(1+r*(0.5+r*(1.0/6))))
}
