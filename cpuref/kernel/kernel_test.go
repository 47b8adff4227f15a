package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A multiplier is a table of products for tests.
type multiplier struct {
	name         string
	wBits, xBits int
	all          []int32
}

func newMultiplier(name string, wBits, xBits int, am func(w, x int) int32) multiplier {
	m := multiplier{name: name, wBits: wBits, xBits: xBits}
	for w := range 1 << wBits {
		for x := range 1 << xBits {
			m.all = append(m.all, am(w, x))
		}
	}
	return m
}

// multipliers have one table on either side of each kernel's exactness
// condition, and random ones that no symmetry can hide a mistake in.
func multipliers() []multiplier {
	rng := rand.New(rand.NewPCG(1, 2))
	constant := func(v int32) func(w, x int) int32 { return func(w, x int) int32 { return v } }
	// span has products 0 and limit only, limit being the more frequent.
	span := func(limit int32) func(w, x int) int32 {
		return func(w, x int) int32 { return limit * int32(min(1, rng.IntN(8))) }
	}
	uniform := func(lo, hi int32) func(w, x int) int32 {
		return func(w, x int) int32 { return lo + rng.Int32N(hi-lo+1) }
	}
	return []multiplier{
		newMultiplier("random 8×8", 8, 8, uniform(0, 1<<16-1)),
		newMultiplier("at the limit 8×8", 8, 8, span(1<<16-1)),
		newMultiplier("beyond the limit 8×8", 8, 8, span(1<<16)),
		newMultiplier("signed 8×8", 8, 8, uniform(-16384, 16384)),
		newMultiplier("negative constant 8×8", 8, 8, constant(-12345)),
		newMultiplier("wide 8×8", 8, 8, uniform(-1<<22, 1<<22)),
		newMultiplier("random 7×7", 7, 7, uniform(0, 1<<14-1)),
		newMultiplier("at the limit 7×7", 7, 7, span(1<<14-1)),
		newMultiplier("beyond the limit 7×7", 7, 7, span(1<<14)),
		newMultiplier("random 6×6", 6, 6, uniform(-100, 1<<12-101)),
		newMultiplier("at the limit 6×6", 6, 6, span(1<<12-1)),
		newMultiplier("beyond the limit 6×6", 6, 6, span(1<<12)),
		newMultiplier("random 8×4", 8, 4, uniform(-2048, 2047)),
		newMultiplier("random 4×8", 4, 8, uniform(-2048, 2047)),
		newMultiplier("random 2×2", 2, 2, uniform(-9, 9)),
	}
}

func randomCodes(rng *rand.Rand, n, bits int) []uint8 {
	b := make([]uint8, n)
	for i := range b {
		b[i] = uint8(rng.IntN(1 << bits))
	}
	return b
}

// forwardShapes cover tails of every tile size, and K around the lengths after
// which narrow sums are spread.
func forwardShapes() (shapes [][3]int) {
	for n := 1; n <= 65; n++ {
		shapes = append(shapes, [3]int{1 + n%17, n, 1 + n*7%40})
	}
	for m := 1; m <= 17; m++ {
		shapes = append(shapes, [3]int{m, 130 + m, 9})
	}
	for _, k := range []int{1, 2, 3, 4, 7, 8, 9, 15, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 258, 300, 511, 512, 513, 1023, 1025, 1030} {
		shapes = append(shapes, [3]int{17, 65, k})
	}
	return append(shapes, [3]int{3, 4096, 40}, [3]int{18, 1024, 258}, [3]int{35, 600, 70}, [3]int{16, 1500, 65})
}

