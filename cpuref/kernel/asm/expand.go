package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// expand generates row expansion for AVX-512: 32 rows in a vector of words, or 16
// rows of two columns. See forward_avx512_amd64.go for the layout and for why the
// sums are exact.
func expand() {
	for _, rows := range []int{32, 16} {
		expandSums(8, 1, rows)
		expandSums(7, 4, rows)
		expandSpread(rows)
	}
	transposeWords512()
}

// expandSums adds, for each column, the rows of the tables of 1<<bits codes that
// its codes at kc values of k select. So many tables are added as words before
// the upper bytes of their sum are. The sums of eight vectors are in registers
// while k runs.
func expandSums(bits, together, rows int) {
	const vectors = 8
	wide := 32 / rows // columns of a vector
	columns := vectors * wide
	name := fmt.Sprintf("expandSums%dx%d", bits, rows)
	TEXT(name, NOSPLIT, "func(sums *uint16, codes *uint8, ldc int, table *uint16, kc, n int)")
	Doc(fmt.Sprintf("%s adds v = Σ_q table[k+q][codes[(k+q)*ldc+j]][i], q < %d, to sums[j/%d][0][j%%%d][i] and v>>8 to sums[j/%d][1][j%%%d][i], "+
		"for every k of kc in steps of %d, i < %d, j < n. The tables have %d rows; n is a multiple of %d.", name, together, wide, wide, wide, wide, together, rows, 1<<bits, columns))
	Pragma("noescape")
	p := params("sums", "codes", "ldc", "table", "kc", "n")
	sums, codes, ldc, table, kc, n := p[0], p[1], p[2], p[3], p[4], p[5]
	all := func(v int) reg.VecPhysical { return Z(2 * v) }
	high := func(v int) reg.VecPhysical { return Z(2*v + 1) }
	at, tab, k := GP64(), GP64(), GP64()
	// entries sets row to the entries of the q-th table for the columns of vector v.
	entries := func(q, v int, row reg.VecPhysical) {
		for c := range wide {
			x := GP64()
			MOVBQZX(Mem{Base: at, Disp: wide*v + c}, x)
			SHLQ(U8(shiftOf(2*rows)), x)
			m := Mem{Base: tab, Index: x, Scale: 1, Disp: q * 2 * rows << bits}
			switch {
			case wide == 1:
				VMOVDQU64(m, row)
			case c == 0:
				VMOVDQU64(m, row.AsY())
			default:
				VINSERTI64X4(U8(1), m, row, row)
			}
		}
	}
	// add adds what is in row to the sums of vector v.
	add := func(v int, row, upper reg.VecPhysical) {
		VPSRLW(U8(8), row, upper)
		VPADDW(row, all(v), all(v))
		VPADDW(upper, high(v), high(v))
	}
	Label("columns")
	for i := range 2 * vectors {
		VMOVDQU64(Mem{Base: sums, Disp: 64 * i}, Z(i))
	}
	MOVQ(codes, at)
	MOVQ(table, tab)
	MOVQ(kc, k)
	Label("loop")
	if together == 1 {
		for v := range vectors {
			entries(0, v, Z(16+v))
			add(v, Z(16+v), Z(24+v))
		}
		ADDQ(ldc, at)
	} else {
		for q := range together {
			for v := range vectors {
				if q == 0 {
					entries(q, v, Z(16+v))
					continue
				}
				entries(q, v, Z(24+v))
				VPADDW(Z(24+v), Z(16+v), Z(16+v))
			}
			ADDQ(ldc, at)
		}
		for v := range vectors {
			add(v, Z(16+v), Z(24+v))
		}
	}
	ADDQ(I32(together*2*rows<<bits), tab)
	SUBQ(I8(together), k)
	JNZ(LabelRef("loop"))
	for i := range 2 * vectors {
		VMOVDQU64(Z(i), Mem{Base: sums, Disp: 64 * i})
	}
	ADDQ(I32(128*vectors), sums)
	ADDQ(I8(columns), codes)
	SUBQ(I8(columns), n)
	JNZ(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// expandSpread widens the sums of 16 columns and adds them to rows of int32,
// sixteen rows at a time.
func expandSpread(most int) {
	wide := 32 / most
	name := fmt.Sprintf("expandSpread%d", most)
	TEXT(name, NOSPLIT, "func(c *int32, ldc, rows int, sums *uint16)")
	Doc(fmt.Sprintf("%s adds 256·H + (R − 256·H mod 2¹⁶) to c[i*ldc+j], R = sums[j/%d][0][j%%%d][i], H = sums[j/%d][1][j%%%d][i], i < rows, j < 16; 0 < rows ≤ %d.",
		name, wide, wide, wide, wide, most))
	Pragma("noescape")
	p := params("c", "ldc", "rows", "sums")
	c, ldc, rows, sums := p[0], p[1], p[2], p[3]
	scale(ldc)
	mask := Z(31)
	Label("half")
	VPTERNLOGD(U8(0xff), mask, mask, mask)
	VPSRLD(U8(16), mask, mask)
	for j := range 16 {
		all, high := Z(j), Z(30)
		m := Mem{Base: sums, Disp: 128*(j/wide) + 2*most*(j%wide)}
		VPMOVZXWD(m, all)
		VPMOVZXWD(m.Offset(64), high)
		VPSLLD(U8(8), high, high)
		VPSUBD(high, all, all)
		VPANDD(mask, all, all)
		VPADDD(high, all, all)
	}
	transpose16x16(func(_ int, v reg.VecPhysical) {
		VPADDD(Mem{Base: c}, v, v)
		VMOVDQU64(v, Mem{Base: c})
		ADDQ(ldc, c)
		DECQ(rows)
		JZ(LabelRef("done"))
	})
	ADDQ(I8(32), sums) // not with sixteen rows
	JMP(LabelRef("half"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transposeWords512 generates the tables of expandSums.
func transposeWords512() {
	TEXT("transposeWords32", NOSPLIT, "func(dst *uint16, rows *[32]*uint16, n int)")
	Doc("transposeWords32 sets dst[x*32+r] = rows[r][x], r < 32, x < n; n is a multiple of 16.")
	Pragma("noescape")
	p := params("dst", "rows", "n")
	transposeWords(p[1], p[2], func(v reg.VecPhysical) {
		VMOVDQU64(v, Mem{Base: p[0]})
		ADDQ(I8(64), p[0])
	})
}

// transposeWords hands on the 32 words at x of the rows src points at, for x < n
// one after the other, n being a multiple of 16, and returns from the function.
// The rows of a register are eight apart, so that 8×8 words of each lane are
// transposed by unpacking, and the lanes of the results are those of a column. It
// leaves Z24–Z31 alone.
func transposeWords(src reg.GPVirtual, n Op, column func(v reg.VecPhysical)) {
	at, row, left := GP64(), GP64(), GP64()
	XORQ(at, at)
	MOVQ(n, left)
	Label("loop")
	for lane := range 4 {
		for r := range 8 {
			MOVQ(Mem{Base: src, Disp: 8 * (8*lane + r)}, row)
			for half := range 2 {
				m, v := Mem{Base: row, Index: at, Scale: 2, Disp: 16 * half}, Z(8*half+r)
				if lane == 0 {
					VMOVDQU(m, v.AsX())
				} else {
					VINSERTI32X4(U8(lane), m, v, v)
				}
			}
		}
	}
	for half := range 2 {
		a, b := 8*half, 16 // registers of the block, and free ones
		for g := range 4 { // rows 2g, 2g+1; columns 0…3, then 4…7
			VPUNPCKLWD(Z(a+2*g+1), Z(a+2*g), Z(b+2*g))
			VPUNPCKHWD(Z(a+2*g+1), Z(a+2*g), Z(b+2*g+1))
		}
		for g := range 2 { // rows 4g…4g+3; columns 2i, 2i+1 in a+4g+i
			for e := range 2 {
				VPUNPCKLDQ(Z(b+4*g+2+e), Z(b+4*g+e), Z(a+4*g+2*e))
				VPUNPCKHDQ(Z(b+4*g+2+e), Z(b+4*g+e), Z(a+4*g+2*e+1))
			}
		}
		for i := range 4 {
			VPUNPCKLQDQ(Z(a+4+i), Z(a+i), Z(b+2*i))
			VPUNPCKHQDQ(Z(a+4+i), Z(a+i), Z(b+2*i+1))
			column(Z(b + 2*i))
			column(Z(b + 2*i + 1))
		}
	}
	ADDQ(I8(16), at)
	SUBQ(I8(16), left)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
