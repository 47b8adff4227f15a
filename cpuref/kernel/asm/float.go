package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of float32 matrices exist for vectors of 16 floats (AVX-512) and
// of 8 (AVX2). An isa says which registers and moves they take. Strides are in
// floats.
type isa struct {
	lanes  int
	vector func(i int) reg.VecPhysical // register i
}

var (
	avx512 = isa{16, Z}
	avx2   = isa{8, func(i int) reg.VecPhysical { return ymm[i] }}
)

// AVX2 kernels use the sixteen registers that AVX2 has.
var ymm = []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
	reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
}

func (s isa) bytes() int { return 4 * s.lanes }

// clear sets registers [from, to) to 0.
func (s isa) clear(from, to int) {
	for i := from; i < to; i++ {
		v := s.vector(i)
		if s.lanes == 16 {
			VPXORD(v, v, v)
		} else {
			VXORPS(v, v, v)
		}
	}
}

// scale turns strides in floats into strides in bytes.
func scale(strides ...reg.GPVirtual) {
	for _, s := range strides {
		SHLQ(U8(2), s)
	}
}

func float() {
	product(avx512, 12)
	product(avx2, 6)
	dots(avx512, 6)
	dots(avx2, 2)
	for _, vectors := range []int{4, 2} {
		groupSums(avx512, vectors)
	}
	for _, vectors := range []int{8, 4, 2} {
		groupDots(avx512, vectors)
		groupSums(avx2, vectors)
		groupDots(avx2, vectors)
	}
	transpose512()
	transpose256()
	copyRows(avx512)
	copyRows(avx2)
	copyShortRows(avx512)
	copyShortRows(avx2)
}

// product generates c[i][j] += Σ_k a[k][i]·b[k][j] for so many rows i and two
// vectors of columns j: all sums are in registers, a row of b is read once and
// each a broadcast once.
func product(s isa, rows int) {
	name := fmt.Sprintf("product%dx%d", rows, 2*s.lanes)
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, a, b *float32, ldb, k int)")
	Doc(fmt.Sprintf("%s adds Σ_k a[k*%d+i]·b[k*ldb+j] to c[i*ldc+j], i < %d, j < %d.", name, rows, rows, 2*s.lanes))
	Pragma("noescape")
	p := params("c", "ldc", "a", "b", "ldb", "k")
	c, ldc, a, b, ldb, k := p[0], p[1], p[2], p[3], p[4], p[5]
	scale(ldc, ldb)
	s.clear(0, 2*rows)
	b0, b1 := s.vector(2*rows), s.vector(2*rows+1)
	broadcasts := 2
	if s.lanes == 16 {
		broadcasts = 4
	}
	Label("loop")
	VMOVUPS(Mem{Base: b}, b0)
	VMOVUPS(Mem{Base: b, Disp: s.bytes()}, b1)
	for i := range rows {
		t := s.vector(2*rows + 2 + i%broadcasts)
		VBROADCASTSS(Mem{Base: a, Disp: 4 * i}, t)
		VFMADD231PS(b0, t, s.vector(2*i))
		VFMADD231PS(b1, t, s.vector(2*i+1))
	}
	ADDQ(I8(4*rows), a)
	ADDQ(ldb, b)
	DECQ(k)
	JNZ(LabelRef("loop"))
	for i := range rows {
		for v := range 2 {
			m := Mem{Base: c, Disp: s.bytes() * v}
			VADDPS(m, s.vector(2*i+v), s.vector(2*i+v))
			VMOVUPS(s.vector(2*i+v), m)
		}
		ADDQ(ldc, c)
	}
	VZEROUPPER()
	RET()
}

