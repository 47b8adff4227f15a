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
	vbmi8pair()
	vbmi7pair()
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

// accumulation returns the steps that add the bytes of both planes to the sums.
// Odd bytes are picked by one of two instructions, which different execution
// ports carry out.
func accumulation(p0, p1 reg.VecPhysical, s [4]reg.VecPhysical, t0, t1 reg.VecPhysical, odd func(p, t reg.VecPhysical)) []func() {
	return []func(){
		func() { odd(p0, t0) },
		func() { VPADDW(p0, s[0], s[0]) },
		func() { odd(p1, t1) },
		func() { VPADDW(p1, s[2], s[2]) },
		func() { VPADDW(t0, s[1], s[1]) },
		func() { VPADDW(t1, s[3], s[3]) },
	}
}

func oddByMultiplication(p, t reg.VecPhysical) { VPMADDUBSW(Z(31), p, t) }
func oddByShift(p, t reg.VecPhysical)          { VPSRLW(U8(8), p, t) }

func all(steps []func()) {
	for _, step := range steps {
		step()
	}
}

// interleave does the steps of b spread evenly among those of a.
func interleave(a, b []func()) {
	for i, step := range a {
		step()
		all(b[i*len(b)/len(a) : (i+1)*len(b)/len(a)])
	}
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
	delayed := func(v int) {
		all(accumulation(planes[v%2][0], planes[v%2][1], sums(v), Z(26), Z(25), oddByMultiplication))
	}
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
		all(accumulation(p0, p1, sums(v), Z(26), Z(25), oddByMultiplication))
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
		all(accumulation(p0, p1, sums(v), t0, t1, oddByMultiplication))
	}
	ADDQ(I32(256*V), panel)
	SUBQ(I8(4), kc)
	JNZ(LabelRef("loop"))
	end(c, V, 6)
}

// The pair kernels sum two rows for 128 columns. Both rows share what depends
// on the columns alone, the masks that choose among registers of 64 entries,
// which VPERMB then reads one at a time. Where VPERMI2B is three operations, two
// of them for the one port that permutes bytes (Intel), this is a third faster
// than the kernels above; where it is a single operation, they are faster.
//
// The second row is ldr words behind the first, its sums ldc behind. Unit u of
// the work in one turn is vector u%2 of row u/2.

func beginPair(bits int) (c, ldc, rows, ldr, panel, table, kc reg.GPVirtual) {
	name := fmt.Sprintf("vbmi%dx2x128", bits)
	TEXT(name, NOSPLIT, "func(c *int32, ldc int, rows *uint16, ldr int, panel, table *uint8, kc int)")
	Doc(fmt.Sprintf("%s is two rows of vbmi%dx128.", name, bits))
	Pragma("noescape")
	p := params("c", "ldc", "rows", "ldr", "panel", "table", "kc")
	zero(firstSum, firstSum+16)
	return p[0], p[1], p[2], p[3], p[4], p[5], p[6]
}

func endPair(c, ldc reg.GPVirtual, shift uint8) {
	for u := range 4 {
		if u == 2 {
			LEAQ(Mem{Base: c, Index: ldc, Scale: 4}, c)
		}
		flush(Mem{Base: c, Disp: 256 * (u % 2)}, sums(u), shift)
	}
	VZEROUPPER()
	RET()
}

