package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The forward kernels for AVX-512 VBMI add one row of sums over kc values of k,
// for 64·V columns: c[j] += Σ_k table[rows[k]][panel[k][j]], the table being two
// planes of bytes for each row. See forward_vbmi_amd64.go for the layout and for
// why the sums are exact.
func vbmi() {
	evenOdd()
	for _, V := range []int{4, 2, 1} {
		vbmi8(V)
		vbmi7(V)
		vbmi6(V)
	}
}

var oddBytes, lowerHalf, upperHalf Mem

// evenOdd declares the constants of accumulate and flush.
func evenOdd() {
	// As signed multipliers for VPMADDUBSW: 0 for even bytes, 1 for odd ones.
	oddBytes = GLOBL("oddBytes", RODATA|NOPTR)
	for i := range 8 {
		DATA(8*i, U64(0x0100010001000100))
	}
	// Word i of the merged order comes from word i/2 of the even (first) or
	// odd (second) operand.
	lowerHalf = GLOBL("lowerHalf", RODATA|NOPTR)
	for i := range 32 {
		DATA(2*i, U16(uint16(i/2+32*(i%2))))
	}
	upperHalf = GLOBL("upperHalf", RODATA|NOPTR)
	for i := range 32 {
		DATA(2*i, U16(uint16(16+i/2+32*(i%2))))
	}
}

// Register plan: Z0–Z7 tables, Z8–Z8+4V sums, Z31 oddBytes, the rest free.
const firstSum = 8

// sums returns the four accumulators of vector v: of plane 0, all bytes as
// words modulo 2¹⁶, then its odd bytes; the same of plane 1.
func sums(v int) [4]reg.VecPhysical {
	i := firstSum + 4*v
	return [4]reg.VecPhysical{Z(i), Z(i + 1), Z(i + 2), Z(i + 3)}
}

// accumulate adds the bytes of both planes to the sums.
func accumulate(p0, p1 reg.VecPhysical, s [4]reg.VecPhysical, t0, t1 reg.VecPhysical) {
	VPADDW(p0, s[0], s[0])
	VPMADDUBSW(Z(31), p0, t0)
	VPADDW(p1, s[2], s[2])
	VPMADDUBSW(Z(31), p1, t1)
	VPADDW(t0, s[1], s[1])
	VPADDW(t1, s[3], s[3])
}

// flush adds the sums of a vector, plane 1 counting 1<<shift, to the 64 int32 at
// c. It clobbers Z0–Z7.
func flush(c Mem, s [4]reg.VecPhysical, shift uint8) {
	for i := range 2 { // the words of even bytes: all minus odd·256
		VPSLLW(U8(8), s[2*i+1], Z(i))
		VPSUBW(Z(i), s[2*i], s[2*i])
	}
	for half, order := range []Mem{lowerHalf, upperHalf} {
		VMOVDQU64(order, Z(2+2*half))
		VMOVDQA64(Z(2+2*half), Z(3+2*half))
		VPERMI2W(s[1], s[0], Z(2+2*half))
		VPERMI2W(s[3], s[2], Z(3+2*half))
	}
	for quarter := range 4 {
		p0, p1 := Z(2+quarter/2*2), Z(3+quarter/2*2)
		if quarter%2 == 0 {
			VPMOVZXWD(p0.AsY(), Z(6))
			VPMOVZXWD(p1.AsY(), Z(7))
		} else {
			VEXTRACTI64X4(U8(1), p0, Z(6).AsY())
			VEXTRACTI64X4(U8(1), p1, Z(7).AsY())
			VPMOVZXWD(Z(6).AsY(), Z(6))
			VPMOVZXWD(Z(7).AsY(), Z(7))
		}
		VPSLLD(U8(shift), Z(7), Z(7))
		VPADDD(Z(7), Z(6), Z(6))
		VPADDD(c.Offset(64*quarter), Z(6), Z(6))
		VMOVDQU64(Z(6), c.Offset(64*quarter))
	}
}

// begin opens a kernel and returns its parameters.
func begin(name, doc string, V int) (c, rows, panel, table, kc reg.GPVirtual) {
	TEXT(name, NOSPLIT, "func(c *int32, rows *uint16, panel, table *uint8, kc int)")
	Doc(doc)
	Pragma("noescape")
	p := params("c", "rows", "panel", "table", "kc")
	zero(firstSum, firstSum+4*V)
	VMOVDQU64(oddBytes, Z(31))
	return p[0], p[1], p[2], p[3], p[4]
}

func end(c reg.GPVirtual, V int, shift uint8) {
	for v := range V {
		flush(Mem{Base: c, Disp: 256 * v}, sums(v), shift)
	}
	VZEROUPPER()
	RET()
}

// tableRow sets w to the address of the table row rows[i], of 1<<shift bytes.
func tableRow(w, rows, table reg.GPVirtual, i int, shift uint8) {
	MOVWQZX(Mem{Base: rows, Disp: 2 * i}, w)
	SHLQ(U8(shift), w)
	ADDQ(table, w)
}

