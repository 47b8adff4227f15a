package kernel

// A Stored is a table of gradients in 16 bits, in the layout that the kernels of
// a Floats read: rows of 256, and a row of zeros behind that of the last weight.
//
// The kernels are row expansion. For a block of rows r of weights they list the
// gradients of every code x side by side, and one read at a column's code then
// meets the D of all those rows: no sorting is needed, and D is read in order.
// Sums are of float32 over the integers of the table, which a float32 holds
// exactly; the scale is for the caller.
type Stored struct {
	rows []int16
	null uint16
}

// NewStored lays the gradients all[w<<xBits|x] of codes w < 2^wBits, x < 2^xBits
// out. It returns nil where the level has no kernels for them.
func (f *Floats) NewStored(all []int16, wBits, xBits int) *Stored {
	if f.stored == nil || len(all) == 0 {
		return nil
	}
	s := &Stored{rows: make([]int16, (1<<wBits+1)*rowLen), null: 1 << wBits}
	for i, v := range all {
		s.rows[i>>xBits*rowLen+i&(1<<xBits-1)] = v
	}
	return s
}

// Null is the row of zeros.
func (s *Stored) Null() uint16 { return s.null }

// storedKernels are the kernels of a level that has any. They take two channels at
// a time, which share what is read of D. Tables are [2, 256, width].
type storedKernels struct {
	dots    []storedDots // the widest first
	sums    func(c, d []float32, offsets []uint16, ldo int, t []float32, n int)
	offsets func(dst []uint16, codes []uint8)

	// expand sets t[q*half+x*ldt+r] = rows[16*q+r][x], q < 2, r < 16, x < 256.
	expand func(t []float32, ldt, half int, rows *[32]*int16)
}

type storedDots struct {
	width int
	f     func(c []float32, ldc int, d []float32, offsets []uint16, ldo int, t []float32, n int, unit float32)
}

const (
	// StoredUnit is what numbers of columns are rounded up to.
	StoredUnit = 16

	// StoredSumsWidth is the width of StoredSums.
	StoredSumsWidth = 16

	// StoredWidth is the greatest width of a kernel.
	StoredWidth = 32
)

// StoredRows are the weights of the rows r of two channels.
type StoredRows [2][StoredWidth]uint16

// ExpandStored sets t, [2, 256, width], to the gradients of the first width rows.
func (f *Floats) ExpandStored(t []float32, width int, g *Stored, rows *StoredRows) {
	var at [32]*int16
	if width == 16 { // one expansion serves both channels
		for i := range at {
			at[i] = g.row(rows[i/16][i%16])
		}
		f.stored.expand(t, width, rowLen*width, &at)
		return
	}
	for q := range rows {
		for i := range at {
			at[i] = g.row(rows[q][i])
		}
		f.stored.expand(t[q*rowLen*width:], width, 16, &at)
	}
}

func (g *Stored) row(w uint16) *int16 { return &g.rows[int(w)*rowLen] }

// StoredDotsWidth returns the width of StoredDots for so many rows r that are
// left: 32 or 16.
func (f *Floats) StoredDotsWidth(left int) int { return f.storedDots(left).width }

func (f *Floats) storedDots(left int) *storedDots {
	dots := f.stored.dots
	for i := range dots[1:] {
		if left > dots[i+1].width {
			return &dots[i]
		}
	}
	return &dots[len(dots)-1]
}

// StoredDots adds unit·Σ_r T[q][x_j][r]·d[j][r], r < width, to c[q*ldc+j], q < 2, j <
// n, x_j being the code of offsets[q*ldo+j] (see Offsets). The width is what
// StoredDotsWidth says; n is a multiple of StoredUnit.
func (f *Floats) StoredDots(c []float32, ldc int, d []float32, offsets []uint16, ldo int, t []float32, width, n int, unit float32) {
	f.storedDots(width).f(c, ldc, d, offsets, ldo, t, n, unit)
}

// StoredSums adds Σ_j T[q][x_j][r]·d[j][r], j < n, to c[16*q+r], q < 2, r < 16. n is a
// multiple of StoredUnit.
func (f *Floats) StoredSums(c, d []float32, offsets []uint16, ldo int, t []float32, n int) {
	f.stored.sums(c, d, offsets, ldo, t, n)
}

// Offsets sets dst to what the kernels find the rows of codes by, 64 times the
// code. The number of codes is a multiple of StoredUnit.
func (f *Floats) Offsets(dst []uint16, codes []uint8) { f.stored.offsets(dst, codes) }
