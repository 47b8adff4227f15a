package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves returns the float64 of the floats at m, two registers of them.
func (s isa) halves(m Mem) [2]reg.VecVirtual {
	low, high := s.register(), s.register()
	VCVTPS2PD(m, low)
	m.Disp += s.bytes() / 2
	VCVTPS2PD(m, high)
	return [2]reg.VecVirtual{low, high}
}

// returnSum returns the sum of the float64 in two registers as result i.
func (s isa) returnSum(sums [2]reg.VecVirtual, i int) {
	v := sums[0]
	VADDPD(sums[1], v, v)
	if s.lanes == 16 {
		half := YMM()
		VEXTRACTF64X4(U8(1), v, half)
		VADDPD(half, v.AsY(), v.AsY())
	}
	t, x := XMM(), XMM()
	VEXTRACTF128(U8(1), v.AsY(), t)
	VADDPD(t, v.AsX(), x)
	VPERMILPD(U8(1), x, t)
	VADDSD(t, x, x)
	Store(x, ReturnIndex(i))
}

// sumElements generates Σ x in float64.
func sumElements(s isa) {
	s.begin("sumElements", "(x *float32, n int) float64", "returns Σ x[i], i < n")
	p := params("x", "n")
	sums := [2]reg.VecVirtual{s.zeros(), s.zeros()}
	s.each(p[1], func(at func(reg.GPVirtual, uint8) Mem) {
		for h, v := range s.halves(at(p[0], 4)) {
			VADDPD(v, sums[h], sums[h])
		}
	})
	s.returnSum(sums, 0)
	finish()
}

// squareElements generates Σ (x−mu)² in float64. Squares are not rounded before they
// are added, which is nearer to the sum than the plain loop and far within its bound.
func squareElements(s isa) {
	s.begin("squareElements", "(x *float32, mu float64, n int) float64", "returns Σ (x[i]−mu)², i < n")
	p := params("x", "n")
	mu := s.register()
	VBROADCASTSD(parameter("mu"), mu)
	sums := [2]reg.VecVirtual{s.zeros(), s.zeros()}
	s.each(p[1], func(at func(reg.GPVirtual, uint8) Mem) {
		for h, v := range s.halves(at(p[0], 4)) {
			VSUBPD(mu, v, v)
			VFMADD231PD(v, v, sums[h])
		}
	})
	s.returnSum(sums, 0)
	finish()
}

// sumWithHat generates the sums of a batch norm's gradient. A product of two float32
// is exact in float64, so that fusing it with the sum rounds as often as Go does.
func sumWithHat(s isa) {
	s.begin("sumWithHat", "(dy, x *float32, mu, r float32, n int) (sum, sumHat float64)",
		"returns Σ dy[i] and Σ dy[i]·hat, hat = (x[i]−mu)·r in float32, i < n")
	p := params("dy", "x", "n")
	mu, r := s.broadcast("mu"), s.broadcast("r")
	sums := [2]reg.VecVirtual{s.zeros(), s.zeros()}
	hats := [2]reg.VecVirtual{s.zeros(), s.zeros()}
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		d := s.halves(at(p[0], 4))
		x := s.load(at(p[1], 4))
		VSUBPS(mu, x, x)
		VMULPS(r, x, x)
		low, high := s.register(), s.register()
		if s.lanes == 16 {
			upper := YMM()
			VEXTRACTF64X4(U8(1), x, upper)
			VCVTPS2PD(x.AsY(), low)
			VCVTPS2PD(upper, high)
		} else {
			upper := XMM()
			VEXTRACTF128(U8(1), x, upper)
			VCVTPS2PD(x.AsX(), low)
			VCVTPS2PD(upper, high)
		}
		for h, hat := range []reg.VecVirtual{low, high} {
			VADDPD(d[h], sums[h], sums[h])
			VFMADD231PD(d[h], hat, hats[h])
		}
	})
	s.returnSum(sums, 0)
	s.returnSum(hats, 1)
	finish()
}

// normalizeElements generates y = γ·(x−μ)·r + β.
func normalizeElements(s isa) {
	s.begin("normalizeElements", "(y, x *float32, gamma, beta, mu, r float32, n int)", "sets y[i] = ((gamma·(x[i]−mu))·r) + beta, i < n")
	p := params("y", "x", "n")
	gamma, beta, mu, r := s.broadcast("gamma"), s.broadcast("beta"), s.broadcast("mu"), s.broadcast("r")
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		v := s.load(at(p[1], 4))
		VSUBPS(mu, v, v)
		VMULPS(gamma, v, v)
		VMULPS(r, v, v)
		VADDPS(beta, v, v)
		VMOVUPS(v, at(p[0], 4))
	})
	finish()
}

// inferElements generates y = γ·(x−mean)/deviation + β.
func inferElements(s isa) {
	s.begin("inferElements", "(y, x *float32, gamma, beta, mean, deviation float32, n int)", "sets y[i] = ((gamma·(x[i]−mean))/deviation) + beta, i < n")
	p := params("y", "x", "n")
	gamma, beta, mean, deviation := s.broadcast("gamma"), s.broadcast("beta"), s.broadcast("mean"), s.broadcast("deviation")
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		v := s.load(at(p[1], 4))
		VSUBPS(mean, v, v)
		VMULPS(gamma, v, v)
		VDIVPS(deviation, v, v)
		VADDPS(beta, v, v)
		VMOVUPS(v, at(p[0], 4))
	})
	finish()
}

// normalizeBackwardElements generates dx = scale·(dy − meanDy − x̂·meanDyHat).
func normalizeBackwardElements(s isa) {
	s.begin("normalizeBackwardElements", "(dx, dy, x *float32, scale, mu, r, meanDy, meanDyHat float32, n int)",
		"sets dx[i] = scale·((dy[i] − meanDy) − ((x[i]−mu)·r)·meanDyHat), i < n")
	p := params("dx", "dy", "x", "n")
	scale, mu, r := s.broadcast("scale"), s.broadcast("mu"), s.broadcast("r")
	meanDy, meanDyHat := s.broadcast("meanDy"), s.broadcast("meanDyHat")
	s.each(p[3], func(at func(reg.GPVirtual, uint8) Mem) {
		v, d := s.load(at(p[2], 4)), s.load(at(p[1], 4))
		VSUBPS(mu, v, v)
		VMULPS(r, v, v)
		VMULPS(meanDyHat, v, v)
		VSUBPS(meanDy, d, d)
		VSUBPS(v, d, d)
		VMULPS(scale, d, d)
		VMOVUPS(d, at(p[0], 4))
	})
	finish()
}