// vbmi8 looks bytes up in 256 entries, four registers a plane: VPERMI2B reads
// two of them by the lower seven bits of the index, under the mask of the
// eighth. The sums of a vector are delayed until the look-ups of the next are
// on their way.
func vbmi8(V int) {
	name := fmt.Sprintf("vbmi8x%d", 64*V)
	c, rows, panel, table, kc := begin(name, name+" serves products below 2¹⁶ and kc ≤ 256.", V)
	w := GP64()
	planes := [2][2]reg.VecPhysical{{Z(30), Z(29)}, {Z(28), Z(27)}}
	delayed := func(v int) { accumulate(planes[v%2][0], planes[v%2][1], sums(v), Z(26), Z(25)) }
	if V > 1 {
		// The first turn of the loop accumulates what stands in the registers.
		last := planes[(V-1)%2]
		VPXORD(last[0], last[0], last[0])
		VPXORD(last[1], last[1], last[1])
	}
	Label("loop")
	tableRow(w, rows, table, 0, 9)
	ADDQ(I8(2), rows)
	for _, i := range []int{2, 3, 6, 7, 0, 1, 4, 5} {
		VMOVDQU64(Mem{Base: w, Disp: 64 * i}, Z(i))
	}
	for v := range V {
		p0, p1 := planes[v%2][0], planes[v%2][1]
		high, low := reg.K1, reg.K2
		if v%2 == 1 {
			high, low = reg.K3, reg.K4
		}
		VMOVDQU64(Mem{Base: panel, Disp: 64 * v}, p0)
		VPMOVB2M(p0, high)
		VMOVDQA64(p0, p1)
		KNOTQ(high, low)
		VPERMI2B(Z(3), Z(2), high, p0)
		VPERMI2B(Z(7), Z(6), high, p1)
		VPERMI2B(Z(1), Z(0), low, p0)
		VPERMI2B(Z(5), Z(4), low, p1)
		if V > 1 {
			delayed((v + V - 1) % V)
		} else {
			delayed(v)
		}
	}
	ADDQ(I32(64*V), panel)
	DECQ(kc)
	JNZ(LabelRef("loop"))
	if V > 1 {
		delayed(V - 1)
	}
	end(c, V, 8)
}

// vbmi7 looks up 128 entries, two registers a plane, and adds two k as bytes
// before it accumulates them.
func vbmi7(V int) {
	name := fmt.Sprintf("vbmi7x%d", 64*V)
	c, rows, panel, table, kc := begin(name, name+" serves products below 2¹⁴, 7-bit activations, and even kc ≤ 512.", V)
	w := [2]reg.GPVirtual{GP64(), GP64()}
	Label("loop")
	for i := range w {
		tableRow(w[i], rows, table, i, 8)
	}
	ADDQ(I8(4), rows)
	for i := range 4 {
		VMOVDQU64(Mem{Base: w[0], Disp: 64 * i}, Z(i))
		VMOVDQU64(Mem{Base: w[1], Disp: 64 * i}, Z(4+i))
	}
	for v := range V {
		p0, p1, q0, q1 := Z(30), Z(29), Z(28), Z(27)
		VMOVDQU64(Mem{Base: panel, Disp: 64 * v}, p0)
		VMOVDQA64(p0, p1)
		VMOVDQU64(Mem{Base: panel, Disp: 64*V + 64*v}, q0)
		VMOVDQA64(q0, q1)
		VPERMI2B(Z(1), Z(0), p0)
		VPERMI2B(Z(3), Z(2), p1)
		VPERMI2B(Z(5), Z(4), q0)
		VPERMI2B(Z(7), Z(6), q1)
		VPADDB(q0, p0, p0)
		VPADDB(q1, p1, p1)
		accumulate(p0, p1, sums(v), Z(26), Z(25))
	}
	ADDQ(I32(128*V), panel)
	SUBQ(I8(2), kc)
	JNZ(LabelRef("loop"))
	end(c, V, 7)
}

// vbmi6 looks up 64 entries, one register a plane, and adds four k as bytes
// before it accumulates them.
func vbmi6(V int) {
	name := fmt.Sprintf("vbmi6x%d", 64*V)
	c, rows, panel, table, kc := begin(name, name+" serves products below 2¹², 6-bit activations, and kc ≤ 1024 in fours.", V)
	Label("loop")
	for q := range 4 {
		w := GP64()
		tableRow(w, rows, table, q, 7)
		VMOVDQU64(Mem{Base: w}, Z(2*q))
		VMOVDQU64(Mem{Base: w, Disp: 64}, Z(2*q+1))
	}
	ADDQ(I8(8), rows)
	for v := range V {
		p0, p1, x := Z(30), Z(29), Z(28)
		t0, t1 := Z(27), Z(26)
		for q := range 4 {
			VMOVDQU64(Mem{Base: panel, Disp: 64*V*q + 64*v}, x)
			if q == 0 {
				VPERMB(Z(0), x, p0)
				VPERMB(Z(1), x, p1)
				continue
			}
			VPERMB(Z(2*q), x, t0)
			VPERMB(Z(2*q+1), x, t1)
			VPADDB(t0, p0, p0)
			VPADDB(t1, p1, p1)
		}
		accumulate(p0, p1, sums(v), t0, t1)
	}
	ADDQ(I32(256*V), panel)
	SUBQ(I8(4), kc)
	JNZ(LabelRef("loop"))
	end(c, V, 6)
}
