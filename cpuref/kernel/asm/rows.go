package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows generates the AVX2 forward kernel. See forward_avx2_amd64.go for the
// layout and for why the sums are exact.
func rows() {
	rowSums()
	transposeWords256()
}

// rowSums adds, for each column, the rows of four tables that its codes at four
// k select: as words that wrap, and their upper bytes alone.
func rowSums() {
	const group = 4
	TEXT("rowSums16", NOSPLIT, "func(sums *uint16, codes *uint64, first int, table *uint16, n int)")
	Doc("rowSums16 adds table[q][x][i] to sums[j][0][i] and its upper byte to sums[j][1][i], x being byte first+q of codes[j], q < 4, i < 16, j < n. The tables have 256 rows.")
	Pragma("noescape")
	p := params("sums", "codes", "first", "table", "n")
	sums, codes, table, n := p[0], p[1], p[3], p[4]
	ADDQ(p[2], codes)
	all, high := YMM(), YMM()
	Label("loop")
	VMOVDQU(Mem{Base: sums}, all)
	VMOVDQU(Mem{Base: sums, Disp: 32}, high)
	for q := range group {
		x, row, upper := GP64(), YMM(), YMM()
		MOVBQZX(Mem{Base: codes, Disp: q}, x)
		SHLQ(U8(5), x)
		VMOVDQU(Mem{Base: table, Index: x, Scale: 1, Disp: q * 256 * 32}, row)
		VPSRLW(U8(8), row, upper)
		VPADDW(row, all, all)
		VPADDW(upper, high, high)
	}
	VMOVDQU(all, Mem{Base: sums})
	VMOVDQU(high, Mem{Base: sums, Disp: 32})
	ADDQ(I8(64), sums)
	ADDQ(I8(8), codes)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// transposeWords256 expands sixteen table rows: 8×8 words at a time, by unpacking
// words, double words and quad words.
func transposeWords256() {
	TEXT("transposeWords16", NOSPLIT, "func(dst *uint16, rows *[16]*uint16, n int)")
	Doc("transposeWords16 sets dst[x*16+r] = rows[r][x], r < 16, x < n; n is a multiple of 8.")
	Pragma("noescape")
	p := params("dst", "rows", "n")
	dst, src, n := p[0], p[1], p[2]
	at, row := GP64(), GP64()
	XORQ(at, at)
	unpack := func(low, high func(ops ...Op), a, b reg.VecVirtual) (l, h reg.VecVirtual) {
		l, h = XMM(), XMM()
		low(b, a, l)
		high(b, a, h)
		return l, h
	}
	words := func(a, b reg.VecVirtual) (l, h reg.VecVirtual) {
		return unpack(func(o ...Op) { VPUNPCKLWD(o[0], o[1], o[2]) }, func(o ...Op) { VPUNPCKHWD(o[0], o[1], o[2]) }, a, b)
	}
	doubles := func(a, b reg.VecVirtual) (l, h reg.VecVirtual) {
		return unpack(func(o ...Op) { VPUNPCKLDQ(o[0], o[1], o[2]) }, func(o ...Op) { VPUNPCKHDQ(o[0], o[1], o[2]) }, a, b)
	}
	quads := func(a, b reg.VecVirtual) (l, h reg.VecVirtual) {
		return unpack(func(o ...Op) { VPUNPCKLQDQ(o[0], o[1], o[2]) }, func(o ...Op) { VPUNPCKHQDQ(o[0], o[1], o[2]) }, a, b)
	}
	Label("loop")
	for half := range 2 {
		var a, b, c [8]reg.VecVirtual
		for r := range a {
			a[r] = XMM()
			MOVQ(Mem{Base: src, Disp: 8 * (8*half + r)}, row)
			VMOVDQU(Mem{Base: row, Index: at, Scale: 2}, a[r])
		}
		for g := range 4 { // rows 2g, 2g+1; columns 0…3, then 4…7
			b[2*g], b[2*g+1] = words(a[2*g], a[2*g+1])
		}
		for g := range 2 { // rows 4g…4g+3; columns 2i, 2i+1 in c[4g+i]
			for e := range 2 {
				c[4*g+2*e], c[4*g+2*e+1] = doubles(b[4*g+e], b[4*g+2+e])
			}
		}
		for i := range 4 {
			l, h := quads(c[i], c[4+i])
			VMOVDQU(l, Mem{Base: dst, Disp: 64*i + 16*half})
			VMOVDQU(h, Mem{Base: dst, Disp: 64*i + 32 + 16*half})
		}
	}
	ADDQ(I32(256), dst)
	ADDQ(I8(8), at)
	SUBQ(I8(8), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