// dots generates c[i][j] += Σ_n a[i][n]·b[j][n] for so many rows i and four rows
// j: each sum is a vector of partial sums in a register until the end.
func dots(s isa, rows int) {
	name := fmt.Sprintf("dots%dx4by%d", rows, s.lanes)
	TEXT(name, NOSPLIT, "func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, n int)")
	Doc(fmt.Sprintf("%s adds Σ_n a[i*lda+n]·b[j*ldb+n] to c[i*ldc+j], i < %d, j < 4; n is a multiple of %d.", name, rows, s.lanes))
	Pragma("noescape")
	p := params("c", "ldc", "a", "lda", "b", "ldb", "n")
	c, ldc, a, lda, b, ldb, n := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	scale(ldc, lda, ldb)
	sum := func(i, j int) reg.VecPhysical { return s.vector(4*i + j) }
	s.clear(0, 4*rows)
	vb := func(j int) reg.VecPhysical { return s.vector(4*rows + j) }
	va := func(i int) reg.VecPhysical { return s.vector(4*rows + 4 + i%2) }
	b1, b3 := GP64(), GP64()
	LEAQ(Mem{Base: b, Index: ldb, Scale: 1}, b1)
	LEAQ(Mem{Base: b1, Index: ldb, Scale: 2}, b3)
	rowA := GP64()
	Label("loop")
	for j, m := range []Mem{{Base: b}, {Base: b1}, {Base: b, Index: ldb, Scale: 2}, {Base: b3}} {
		VMOVUPS(m, vb(j))
	}
	for i := range rows {
		if i == 0 {
			VMOVUPS(Mem{Base: a}, va(i))
			LEAQ(Mem{Base: a, Index: lda, Scale: 1}, rowA)
		} else {
			VMOVUPS(Mem{Base: rowA}, va(i))
			if i < rows-1 {
				ADDQ(lda, rowA)
			}
		}
		for j := range 4 {
			VFMADD231PS(vb(j), va(i), sum(i, j))
		}
	}
	for _, r := range []reg.GPVirtual{a, b, b1, b3} {
		ADDQ(I8(s.bytes()), r)
	}
	SUBQ(I8(s.lanes), n)
	JNZ(LabelRef("loop"))
	t := s.vector(4 * rows)
	for i := range rows {
		for j := range 4 {
			toX(s, sum(i, j), t)
		}
		x := [4]reg.Register{sum(i, 0).AsX(), sum(i, 1).AsX(), sum(i, 2).AsX(), sum(i, 3).AsX()}
		if s.lanes == 16 { // VHADDPS reaches the first sixteen registers only
			for j := range x {
				VMOVAPS(x[j], ymm[j].AsX())
				x[j] = ymm[j].AsX()
			}
		}
		VHADDPS(x[1], x[0], x[0])
		VHADDPS(x[3], x[2], x[2])
		VHADDPS(x[2], x[0], x[0])
		VADDPS(Mem{Base: c}, x[0], x[0])
		VMOVUPS(x[0], Mem{Base: c})
		ADDQ(ldc, c)
	}
	VZEROUPPER()
	RET()
}

// toX adds the quarters (halves) of v into its lower four floats. It clobbers t.
func toX(s isa, v, t reg.VecPhysical) {
	if s.lanes == 16 {
		VEXTRACTF64X4(U8(1), v, t.AsY())
		VADDPS(t.AsY(), v.AsY(), v.AsY())
		VEXTRACTF32X4(U8(1), v.AsY(), t.AsX())
	} else {
		VEXTRACTF128(U8(1), v, t.AsX())
	}
	VADDPS(t.AsX(), v.AsX(), v.AsX())
}

// groups generates the loops over the groups of equal codes: for x < 256 with
// start[x] < start[x+1], begin(), then each(n) for every n = order[i], start[x] ≤ i <
// start[x+1], two at a time by pair(n, m) if pair is not nil, then done(). t
// walks along the rows of a table, of so many bytes.
func groups(order, start, t reg.GPVirtual, rowBytes int, begin func(), each func(n reg.GPVirtual), pair func(n, m reg.GPVirtual), done func()) {
	x, i, end, n := GP64(), GP64(), GP64(), GP64()
	member := func(n reg.GPVirtual, at int) { MOVWQZX(Mem{Base: order, Index: i, Scale: 2, Disp: 2 * at}, n) }
	XORQ(x, x)
	XORQ(i, i)
	Label("group")
	MOVLQZX(Mem{Base: start, Index: x, Scale: 4, Disp: 4}, end)
	CMPQ(i, end)
	JGE(LabelRef("next"))
	begin()
	if pair != nil {
		m, last := GP64(), GP64()
		LEAQ(Mem{Base: end, Disp: -1}, last)
		CMPQ(i, last)
		JGE(LabelRef("single"))
		Label("pair")
		member(n, 0)
		member(m, 1)
		pair(n, m)
		ADDQ(I8(2), i)
		CMPQ(i, last)
		JLT(LabelRef("pair"))
		Label("single")
		CMPQ(i, end)
		JGE(LabelRef("done"))
	}
	Label("member")
	member(n, 0)
	each(n)
	INCQ(i)
	CMPQ(i, end)
	JLT(LabelRef("member"))
	Label("done")
	done()
	Label("next")
	ADDQ(I32(rowBytes), t)
	INCQ(x)
	CMPQ(x, I32(256))
	JLT(LabelRef("group"))
}

