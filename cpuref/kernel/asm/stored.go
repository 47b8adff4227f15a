package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// stored generates the kernels of gradients that are stored in 16 bits, for
// AVX-512. See stored.go for what they do.
func stored() {
	storedSums()
	storedDots(32)
	storedDots(16)
	expandFloats()
	offsets()
}

// storedSums generates the sums of two channels. They share what is read of d,
// which mostly comes from the second cache, while their two tables of 16 KiB stay
// in the first. Four columns at a time have sums of their own, so that no
// addition waits for the one before; their offsets come in one word.
func storedSums() {
	const sets, tables = 4, 2
	TEXT("storedSums16x2", NOSPLIT, "func(c, d *float32, offsets *uint16, ldo int, t *float32, n int)")
	Doc("storedSums16x2 adds Σ_j t[q*4096+offsets[q*ldo+j]/4+r]·d[j*16+r] to c[16*q+r], q < 2, r < 16, j < n; n is a multiple of 4.")
	Pragma("noescape")
	p := params("c", "d", "offsets", "ldo", "t", "n")
	c, d, first, ldo, t, n := p[0], p[1], p[2], p[3], p[4], p[5]
	second := GP64()
	LEAQ(Mem{Base: first, Index: ldo, Scale: 2}, second)
	zero(0, sets*tables)
	Label("loop")
	words := [tables]reg.GPVirtual{GP64(), GP64()}
	MOVQ(Mem{Base: first}, words[0])
	MOVQ(Mem{Base: second}, words[1])
	for s := range sets {
		v := ZMM()
		VMOVUPS(Mem{Base: d, Disp: 64 * s}, v)
		for q, word := range words {
			x := GP64()
			MOVWQZX(word.As16(), x)
			if s < sets-1 {
				SHRQ(U8(16), word)
			}
			VFMADD231PS(Mem{Base: t, Index: x, Scale: 1, Disp: q * 64 * 256}, v, Z(s*tables+q))
		}
	}
	ADDQ(I32(64*sets), d)
	ADDQ(I8(2*sets), first)
	ADDQ(I8(2*sets), second)
	SUBQ(I8(sets), n)
	JNZ(LabelRef("loop"))
	for half := sets / 2; half > 0; half /= 2 {
		for i := range half * tables {
			VADDPS(Z(half*tables+i), Z(i), Z(i))
		}
	}
	for q := range tables {
		m := Mem{Base: c, Disp: 64 * q}
		VADDPS(m, Z(q), Z(q))
		VMOVUPS(Z(q), m)
	}
	VZEROUPPER()
	RET()
}