// TestSum compares every kernel that takes a table with the plain loop.
func TestSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, mul := range multipliers() {
		var all []*Products
		for _, f := range slices.Concat(archForwards(), goForwards) {
			p := NewProducts(mul.all, mul.wBits, mul.xBits, Go)
			if f.level > highest || !f.fits(p) {
				continue
			}
			p.kernels = nil
			p.add(f, mul.all)
			p.kernels[0] = &forward{name: f.name, strip: f.strip, tile: f.tile} // whatever the shape
			all = append(all, p)
		}
		t.Run(mul.name, func(t *testing.T) {
			for i, shape := range forwardShapes() {
				if i%oneShapeIn != 0 {
					continue
				}
				testSum(t, all, mul, rng, shape[0], shape[1], shape[2])
			}
		})
	}
}

func testSum(t *testing.T, all []*Products, mul multiplier, rng *rand.Rand, M, N, K int) {
	t.Helper()
	ld := K + rng.IntN(3)
	w := randomCodes(rng, M*ld, mul.wBits)
	x := Matrix{Code: randomCodes(rng, K*(N+3), mul.xBits), LD: N + 3}

	// A part of the rows and columns: a tile must not see the others.
	m0, n0 := rng.IntN(M), rng.IntN(N)
	if M*N > 1000 {
		m0, n0 = 0, 0
	}
	want := make([]int32, (M-m0)*(N-n0))
	for i := range M - m0 {
		row := want[i*(N-n0):][:N-n0]
		for k := range K {
			products := mul.all[int(w[(m0+i)*ld+k])<<mul.xBits:]
			for j, code := range x.Code[k*x.LD+n0:][:N-n0] {
				row[j] += products[code]
			}
		}
	}
	for _, p := range all {
		var packed Weights
		p.Pack(&packed, w, ld, M, K)
		n := min(N-n0, p.Strip(M, N))
		var s Scratch
		for range 2 {
			// The second time with dirty scratch, of codes that no narrow operand has.
			for i := range s.panel {
				s.panel[i] = 255
			}
			tile, stride := p.Sum(&s, &packed, m0, M-m0, &x, n0, n)
			for i := range M - m0 {
				for j := range n {
					if got, want := tile[i*stride+j], want[i*(N-n0)+j]; got != want {
						t.Fatalf("%s: %d×%d×%d from (%d, %d): at (%d, %d) %d, want %d", p.Kernel(M, N), M, N, K, m0, n0, i, j, got, want)
					}
				}
			}
		}
	}
}

// TestKernel checks which kernels serve which shapes: those of a wrong choice are
// slower, and so no other test tells.
func TestKernel(t *testing.T) {
	for _, c := range []struct {
		level      Level
		bits, m, n int
		want       []string
	}{
		{Go, 8, 64, 4096, []string{"swar"}},
		{Go, 8, 2, 4096, []string{"rows"}},
		{AVX2, 8, 64, 4096, []string{"avx2"}},
		{AVX2, 8, 64, 50, []string{"rows"}},
		{AVX512, 8, 64, 65, []string{"expand8"}},
		{AVX512, 8, 16, 65, []string{"expand8half"}},
		{AVX512, 7, 64, 65, []string{"expand7"}},
		{AVX512, 6, 16, 65, []string{"expand7half"}},
		{AVX512VBMI, 8, 64, 4096, []string{"expand8"}},
		{AVX512VBMI, 8, 64, 512, []string{"vbmi8", "vbmi8pair"}},
		{AVX512VBMI, 8, 40, 4096, []string{"vbmi8", "vbmi8pair"}},
		{AVX512VBMI, 7, 64, 4096, []string{"vbmi7", "vbmi7pair"}},
		{AVX512VBMI, 6, 64, 4096, []string{"vbmi6"}},
	} {
		if c.level > highest {
			continue
		}
		mul := newMultiplier("", c.bits, c.bits, func(w, x int) int32 { return int32(w * x) })
		if got := NewProducts(mul.all, c.bits, c.bits, c.level).Kernel(c.m, c.n); !slices.Contains(c.want, got) {
			t.Errorf("%v, %d bits, %d rows, %d columns: %s, want %s", c.level, c.bits, c.m, c.n, got, c.want)
		}
	}
}
