package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Rounding is the sum v + 1.5·2²³, of which a float32 keeps no fraction: for |v| ≤
// 2²² its bits are those of 1.5·2²³ plus roundEven(v). What is less than −2²², and
// NaN, is raised to it: VMAXPS returns the second operand where one is NaN. The
// bits of what is greater than 2²² are greater. So the integer is exact within
// ±2²², on the right side beyond, and adding less than 2²² to it cannot wrap.
const (
	magicBits = 0x4B400000 // of 1.5·2²³
	leastBits = 0x4B000000 // of 2²³, the sum for −2²²
)

// rounding returns a function that gives the integers bits(x·inv + 1.5·2²³) + offset.
func rounding(s isa) func(x Mem) reg.VecVirtual {
	inv, offset := s.broadcast("inv"), s.broadcast("offset")
	magic, least := s.constant(magicBits), s.constant(leastBits)
	return func(x Mem) reg.VecVirtual {
		v := s.register()
		VMULPS(x, inv, v)
		VADDPS(magic, v, v)
		VMAXPS(least, v, v)
		VPADDD(offset, v, v)
		return v
	}
}

// quantizeElements generates codes of real numbers.
func quantizeElements(s isa) {
	s.begin("quantizeElements", "(code *uint8, x *float32, inv float32, offset, top int32, n int)",
		"sets code[i] = min(max(bits(x[i]·inv + 1.5·2²³) + offset, 0), top), i < n, 0 for NaN")
	p := params("code", "x", "n")
	round, top, zero := rounding(s), s.broadcast("top"), s.zeros()
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		v := round(at(p[1], 4))
		VPMAXSD(zero, v, v)
		VPMINSD(top, v, v)
		if s.lanes == 16 {
			VPMOVDB(v, at(p[0], 1))
			return
		}
		upper := XMM()
		VEXTRACTI128(U8(1), v, upper)
		VPACKUSDW(upper, v.AsX(), upper)
		VPACKUSWB(upper, upper, upper)
		VMOVQ(upper, at(p[0], 1))
	})
	finish()
}

// maskElements generates the gradient of quantizeElements: an unsigned comparison
// tells what lies within [0, top].
func maskElements(s isa) {
	s.begin("maskElements", "(dx, dy, x *float32, inv float32, offset, top int32, n int)",
		"sets dx[i] = dy[i] where bits(x[i]·inv + 1.5·2²³) + offset is in [0, top], else 0, i < n")
	p := params("dx", "dy", "x", "n")
	round, top := rounding(s), s.broadcast("top")
	s.each(p[3], func(at func(reg.GPVirtual, uint8) Mem) {
		v, d := round(at(p[2], 4)), s.register()
		if s.lanes == 16 {
			k := K()
			VPCMPUD(U8(2), top, v, k)
			VMOVUPS_Z(at(p[1], 4), k, d)
		} else {
			VPMINUD(top, v, d)
			VPCMPEQD(v, d, d)
			VPAND(at(p[1], 4), d, d)
		}
		VMOVUPS(d, at(p[0], 4))
	})
	finish()
}

// dequantizeElements generates real numbers of codes.
func dequantizeElements(s isa) {
	s.begin("dequantizeElements", "(y *float32, code *uint8, scale float32, offset int32, n int)",
		"sets y[i] = scale·float32(code[i] + offset), i < n")
	p := params("y", "code", "n")
	scale, offset := s.broadcast("scale"), s.broadcast("offset")
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		v := s.register()
		VPMOVZXBD(at(p[1], 1), v)
		VPADDD(offset, v, v)
		VCVTDQ2PS(v, v)
		VMULPS(scale, v, v)
		VMOVUPS(v, at(p[0], 4))
	})
	finish()
}

// dequantizeSums generates real numbers of sums of products; the integers wrap, as
// those of Go do. The constant is one, or one for each element.
func dequantizeSums(s isa, each bool) {
	name, constant, of := "dequantizeSums", "constant", ""
	signature := "(y *float32, acc, sumX *int32, constant, zero int32, scale float32, n int)"
	if each {
		name, of = "dequantizeSumsEach", "[i]"
		signature = "(y *float32, acc, sumX, constant *int32, zero int32, scale float32, n int)"
	}
	s.begin(name, signature, "sets y[i] = float32(acc[i] + "+constant+of+" − zero·sumX[i])·scale, i < n")
	p := params("y", "acc", "sumX", "n")
	var add reg.VecVirtual
	var constants reg.GPVirtual
	if each {
		constants = params(constant)[0]
	} else {
		add = s.broadcast(constant)
	}
	zero, scale := s.broadcast("zero"), s.broadcast("scale")
	s.each(p[3], func(at func(reg.GPVirtual, uint8) Mem) {
		a, x := s.load(at(p[1], 4)), s.register()
		VPMULLD(at(p[2], 4), zero, x)
		if each {
			VPADDD(at(constants, 4), a, a)
		} else {
			VPADDD(add, a, a)
		}
		VPSUBD(x, a, a)
		VCVTDQ2PS(a, a)
		VMULPS(scale, a, a)
		VMOVUPS(a, at(p[0], 4))
	})
	finish()
}

// addToSums generates sums of codes or of integers.
func addToSums(s isa, codes bool) {
	name, of, size := "addIntsToSums", "*int32", uint8(4)
	if codes {
		name, of, size = "addCodesToSums", "*uint8", 1
	}
	s.begin(name, "(sums *int32, x "+of+", n int)", "adds x[i] to sums[i], i < n")
	p := params("sums", "x", "n")
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		v := s.register()
		if codes {
			VPMOVZXBD(at(p[1], size), v)
		} else {
			VMOVUPS(at(p[1], size), v)
		}
		VPADDD(at(p[0], 4), v, v)
		VMOVUPS(v, at(p[0], 4))
	})
	finish()
}

// extremesOf generates the least and the greatest of floats as integers of the same
// order (see Extremes), whose minima and maxima are the same in any sequence.
func extremesOf(s isa) {
	s.begin("extremesOf", "(x *float32, n int) (least, greatest int32)",
		"returns the least and the greatest of order(x[i]), i < n, order(b) = b ^ (b>>31)&0x7fffffff of the bits of a float")
	p := params("x", "n")
	least, greatest := s.constant(0x7FFFFFFF), s.constant(0x80000000)
	s.each(p[1], func(at func(reg.GPVirtual, uint8) Mem) {
		v, flip := s.load(at(p[0], 4)), s.register()
		VPSRAD(U8(31), v, flip)
		VPSRLD(U8(1), flip, flip)
		if s.lanes == 16 {
			VPXORD(flip, v, v)
		} else {
			VPXOR(flip, v, v)
		}
		VPMINSD(v, least, least)
		VPMAXSD(v, greatest, greatest)
	})
	for i, v := range []reg.VecVirtual{least, greatest} {
		op := func(a, b, to Op) { VPMINSD(a, b, to) }
		if i == 1 {
			op = func(a, b, to Op) { VPMAXSD(a, b, to) }
		}
		if s.lanes == 16 {
			half := YMM()
			VEXTRACTI64X4(U8(1), v, half)
			op(half, v.AsY(), v.AsY())
		}
		t, x := XMM(), v.AsX()
		VEXTRACTI128(U8(1), v.AsY(), t)
		op(t, x, x)
		VPSHUFD(U8(0x4E), x, t)
		op(t, x, x)
		VPSHUFD(U8(0xB1), x, t)
		op(t, x, x)
		r := GP32()
		VMOVD(x, r)
		Store(r, ReturnIndex(i))
	}
	finish()
}
