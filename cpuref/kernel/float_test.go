package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func randomFloats(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// requireSum fails where got is farther from the float64 sum of terms than the
// contract allows (package backend).
func requireSum(t *testing.T, name string, got float32, terms []float64) {
	t.Helper()
	var want, abs float64
	for _, v := range terms {
		want += v
		abs += math.Abs(v)
	}
	if d := math.Abs(float64(got) - want); !(d <= 2*float64(len(terms)+1)*0x1p-24*abs) {
		t.Fatalf("%s: %v, want %v", name, got, want)
	}
}

func eachFloats(t *testing.T, f func(t *testing.T, k *Floats)) {
	for _, level := range Levels() {
		t.Run(level.String(), func(t *testing.T) { f(t, FloatsOf(level)) })
	}
}

// eachFloatsFrom is eachFloats for the levels of this machine from least on, which
// must have the kernels that has asks for: they are not skipped for want of them.
func eachFloatsFrom(t *testing.T, least Level, has func(*Floats) bool, f func(t *testing.T, k *Floats)) {
	for _, level := range Levels() {
		t.Run(level.String(), func(t *testing.T) {
			k := FloatsOf(level)
			if has(k) != (level >= least) {
				t.Fatalf("has the kernels: %v, want them from %v on", has(k), least)
			}
			if level >= least {
				f(t, k)
			}
		})
	}
}

func TestProduct(t *testing.T) {
	eachFloats(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 5))
		for _, s := range [][3]int{{1, 1, 1}, {5, 17, 3}, {12, 32, 9}, {13, 33, 40}, {25, 65, 7}, {6, 100, 300}, {7, 16, 2}} {
			M, N, K := s[0], s[1], s[2]
			rows, cols := f.ProductRoom(M, N)
			a, b := randomFloats(rng, M*(K+2)), randomFloats(rng, K*(cols+3))
			ldc := cols + 5
			c := randomFloats(rng, rows*ldc)
			before := append([]float32(nil), c...)
			var p Packed
			f.Pack(&p, a, K+2, M, K)
			half := K / 2
			if half > 0 {
				f.Product(c, ldc, &p, 0, half, b, cols+3, N)
			}
			f.Product(c, ldc, &p, half, K-half, b[half*(cols+3):], cols+3, N)
			for i := range M {
				for j := range N {
					terms := []float64{float64(before[i*ldc+j])}
					for k := range K {
						terms = append(terms, float64(a[i*(K+2)+k])*float64(b[k*(cols+3)+j]))
					}
					requireSum(t, fmt.Sprint(s, i, j), c[i*ldc+j], terms)
				}
			}
		}
	})
}

func TestDots(t *testing.T) {
	eachFloats(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 6))
		for _, s := range [][3]int{{1, 1, 1}, {5, 7, 3}, {6, 4, 16}, {13, 9, 40}, {2, 8, 129}, {18, 16, 512}} {
			A, B, N := s[0], s[1], s[2]
			roomA, roomB, to := f.DotsRoom(A, B, N)
			ld := to + 3
			a, b, c := randomFloats(rng, roomA*ld), randomFloats(rng, roomB*ld), randomFloats(rng, roomA*(roomB+1))
			for _, m := range [][]float32{a, b} {
				for r := 0; r < len(m); r += ld {
					clear(m[r+N : r+to])
				}
			}
			before := append([]float32(nil), c...)
			f.Dots(c, roomB+1, a, ld, A, b, ld, B, N)
			for i := range A {
				for j := range B {
					terms := []float64{float64(before[i*(roomB+1)+j])}
					for n := range N {
						terms = append(terms, float64(a[i*ld+n])*float64(b[j*ld+n]))
					}
					requireSum(t, fmt.Sprint(s, i, j), c[i*(roomB+1)+j], terms)
				}
			}
		}
	})
}

