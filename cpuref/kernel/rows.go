package kernel

// Rows are a table of gradients for matrices too small to repay the expansion of
// tables: each row of it is looked up at the code of every lane, as it stands.
//
// With VBMI, and gradients that are stored in 16 bits, a row is two planes of bytes,
// the 256 lower bytes of its entries, then the upper ones, which are held in
// registers and permuted. Elsewhere it is 256 float32.
type Rows struct {
	planes []uint8
	floats []float32
}

// rowKernel adds unit·65536·Σ_i g(rows[i], codes[j])·d[i*ldd+j] to c[j] for its lanes j.
// The factor is that of a word in the upper half of an integer.
type rowKernel = func(c []float32, codes, rows []uint8, d []float32, ldd int, table []uint8, unit float32)

// NewRows lays the gradients all[w<<xBits|x] of codes w < 2^wBits, x < 2^xBits out,
// in rows of w or, if byX, of x.
func NewRows[T int16 | float32](f *Floats, all []T, wBits, xBits int, byX bool) *Rows {
	n := 1 << wBits
	if byX {
		n = 1 << xBits
	}
	stored, ok := any(all).([]int16)
	r := new(Rows)
	if ok = ok && f.rowSums != nil; ok {
		r.planes = make([]uint8, n*2*rowLen)
	} else {
		r.floats = make([]float32, n*rowLen)
	}
	for i, v := range all {
		row, code := i>>xBits, i&(1<<xBits-1)
		if byX {
			row, code = code, row
		}
		if ok {
			at := row*2*rowLen + code
			r.planes[at], r.planes[at+rowLen] = uint8(stored[i]), uint8(uint16(stored[i])>>8)
		} else {
			r.floats[row*rowLen+code] = float32(v)
		}
	}
	return r
}

// Permuted reports whether bytes are permuted, which serves larger matrices than the
// plain look-ups do.
func (r *Rows) Permuted() bool { return r.planes != nil }

// Lanes returns the number of lanes of RowSums for so many that are left: at most
// 128, and 64 or 128 where bytes are permuted.
func (r *Rows) Lanes(left int) int {
	switch {
	case r.planes == nil:
		return min(left, 128)
	case left <= 64:
		return 64
	}
	return 128
}

// RowSums adds unit·Σ_i g(rows[i], codes[j])·d[i*ldd+j] to c[j], j < lanes, which is
// what g.Lanes says.
func (f *Floats) RowSums(c []float32, codes, rows []uint8, d []float32, ldd int, g *Rows, lanes int, unit float32) {
	switch {
	case len(rows) == 0:
	case g.planes != nil:
		f.rowSums[1-lanes/128](c, codes, rows, d, ldd, g.planes, unit/65536)
	default:
		goRowSums(c[:lanes], codes[:lanes], rows, d, ldd, g.floats, unit)
	}
}

func goRowSums(c []float32, codes, rows []uint8, d []float32, ldd int, table []float32, unit float32) {
	var buffer [128]float32
	sums := buffer[:len(c)]
	line := func(i int) []float32 { return d[i*ldd:] }
	row := func(i int) *[rowLen]float32 { return (*[rowLen]float32)(table[int(rows[i])*rowLen:]) }
	i := 0
	for ; i+4 <= len(rows); i += 4 {
		rowProducts4(sums, codes, line(i), line(i+1), line(i+2), line(i+3), row(i), row(i+1), row(i+2), row(i+3))
	}
	for ; i < len(rows); i++ {
		rowProducts(sums, codes, line(i), row(i))
	}
	for j, v := range sums {
		c[j] += unit * v
	}
}

//go:noinline
func rowProducts(sums []float32, codes []uint8, d []float32, t *[rowLen]float32) {
	codes, d = codes[:len(sums)], d[:len(sums)]
	for j, x := range codes {
		sums[j] += t[x] * d[j]
	}
}

//go:noinline
func rowProducts4(sums []float32, codes []uint8, d0, d1, d2, d3 []float32, t0, t1, t2, t3 *[rowLen]float32) {
	n := len(sums)
	codes, d0, d1, d2, d3 = codes[:n], d0[:n], d1[:n], d2[:n], d3[:n]
	for j, x := range codes {
		sums[j] += t0[x]*d0[j] + t1[x]*d1[j] + (t2[x]*d2[j] + t3[x]*d3[j])
	}
}