func shiftOf(n int) uint8 {
	s := uint8(0)
	for 1<<s < n {
		s++
	}
	return s
}

// groupSums generates c[r] += Σ_x t[x][r]·Σ_{n of group x} d[n][r] for so many
// vectors of r. The inner sum is in registers.
func groupSums(s isa, vectors int) {
	width := vectors * s.lanes
	name := fmt.Sprintf("groupSums%dby%d", width, s.lanes)
	TEXT(name, NOSPLIT, "func(c, d *float32, order *uint16, start *uint32, t *float32)")
	Doc(fmt.Sprintf("%s adds Σ_x t[x*%d+r]·Σ_n d[n*%d+r] to c[r], r < %d, the inner sum over n = order[start[x]:start[x+1]].", name, width, width, width))
	Pragma("noescape")
	p := params("c", "d", "order", "start", "t")
	c, d, order, start, t := p[0], p[1], p[2], p[3], p[4]
	groups(order, start, t, 4*width,
		func() { s.clear(0, vectors) },
		func(n reg.GPVirtual) {
			SHLQ(U8(shiftOf(4*width)), n)
			ADDQ(d, n)
			for v := range vectors {
				VADDPS(Mem{Base: n, Disp: s.bytes() * v}, s.vector(v), s.vector(v))
			}
		},
		nil,
		func() {
			for v := range vectors {
				m := Mem{Base: c, Disp: s.bytes() * v}
				w := s.vector(8 + v%4)
				VMOVUPS(m, w)
				VFMADD231PS(Mem{Base: t, Disp: s.bytes() * v}, s.vector(v), w)
				VMOVUPS(w, m)
			}
		})
	VZEROUPPER()
	RET()
}

// groupDots generates c[n] += Σ_r t[x][r]·d[n][r] for every n of every group x,
// and so many vectors of r. The row of the table is in registers. Two columns at
// a time share most of the additions across a vector.
func groupDots(s isa, vectors int) {
	width := vectors * s.lanes
	name := fmt.Sprintf("groupDots%dby%d", width, s.lanes)
	TEXT(name, NOSPLIT, "func(c, d *float32, order *uint16, start *uint32, t *float32)")
	Doc(fmt.Sprintf("%s adds Σ_r t[x*%d+r]·d[n*%d+r], r < %d, to c[n] for every n = order[start[x]:start[x+1]].", name, width, width, width))
	Pragma("noescape")
	p := params("c", "d", "order", "start", "t")
	c, d, order, start, t := p[0], p[1], p[2], p[3], p[4]
	row := GP64()
	// products sets sum to the vector of partial sums of column n.
	products := func(n reg.GPVirtual, sum, other reg.VecPhysical) {
		MOVQ(n, row)
		SHLQ(U8(shiftOf(4*width)), row)
		ADDQ(d, row)
		for v := range vectors {
			m, to := Mem{Base: row, Disp: s.bytes() * v}, sum
			if v%2 == 1 {
				to = other
			}
			if v < 2 {
				VMULPS(m, s.vector(v), to)
			} else {
				VFMADD231PS(m, s.vector(v), to)
			}
		}
		VADDPS(other, sum, sum)
	}
	// Results go through the first registers, which every encoding reaches.
	a, b, u, v := s.vector(8), s.vector(9), s.vector(10), s.vector(11)
	add := func(x reg.Register, n reg.GPVirtual) {
		VADDSS(Mem{Base: c, Index: n, Scale: 4}, x, x)
		VMOVSS(x, Mem{Base: c, Index: n, Scale: 4})
	}
	groups(order, start, t, 4*width,
		func() {
			for v := range vectors {
				VMOVUPS(Mem{Base: t, Disp: s.bytes() * v}, s.vector(v))
			}
		},
		func(n reg.GPVirtual) {
			products(n, a, b)
			toX(s, a, b)
			x, y := a.AsX(), b.AsX()
			VPERMILPS(U8(0x4e), x, y)
			VADDPS(y, x, x)
			VPERMILPS(U8(0xb1), x, y)
			VADDSS(y, x, x)
			add(x, n)
		},
		func(n, m reg.GPVirtual) {
			products(n, a, u)
			products(m, b, u)
			if s.lanes == 16 {
				VSHUFF32X4(U8(0x44), b, a, u) // quarters a0 a1 b0 b1
				VSHUFF32X4(U8(0xee), b, a, v) // and a2 a3 b2 b3
				VADDPS(v, u, u)
				VSHUFF32X4(U8(0xb1), u, u, v) // the other of each two
				VADDPS(v, u, u)
			} else {
				VPERM2F128(U8(0x20), b, a, u)
				VPERM2F128(U8(0x31), b, a, v)
				VADDPS(v, u, u)
			}
			for _, order := range []uint8{0x4e, 0xb1} {
				VPERMILPS(U8(order), u, v)
				VADDPS(v, u, u)
			}
			if s.lanes == 16 {
				VEXTRACTF32X4(U8(2), u, v.AsX())
			} else {
				VEXTRACTF128(U8(1), u, v.AsX())
			}
			add(u.AsX(), n)
			add(v.AsX(), m)
		},
		func() {})
	VZEROUPPER()
	RET()
}