func TestGroups(t *testing.T) {
	eachFloatsFrom(t, AVX2, (*Floats).Grouped, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 7))
		table := randomFloats(rng, 20*rowLen)
		for _, left := range []int{1, 16, 17, 32, 33, 64, 65, 128, 1000} {
			testGroups(t, f, rng, table, f.SumsWidth(left), true)
			testGroups(t, f, rng, table, f.DotsWidth(left), false)
		}
	})
}

func testGroups(t *testing.T, f *Floats, rng *rand.Rand, table []float32, width int, sums bool) {
	rows := make([]uint16, width)
	for r := range rows {
		rows[r] = uint16(rng.IntN(20))
	}
	for _, N := range []int{1, 3, 7, 300, 1001} {
		codes := randomCodes(rng, N, 8)
		for i := range N / 2 {
			codes[i] = uint8(rng.IntN(3))
		}
		for i, x := range codes {
			codes[i] = x &^ (uint8(N) & 0x60) // leave blocks of codes out
		}
		d := randomFloats(rng, N*width)
		var g Groups
		g.Set(codes)
		expanded := make([]float32, rowLen*width)
		f.Expand(expanded, width, table, rows, &g)
		terms := make([][]float64, N)
		if sums {
			terms = make([][]float64, width)
		}
		c := randomFloats(rng, len(terms))
		for i := range terms {
			terms[i] = []float64{float64(c[i])}
		}
		for n := range N {
			for r := range width {
				to := n
				if sums {
					to = r
				}
				terms[to] = append(terms[to], float64(table[int(rows[r])*rowLen+int(codes[n])])*float64(d[n*width+r]))
			}
		}
		if sums {
			f.GroupSums(c, d, &g, expanded, width)
		} else {
			f.GroupDots(c, d, &g, expanded, width)
		}
		for i := range terms {
			requireSum(t, fmt.Sprintf("width %d of %d columns, sums %v: %d", width, N, sums, i), c[i], terms[i])
		}
	}
}

func TestGroupsSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 8))
	for _, n := range []int{0, 1, 3, 4, 5, 1000, MaxGroups} {
		codes := randomCodes(rng, n, 8)
		var g Groups
		g.Set(codes)
		seen := make([]bool, n)
		for x := range rowLen {
			for _, i := range g.order[g.start[x]:g.start[x+1]] {
				if int(codes[i]) != x || seen[i] {
					t.Fatalf("%d columns: column %d, seen before: %v, is of code %d and among those of %d", n, i, seen[i], codes[i], x)
				}
				seen[i] = true
			}
		}
		if i := slices.Index(seen, false); i >= 0 {
			t.Fatalf("%d columns: column %d is in no group", n, i)
		}
	}
}

func TestColumns(t *testing.T) {
	eachFloats(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 13))
		for _, rows := range []int{0, 1, 16, 17, 48} {
			for _, n := range []int{0, 1, 16, 32, 37} {
				src, dst := randomFloats(rng, rows*(n+3)), randomFloats(rng, n*(rows+5))
				want := slices.Clone(dst)
				for i := range rows {
					for j := range n {
						want[j*(rows+5)+i] = src[i*(n+3)+j]
					}
				}
				f.Columns(dst, rows+5, src, n+3, rows, n)
				if !slices.Equal(dst, want) {
					t.Errorf("%d rows of %d: %v, want %v", rows, n, dst, want)
				}
			}
		}
	})
}

func TestCopyRows(t *testing.T) {
	eachFloats(t, func(t *testing.T, f *Floats) {
		rng := rand.New(rand.NewPCG(1, 9))
		for _, rows := range []int{0, 1, 5} {
			for _, n := range []int{0, 1, 7, 8, 13, 15, 16, 31, 40} {
				src, dst := randomFloats(rng, rows*(n+3)), randomFloats(rng, rows*(n+5))
				want := slices.Clone(dst)
				for i := range rows {
					copy(want[i*(n+5):][:n], src[i*(n+3):])
				}
				f.CopyRows(dst, n+5, src, n+3, rows, n)
				if !slices.Equal(dst, want) {
					t.Errorf("%d rows of %d: %v, want %v", rows, n, dst, want)
				}
			}
		}
	})
}