// vbmi8pair delays the sums of a unit until the look-ups of the next are on
// their way.
func vbmi8pair() {
	c, ldc, rows, ldr, panel, table, kc := beginPair(8)
	w := [2]reg.GPVirtual{GP64(), GP64()}
	x := [2]reg.VecPhysical{Z(24), Z(25)}
	bit6 := [2]reg.OpmaskPhysical{reg.K1, reg.K4}
	bit7 := [2]reg.OpmaskPhysical{reg.K2, reg.K5}
	both := [2]reg.OpmaskPhysical{reg.K3, reg.K6}
	planes := [2][2]reg.VecPhysical{{Z(26), Z(27)}, {Z(28), Z(29)}}
	delayed := func(u int) []func() {
		return accumulation(planes[u%2][0], planes[u%2][1], sums(u), Z(30), Z(31), oddByShift)
	}
	zero(28, 30) // the first turn of the loop accumulates what stands there
	Label("loop")
	tableRow(w[0], rows, table, 0, 9)
	MOVWQZX(Mem{Base: rows, Index: ldr, Scale: 2}, w[1])
	SHLQ(U8(9), w[1])
	ADDQ(table, w[1])
	ADDQ(I8(2), rows)
	for v := range x {
		VMOVDQU64(Mem{Base: panel, Disp: 64 * v}, x[v])
		VPADDB(x[v], x[v], Z(0))
		VPMOVB2M(Z(0), bit6[v])
		VPMOVB2M(x[v], bit7[v])
		KANDQ(bit6[v], bit7[v], both[v])
	}
	for u := range 4 {
		r, v := u/2, u%2
		if v == 0 {
			for _, i := range []int{0, 4, 1, 5, 2, 6, 3, 7} {
				VMOVDQU64(Mem{Base: w[r], Disp: 64 * i}, Z(i))
			}
		}
		p0, p1 := planes[v][0], planes[v][1]
		interleave([]func(){
			func() { VPERMB(Z(0), x[v], p0) },
			func() { VPERMB(Z(4), x[v], p1) },
			func() { VPERMB(Z(1), x[v], bit6[v], p0) },
			func() { VPERMB(Z(5), x[v], bit6[v], p1) },
			func() { VPERMB(Z(2), x[v], bit7[v], p0) },
			func() { VPERMB(Z(6), x[v], bit7[v], p1) },
			func() { VPERMB(Z(3), x[v], both[v], p0) },
			func() { VPERMB(Z(7), x[v], both[v], p1) },
		}, delayed((u+3)%4))
	}
	ADDQ(I32(128), panel)
	DECQ(kc)
	JNZ(LabelRef("loop"))
	all(delayed(3))
	endPair(c, ldc, 8)
}

// vbmi7pair adds two k as bytes before it accumulates them.
func vbmi7pair() {
	c, ldc, rows, ldr, panel, table, kc := beginPair(7)
	w := [2][2]reg.GPVirtual{{GP64(), GP64()}, {GP64(), GP64()}} // [row][k]
	x := [2][2]reg.VecPhysical{{Z(24), Z(25)}, {Z(26), Z(27)}}   // [k][vector]
	bit6 := [2][2]reg.OpmaskPhysical{{reg.K1, reg.K2}, {reg.K3, reg.K4}}
	p0, p1, q0, q1 := Z(28), Z(29), Z(30), Z(31)
	Label("loop")
	for k := range 2 {
		MOVWQZX(Mem{Base: rows, Disp: 2 * k}, w[0][k])
		MOVWQZX(Mem{Base: rows, Index: ldr, Scale: 2, Disp: 2 * k}, w[1][k])
		for r := range w {
			SHLQ(U8(8), w[r][k])
			ADDQ(table, w[r][k])
		}
		for v := range 2 {
			VMOVDQU64(Mem{Base: panel, Disp: 128*k + 64*v}, x[k][v])
			VPADDB(x[k][v], x[k][v], Z(0))
			VPMOVB2M(Z(0), bit6[k][v])
		}
	}
	ADDQ(I8(4), rows)
	for u := range 4 {
		r, v := u/2, u%2
		if v == 0 {
			for _, i := range []int{0, 2, 1, 3} {
				for k := range 2 {
					VMOVDQU64(Mem{Base: w[r][k], Disp: 64 * i}, Z(4*k+i))
				}
			}
		}
		VPERMB(Z(0), x[0][v], p0)
		VPERMB(Z(2), x[0][v], p1)
		VPERMB(Z(4), x[1][v], q0)
		VPERMB(Z(6), x[1][v], q1)
		VPERMB(Z(1), x[0][v], bit6[0][v], p0)
		VPERMB(Z(5), x[1][v], bit6[1][v], q0)
		VPERMB(Z(3), x[0][v], bit6[0][v], p1)
		VPERMB(Z(7), x[1][v], bit6[1][v], q1)
		VPADDB(q0, p0, p0)
		VPADDB(q1, p1, p1)
		all(accumulation(p0, p1, sums(u), q0, q1, oddByShift))
	}
	ADDQ(I32(256), panel)
	SUBQ(I8(2), kc)
	JNZ(LabelRef("loop"))
	endPair(c, ldc, 7)
}