// beginTranspose opens a transposition of so many rows.
func beginTranspose(rows int) (dst, ldd, src, n reg.GPVirtual) {
	name := fmt.Sprintf("transpose%d", rows)
	TEXT(name, NOSPLIT, fmt.Sprintf("func(dst *float32, ldd int, rows *[%d]*float32, n int)", rows))
	Doc(fmt.Sprintf("%s sets dst[x*ldd+r] = rows[r][x], r < %d, x < n; n is a multiple of %d.", name, rows, rows))
	Pragma("noescape")
	p := params("dst", "ldd", "rows", "n")
	scale(p[1])
	return p[0], p[1], p[2], p[3]
}

// loadRows loads rows[r][at…] into register r.
func loadRows(s isa, src, at reg.GPVirtual) {
	row := GP64()
	for r := range s.lanes {
		MOVQ(Mem{Base: src, Disp: 8 * r}, row)
		VMOVUPS(Mem{Base: row, Index: at, Scale: 4}, s.vector(r))
	}
}

// transpose16x16 transposes the 16×16 words of 32 bits in Z0–Z15 and hands each
// column on, in order: pairs, then fours, of rows by unpacking, then the 128-bit
// lanes. It clobbers Z0–Z31.
func transpose16x16(column func(x int, v reg.VecPhysical)) {
	for g := range 8 { // rows 2g, 2g+1 → 16+2g, 17+2g
		VUNPCKLPS(Z(2*g+1), Z(2*g), Z(16+2*g))
		VUNPCKHPS(Z(2*g+1), Z(2*g), Z(17+2*g))
	}
	for g := range 4 { // lane l of register 4g+e: column 4l+e of rows 4g…4g+3
		for e := range 2 {
			VUNPCKLPD(Z(18+4*g+e), Z(16+4*g+e), Z(4*g+2*e))
			VUNPCKHPD(Z(18+4*g+e), Z(16+4*g+e), Z(4*g+2*e+1))
		}
	}
	for e := range 4 { // lanes 0, 1 (then 2, 3) of the four groups of rows
		VSHUFF32X4(U8(0x44), Z(4+e), Z(e), Z(16+4*e))
		VSHUFF32X4(U8(0xee), Z(4+e), Z(e), Z(17+4*e))
		VSHUFF32X4(U8(0x44), Z(12+e), Z(8+e), Z(18+4*e))
		VSHUFF32X4(U8(0xee), Z(12+e), Z(8+e), Z(19+4*e))
	}
	for l := range 4 {
		for e := range 4 { // column 4l+e
			select1 := U8(0x88)
			if l%2 == 1 {
				select1 = U8(0xdd)
			}
			VSHUFF32X4(select1, Z(18+4*e+l/2), Z(16+4*e+l/2), Z(e))
			column(4*l+e, Z(e))
		}
	}
}

