package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elements generates the kernels that work element by element, or sum elements.
// Each exists for both widths. Those of elements do the written operations in the
// written order, each rounded as in Go, and are exact by that; numbers of elements
// are multiples of the lanes.
func elements() {
	for _, s := range []isa{avx512, avx2} {
		quantizeElements(s)
		maskElements(s)
		dequantizeElements(s)
		extremesOf(s)
		sumElements(s)
		squareElements(s)
		sumWithHat(s)
		normalizeElements(s)
		inferElements(s)
		normalizeBackwardElements(s)
		reluElements(s)
		reluBackwardElements(s)
		addElements(s)
		dequantizeSums(s, false)
		dequantizeSums(s, true)
		addToSums(s, true)
		addToSums(s, false)
	}
}

// begin starts the function that is called name and the number of lanes.
func (s isa) begin(name, signature, doc string) {
	name = fmt.Sprintf("%s%d", name, s.lanes)
	TEXT(name, NOSPLIT, "func"+signature)
	Doc(fmt.Sprintf("%s %s; n is a positive multiple of %d.", name, doc, s.lanes))
	Pragma("noescape")
}

// register returns a register that the allocator chooses.
func (s isa) register() reg.VecVirtual {
	if s.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// each generates the loop over n elements; body gets where the elements of a
// pointer stand that are size bytes long.
func (s isa) each(n reg.GPVirtual, body func(at func(p reg.GPVirtual, size uint8) Mem)) {
	i := GP64()
	XORQ(i, i)
	Label("loop")
	body(func(p reg.GPVirtual, size uint8) Mem { return Mem{Base: p, Index: i, Scale: size} })
	ADDQ(I8(s.lanes), i)
	CMPQ(i, n)
	JLT(LabelRef("loop"))
}

// finish ends a function.
func finish() {
	VZEROUPPER()
	RET()
}

// broadcast fills a register with a parameter of 32 bits.
func (s isa) broadcast(name string) reg.VecVirtual {
	v := s.register()
	VBROADCASTSS(parameter(name), v)
	return v
}

func parameter(name string) Mem {
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err) // the caller has just written the signature
	}
	return m.Addr
}

// constant fills a register with 32 bits.
func (s isa) constant(bits uint32) reg.VecVirtual {
	r, x, v := GP32(), XMM(), s.register()
	MOVL(U32(bits), r)
	VMOVD(r, x)
	VBROADCASTSS(x, v)
	return v
}

func (s isa) zeros() reg.VecVirtual {
	v := s.register()
	if s.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
	return v
}

// load returns a register with what stands at m.
func (s isa) load(m Mem) reg.VecVirtual {
	v := s.register()
	VMOVUPS(m, v)
	return v
}

// Predicates of comparisons, all without a trap on quiet NaN.
const (
	greater  = 0x1E // false for NaN
	notAbove = 0x16 // not ≤, true for NaN
)

// where returns src for the lanes in which a and b compare, and 0 for the rest.
func (s isa) where(predicate uint8, a reg.VecVirtual, b Op, src Op) reg.VecVirtual {
	v := s.register()
	if s.lanes == 16 {
		k := K()
		VCMPPS(U8(predicate), b, a, k)
		VMOVUPS_Z(src, k, v)
	} else {
		VCMPPS(U8(predicate), b, a, v)
		VANDPS(src, v, v)
	}
	return v
}

// addElements generates y = a + b.
func addElements(s isa) {
	s.begin("addElements", "(y, a, b *float32, n int)", "sets y[i] = a[i] + b[i], i < n")
	p := params("y", "a", "b", "n")
	s.each(p[3], func(at func(reg.GPVirtual, uint8) Mem) {
		v := s.load(at(p[1], 4))
		VADDPS(at(p[2], 4), v, v)
		VMOVUPS(v, at(p[0], 4))
	})
	finish()
}

// reluElements generates max(x, 0): all but what is below or equal 0 stays, thus
// NaN does, and −0 becomes 0.
func reluElements(s isa) {
	s.begin("reluElements", "(y, x *float32, n int)", "sets y[i] = max(x[i], 0), i < n, NaN staying as it is")
	p := params("y", "x", "n")
	zero := s.zeros()
	s.each(p[2], func(at func(reg.GPVirtual, uint8) Mem) {
		v := s.load(at(p[1], 4))
		VMOVUPS(s.where(notAbove, v, zero, v), at(p[0], 4))
	})
	finish()
}

// reluBackwardElements generates dy where y > 0.
func reluBackwardElements(s isa) {
	s.begin("reluBackwardElements", "(dx, dy, y *float32, n int)", "sets dx[i] = dy[i] where y[i] > 0, else 0, i < n")
	p := params("dx", "dy", "y", "n")
	zero := s.zeros()
	s.each(p[3], func(at func(reg.GPVirtual, uint8) Mem) {
		y := s.load(at(p[2], 4))
		VMOVUPS(s.where(greater, y, zero, at(p[1], 4)), at(p[0], 4))
	})
	finish()
}
