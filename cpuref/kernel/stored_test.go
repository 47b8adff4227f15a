package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachStored runs f on the kernels of the levels that have any for gradients in
// 16 bits.
func eachStored(t *testing.T, f func(t *testing.T, k *Floats)) {
	eachFloatsFrom(t, AVX512, func(k *Floats) bool { return k.stored != nil }, f)
}

// randomStored returns gradients that reach both ends of their range, and the
// same with rows of 256 and a row of zeros behind the last.
func randomStored(rng *rand.Rand, wBits, xBits int) (all, want []int16) {
	all, want = make([]int16, 1<<(wBits+xBits)), make([]int16, (1<<wBits+1)*rowLen)
	for i := range all {
		all[i] = int16(rng.IntN(1 << 16))
		if i%5 == 0 {
			all[i] = []int16{-32768, 32767, 0, -1, 1}[rng.IntN(5)]
		}
		want[i>>xBits*rowLen+i&(1<<xBits-1)] = all[i]
	}
	return all, want
}

// randomRows returns weights below n, and the null row.
func randomRows(rng *rand.Rand, n int, null uint16) *StoredRows {
	rows := new(StoredRows)
	for q := range rows {
		for r := range rows[q] {
			rows[q][r] = uint16(rng.IntN(n))
		}
	}
	rows[0][15], rows[1][3] = null, null
	return rows
}

func TestStoredDots(t *testing.T) {
	eachStored(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 10))
		all, want := randomStored(rng, 5, 7)
		g := f.NewStored(all, 5, 7)
		for _, left := range []int{1, 16, 17, 32, 33, 1000} {
			width := f.StoredDotsWidth(left)
			rows := randomRows(rng, 1<<5, g.Null())
			table := make([]float32, 2*rowLen*width)
			f.ExpandStored(table, width, g, rows)
			for _, n := range []int{16, 32, 160} {
				ldo, ldc := n+16, n+3
				codes, d, c := randomCodes(rng, 2*ldo, 7), randomFloats(rng, n*width), randomFloats(rng, 2*ldc)
				offsets := make([]uint16, len(codes))
				f.Offsets(offsets, codes)
				before := slices.Clone(c)
				f.StoredDots(c, ldc, d, offsets, ldo, table, width, n, 0.125)
				for i := range c {
					q, j := i/ldc, i%ldc
					terms := []float64{float64(before[i])}
					for r := 0; j < n && r < width; r++ {
						terms = append(terms, 0.125*float64(want[int(rows[q][r])*rowLen+int(codes[q*ldo+j])])*float64(d[j*width+r]))
					}
					requireSum(t, fmt.Sprintf("width %d of %d columns, table %d: %d", width, n, q, j), c[i], terms)
				}
			}
		}
	})
}

func TestStoredSums(t *testing.T) {
	eachStored(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 11))
		all, want := randomStored(rng, 8, 8)
		g := f.NewStored(all, 8, 8)
		const width = StoredSumsWidth
		for _, n := range []int{16, 32, 176} {
			rows := randomRows(rng, 1<<8, g.Null())
			table := make([]float32, 2*rowLen*width)
			f.ExpandStored(table, width, g, rows)
			ldo := n + 16
			codes, d := randomCodes(rng, 2*ldo, 8), randomFloats(rng, n*width)
			offsets := make([]uint16, len(codes))
			f.Offsets(offsets, codes)
			c := randomFloats(rng, 2*width)
			before := slices.Clone(c)
			f.StoredSums(c, d, offsets, ldo, table, n)
			for i := range c {
				q, r := i/width, i%width
				terms := []float64{float64(before[i])}
				for j := range n {
					terms = append(terms, float64(want[int(rows[q][r])*rowLen+int(codes[q*ldo+j])])*float64(d[j*width+r]))
				}
				requireSum(t, fmt.Sprintf("%d columns, table %d: %d", n, q, r), c[i], terms)
			}
		}
	})
}

func TestRowSums(t *testing.T) {
	eachFloats(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 12))
		const wBits, xBits = 5, 7
		stored, _ := randomStored(rng, wBits, xBits)
		floats := randomFloats(rng, len(stored))
		for _, byX := range []bool{false, true} {
			testRowSums(t, f, rng, NewRows(f, stored, wBits, xBits, byX), byX, func(w, x uint8) float64 { return float64(stored[int(w)<<xBits+int(x)]) })
			testRowSums(t, f, rng, NewRows(f, floats, wBits, xBits, byX), byX, func(w, x uint8) float64 { return float64(floats[int(w)<<xBits+int(x)]) })
		}
	})
}

// testRowSums compares sums of gradients of 5-bit weights and 7-bit activations.
func testRowSums(t *testing.T, f *Floats, rng *rand.Rand, g *Rows, byX bool, gradient func(w, x uint8) float64) {
	t.Helper()
	rowBits, codeBits := 5, 7
	if byX {
		rowBits, codeBits = codeBits, rowBits
	}
	for _, left := range []int{1, 64, 65, 1000} {
		lanes := g.Lanes(left)
		for _, n := range []int{0, 1, 2, 5, 76} {
			ldd := lanes + 5
			codes, rows := randomCodes(rng, lanes, codeBits), randomCodes(rng, n, rowBits)
			d, c := randomFloats(rng, n*ldd), randomFloats(rng, lanes+3)
			before := slices.Clone(c)
			f.RowSums(c, codes, rows, d, ldd, g, lanes, 0.25)
			for j := range c {
				terms := []float64{float64(before[j])}
				for i := 0; j < lanes && i < n; i++ {
					w, x := rows[i], codes[j]
					if byX {
						w, x = x, w
					}
					terms = append(terms, 0.25*gradient(w, x)*float64(d[i*ldd+j]))
				}
				requireSum(t, fmt.Sprintf("rows of x %v, %d lanes, %d rows: %d", byX, lanes, n, j), c[j], terms)
			}
		}
	}
}