// transpose512 transposes blocks of 16×16.
func transpose512() {
	dst, ldd, src, n := beginTranspose(16)
	at := GP64()
	XORQ(at, at)
	Label("loop")
	loadRows(avx512, src, at)
	transpose16x16(func(_ int, v reg.VecPhysical) {
		VMOVUPS(v, Mem{Base: dst})
		ADDQ(ldd, dst)
	})
	ADDQ(I8(16), at)
	SUBQ(I8(16), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// transpose256 transposes blocks of 8×8 in the same way.
func transpose256() {
	dst, ldd, src, n := beginTranspose(8)
	at := GP64()
	XORQ(at, at)
	y := avx2.vector
	Label("loop")
	loadRows(avx2, src, at)
	for g := range 4 {
		VUNPCKLPS(y(2*g+1), y(2*g), y(8+2*g))
		VUNPCKHPS(y(2*g+1), y(2*g), y(9+2*g))
	}
	for g := range 2 {
		for e := range 2 {
			VUNPCKLPD(y(10+4*g+e), y(8+4*g+e), y(4*g+2*e))
			VUNPCKHPD(y(10+4*g+e), y(8+4*g+e), y(4*g+2*e+1))
		}
	}
	for l := range 2 {
		for e := range 4 { // column 4l+e
			VPERM2F128(U8(0x20+0x11*l), y(4+e), y(e), y(8+e))
			VMOVUPS(y(8+e), Mem{Base: dst})
			ADDQ(ldd, dst)
		}
	}
	ADDQ(I8(8), at)
	SUBQ(I8(8), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// copyRows copies rows of a few vectors, which a call each would be too much
// for.
func copyRows(s isa) {
	name := fmt.Sprintf("copyRows%d", s.lanes)
	TEXT(name, NOSPLIT, "func(dst *float32, ldd int, src *float32, lds, rows, n int)")
	Doc(fmt.Sprintf("%s sets dst[i*ldd+j] = src[i*lds+j], i < rows, j < n; n is a multiple of %d.", name, s.lanes))
	Pragma("noescape")
	p := params("dst", "ldd", "src", "lds", "rows", "n")
	dst, ldd, src, lds, rows, n := p[0], p[1], p[2], p[3], p[4], p[5]
	scale(ldd, lds, n)
	at, v := GP64(), s.vector(0)
	Label("row")
	XORQ(at, at)
	Label("vector")
	VMOVUPS(Mem{Base: src, Index: at, Scale: 1}, v)
	VMOVUPS(v, Mem{Base: dst, Index: at, Scale: 1})
	ADDQ(I8(s.bytes()), at)
	CMPQ(at, n)
	JLT(LabelRef("vector"))
	ADDQ(ldd, dst)
	ADDQ(lds, src)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// copyShortRows copies rows shorter than a vector, or what is left of longer ones.
// Lanes that the mask leaves out are neither read nor written.
func copyShortRows(s isa) {
	name := fmt.Sprintf("copyShortRows%d", s.lanes)
	var masks Mem
	if s.lanes == 8 {
		masks = GLOBL("laneMasks", RODATA|NOPTR)
		for i := range 2 * s.lanes {
			DATA(4*i, U32(^uint32(0)*uint32(1-i/s.lanes)))
		}
	}
	TEXT(name, NOSPLIT, "func(dst *float32, ldd int, src *float32, lds, rows, n int)")
	Doc(fmt.Sprintf("%s sets dst[i*ldd+j] = src[i*lds+j], i < rows, j < n; 0 < n < %d.", name, s.lanes))
	Pragma("noescape")
	p := params("dst", "ldd", "src", "lds", "rows", "n")
	dst, ldd, src, lds, rows, n := p[0], p[1], p[2], p[3], p[4], p[5]
	scale(ldd, lds)
	v, mask, k, t := s.vector(0), s.vector(1), K(), GP64()
	if s.lanes == 16 {
		MOVQ(I32(-1), t)
		BZHIQ(n, t, t)
		KMOVW(t.As32(), k)
	} else {
		LEAQ(masks, t)
		NEGQ(n)
		VMOVUPS(Mem{Base: t, Index: n, Scale: 4, Disp: s.bytes()}, mask)
	}
	Label("row")
	if s.lanes == 16 {
		VMOVUPS_Z(Mem{Base: src}, k, v)
		VMOVUPS(v, k, Mem{Base: dst})
	} else {
		VMASKMOVPS(Mem{Base: src}, mask, v)
		VMASKMOVPS(v, mask, Mem{Base: dst})
	}
	ADDQ(ldd, dst)
	ADDQ(lds, src)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
