package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// planes generates the kernels of gradients that are stored in 16 bits, for
// AVX-512 VBMI. See planes.go for what they do.
func planes() {
	planeOrder()
	planeSums(2)
	planeSums(1)
}

var byteOrder Mem

// planeOrder declares the order in which codes are looked up: byte 4p+q is the
// code of lane p of vector q.
func planeOrder() {
	byteOrder = GLOBL("byteOrder", RODATA|NOPTR)
	for i := range 64 {
		DATA(i, U8(uint8(i/4+16*(i%4))))
	}
}

// planeSums generates the sums of 64 or 128 lanes. A row of a table is in eight
// registers while the codes of all lanes are looked up in it, in the plane of
// lower bytes and in that of upper ones; VPERMB reads 64 entries at a time. The
// bytes are put together to words of 16 bits, those to integers of 32, of which
// the upper half is the gradient and the lower is 0.
func planeSums(vectors int) {
	lanes := 64 * vectors
	name := fmt.Sprintf("planeSums%d", lanes)
	TEXT(name, NOSPLIT, "func(c *float32, codes, rows *uint8, d *float32, ldd int, table *uint8, n int, unit float32)")
	Doc(fmt.Sprintf("%s adds unit·65536·Σ_i g(rows[i], codes[j])·d[i*ldd+j] to c[j], i < n, j < %d, g(w, x) = int8(table[w*512+256+x])·256 + table[w*512+x].", name, lanes))
	Pragma("noescape")
	p := params("c", "codes", "rows", "d", "ldd", "table", "n")
	c, codes, rows, d, ldd, table, n := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	scale(ldd)
	const firstSum = 10 // Z0–Z7 table, Z8–Z9 codes
	sum := func(v, q int) reg.VecPhysical { return Z(firstSum + 4*v + q) }
	lowBytes, upperWords := Z(30), Z(31)
	VPTERNLOGD(U8(0xff), upperWords, upperWords, upperWords)
	VPSRLW(U8(8), upperWords, lowBytes)
	VPSLLD(U8(16), upperWords, upperWords)
	zero(firstSum, firstSum+4*vectors)
	x := [2]reg.VecPhysical{Z(8), Z(9)}
	bit6 := [2]reg.OpmaskPhysical{reg.K1, reg.K4}
	bit7 := [2]reg.OpmaskPhysical{reg.K2, reg.K5}
	both := [2]reg.OpmaskPhysical{reg.K3, reg.K6}
	VMOVDQU64(byteOrder, Z(0))
	for v := range vectors {
		VPERMB(Mem{Base: codes, Disp: 64 * v}, Z(0), x[v])
		VPADDB(x[v], x[v], Z(1))
		VPMOVB2M(Z(1), bit6[v])
		VPMOVB2M(x[v], bit7[v])
		KANDQ(bit6[v], bit7[v], both[v])
	}
	Label("loop")
	w := GP64()
	MOVBQZX(Mem{Base: rows}, w)
	SHLQ(U8(9), w)
	ADDQ(table, w)
	INCQ(rows)
	for _, i := range []int{0, 4, 1, 5, 2, 6, 3, 7} {
		VMOVDQU64(Mem{Base: w, Disp: 64 * i}, Z(i))
	}
	for v := range vectors {
		low, high := Z(18+6*v), Z(19+6*v)
		even, odd := Z(20+6*v), Z(21+6*v)
		t := [2]reg.VecPhysical{Z(22 + 6*v), Z(23 + 6*v)}
		for i, mask := range []reg.OpmaskPhysical{0: reg.K0, 1: bit6[v], 2: bit7[v], 3: both[v]} {
			if i == 0 {
				VPERMB(Z(0), x[v], low)
				VPERMB(Z(4), x[v], high)
				continue
			}
			VPERMB(Z(i), x[v], mask, low)
			VPERMB(Z(4+i), x[v], mask, high)
		}
		VPSLLW(U8(8), high, even)
		VPSRLW(U8(8), low, odd)
		VPTERNLOGD(U8(0xd8), lowBytes, low, even) // even bytes: low, else high << 8
		VPTERNLOGD(U8(0xe4), lowBytes, high, odd) // even bytes: low >> 8, else high
		VPSLLD(U8(16), even, t[0])
		VPSLLD(U8(16), odd, t[1])
		VPANDD(upperWords, even, even)
		VPANDD(upperWords, odd, odd)
		for q, g := range []reg.VecPhysical{t[0], t[1], even, odd} {
			VCVTDQ2PS(g, g)
			VFMADD231PS(Mem{Base: d, Disp: 64 * (4*v + q)}, g, sum(v, q))
		}
	}
	ADDQ(ldd, d)
	DECQ(n)
	JNZ(LabelRef("loop"))
	unit := Z(0)
	m, err := Param("unit").Resolve()
	if err != nil {
		panic(err) // a parameter of the signature above
	}
	VBROADCASTSS(m.Addr, unit)
	for i := range 4 * vectors {
		m := Mem{Base: c, Disp: 64 * i}
		s := Z(firstSum + i)
		VFMADD213PS(m, unit, s)
		VMOVUPS(s, m)
	}
	VZEROUPPER()
	RET()
}