// storedDots generates the dot products of two channels, sixteen columns at a
// time: of each channel the vectors of partial sums are added across by a tree of
// fifteen additions, which ends in one vector of sixteen sums. Columns are visited
// in the order in which the tree wants its leaves.
func storedDots(width int) {
	const tables = 2
	vectors := width / 16
	name := fmt.Sprintf("storedDots%dx2", width)
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, d *float32, offsets *uint16, ldo int, t *float32, n int, unit float32)")
	Doc(fmt.Sprintf("%s adds unit·Σ_r t[q*%d+offsets[q*ldo+j]/16*%d+r]·d[j*%d+r] to c[q*ldc+j], q < 2, j < n, r < %d; n is a multiple of 16.",
		name, 256*width, width/4, width, width))
	Pragma("noescape")
	p := params("c", "ldc", "d", "offsets", "ldo", "t", "n")
	c, ldc, d, offsets, ldo, t, n := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	scale(ldc)
	unit := ZMM()
	m, err := Param("unit").Resolve()
	if err != nil {
		panic(err) // a parameter of the signature above
	}
	VBROADCASTSS(m.Addr, unit)
	type pair [tables]reg.VecVirtual
	dot := func(column int) (sums pair) {
		x := [tables]reg.GPVirtual{GP64(), GP64()}
		MOVWQZX(Mem{Base: offsets, Disp: 2 * column}, x[0])
		MOVWQZX(Mem{Base: offsets, Index: ldo, Scale: 2, Disp: 2 * column}, x[1])
		for v := range vectors {
			row := ZMM()
			VMOVUPS(Mem{Base: d, Disp: 64 * (column*vectors + v)}, row)
			for q := range tables {
				g := Mem{Base: t, Index: x[q], Scale: uint8(vectors), Disp: q*256*4*width + 64*v}
				if v == 0 {
					sums[q] = ZMM()
					VMULPS(g, row, sums[q])
				} else {
					VFMADD231PS(g, row, sums[q])
				}
			}
		}
		return sums
	}
	type shuffle func(a, b, to reg.VecVirtual)
	// add adds what two shuffles of a and b select.
	add := func(a, b pair, low, high shuffle) (sums pair) {
		for q := range tables {
			l, h := ZMM(), ZMM()
			low(a[q], b[q], l)
			high(a[q], b[q], h)
			VADDPS(h, l, l)
			sums[q] = l
		}
		return sums
	}
	lanes := func(order uint8) shuffle {
		return func(a, b, to reg.VecVirtual) { VSHUFF32X4(U8(order), b, a, to) }
	}
	// four has in its lanes the sums of columns e, 4+e, 8+e, 12+e, as four partial
	// ones each.
	four := func(e int) pair {
		a := add(dot(e), dot(4+e), lanes(0x44), lanes(0xee))
		b := add(dot(8+e), dot(12+e), lanes(0x44), lanes(0xee))
		return add(a, b, lanes(0x88), lanes(0xdd))
	}
	two := func(e int) pair {
		return add(four(e), four(e+1),
			func(a, b, to reg.VecVirtual) { VUNPCKLPS(b, a, to) },
			func(a, b, to reg.VecVirtual) { VUNPCKHPS(b, a, to) })
	}
	Label("loop")
	sums := add(two(0), two(2),
		func(a, b, to reg.VecVirtual) { VUNPCKLPD(b, a, to) },
		func(a, b, to reg.VecVirtual) { VUNPCKHPD(b, a, to) })
	for q, m := range []Mem{{Base: c}, {Base: c, Index: ldc, Scale: 1}} {
		VFMADD213PS(m, unit, sums[q])
		VMOVUPS(sums[q], m)
	}
	ADDQ(I8(64), c)
	ADDQ(I32(64*width), d)
	ADDQ(I8(32), offsets)
	SUBQ(I8(16), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// expandFloats generates the tables of both, half of whose rows may be those of
// another channel.
func expandFloats() {
	TEXT("expandFloats32", NOSPLIT, "func(t *float32, ldt, half int, rows *[32]*int16)")
	Doc("expandFloats32 sets t[q*half+x*ldt+r] = rows[16*q+r][x], q < 2, r < 16, x < 256.")
	Pragma("noescape")
	p := params("t", "ldt", "half", "rows")
	t, ldt, half := p[0], p[1], p[2]
	scale(ldt, half)
	transposeWords(p[3], I32(256), func(v reg.VecPhysical) {
		first, second := Z(30), Z(31)
		VEXTRACTI64X4(U8(1), v, second.AsY())
		VPMOVSXWD(v.AsY(), first)
		VPMOVSXWD(second.AsY(), second)
		VCVTDQ2PS(first, first)
		VCVTDQ2PS(second, second)
		VMOVUPS(first, Mem{Base: t})
		VMOVUPS(second, Mem{Base: t, Index: half, Scale: 1})
		ADDQ(ldt, t)
	})
}

// offsets generates the offsets that both read.
func offsets() {
	TEXT("offsets16", NOSPLIT, "func(dst *uint16, codes *uint8, n int)")
	Doc("offsets16 sets dst[j] = 64·codes[j], j < n, a multiple of 16.")
	Pragma("noescape")
	p := params("dst", "codes", "n")
	v := YMM()
	Label("loop")
	VPMOVZXBW(Mem{Base: p[1]}, v)
	VPSLLW(U8(6), v, v)
	VMOVDQU(v, Mem{Base: p[0]})
	ADDQ(I8(32), p[0])
	ADDQ(I8(16), p[1])
	SUBQ(I8(16), p[2])
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
