package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// wildFloats returns floats of many sizes, ties of rounding, and all that is
// strange among floats.
func wildFloats(rng *rand.Rand, n int) []float32 {
	nan, inf := math.NaN(), math.Inf(1)
	strange := []float64{nan, math.Copysign(nan, -1), inf, -inf, 0, math.Copysign(0, -1), 1e30, -1e30, 1e-42, -1e-42,
		1 << 22, -1 << 22, 1<<22 + 1, -1<<22 - 1, 1 << 24, -1 << 24, 1 << 31, -1 << 31, math.MaxFloat32}
	x := make([]float32, n)
	for i := range x {
		switch rng.IntN(4) {
		case 0:
			x[i] = float32(strange[rng.IntN(len(strange))])
		case 1:
			x[i] = float32(rng.IntN(1200)-600) / 2 // every other a tie
		default:
			x[i] = 100 * float32(rng.NormFloat64())
		}
	}
	return x
}

// An elementsCase is one operation at n elements: what it gives with the vectors of
// e, and how many elements those did, and what each element should be.
type elementsCase struct {
	name string
	run  func(e *Elements, n int) (got []uint32, done int, want []uint32)
}

func bitsOf(x []float32) []uint32 {
	bits := make([]uint32, len(x))
	for i, v := range x {
		bits[i] = math.Float32bits(v)
		if v != v { // which of many NaN it is says nothing
			bits[i] = 0x7FC00000
		}
	}
	return bits
}

// mapped returns a case of one output of floats.
func mapped(name string, run func(e *Elements, y []float32) int, want func(i int) float32) elementsCase {
	return elementsCase{name, func(e *Elements, n int) ([]uint32, int, []uint32) {
		got, wanted := make([]float32, n), make([]float32, n)
		done := run(e, got)
		for i := range done {
			wanted[i] = want(i)
		}
		return bitsOf(got), done, bitsOf(wanted)
	}}
}

// TestElements compares what works element by element with the equations, bit for
// bit. What lies behind whole vectors must stay as it was.
func TestElements(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	const most = 700
	a, b, c := wildFloats(rng, most), wildFloats(rng, most), wildFloats(rng, most)
	acc, sumX, each := make([]int32, most), make([]int32, most), make([]int32, most)
	for i := range acc {
		acc[i], sumX[i], each[i] = int32(rng.Uint32()), int32(rng.Uint32()), int32(rng.Uint32())
	}
	codes := randomCodes(rng, most, 8)
	const g, h, k, l, m = float32(1.7), float32(-0.3), float32(12.25), float32(0.013), float32(-3.1)

	cases := []elementsCase{
		mapped("Normalize", func(e *Elements, y []float32) int { return e.Normalize(y, a, g, h, k, l) },
			func(i int) float32 {
				v := a[i] - k
				v = g * v
				v = v * l
				return v + h
			}),
		mapped("Infer", func(e *Elements, y []float32) int { return e.Infer(y, a, g, h, k, l) },
			func(i int) float32 {
				v := a[i] - k
				v = g * v
				v = v / l
				return v + h
			}),
		mapped("NormalizeBackward", func(e *Elements, y []float32) int { return e.NormalizeBackward(y, b, a, g, h, k, l, m) },
			func(i int) float32 {
				hat := float32(a[i]-h) * k
				off := hat * m
				d := b[i] - l
				d = d - off
				return g * d
			}),
		mapped("ReLU", func(e *Elements, y []float32) int { return e.ReLU(y, a) },
			func(i int) float32 { return max(a[i], 0) }),
		mapped("ReLUBackward", func(e *Elements, y []float32) int { return e.ReLUBackward(y, b, a) },
			func(i int) float32 {
				if a[i] > 0 {
					return b[i]
				}
				return 0
			}),
		mapped("Add", func(e *Elements, y []float32) int { return e.Add(y, b, c) },
			func(i int) float32 { return b[i] + c[i] }),
		mapped("Dequantize", func(e *Elements, y []float32) int { return e.Dequantize(y, codes, l, -131) },
			func(i int) float32 { return l * float32(int(codes[i])-131) }),
		mapped("DequantizeSums", func(e *Elements, y []float32) int { return e.DequantizeSums(y, acc, sumX, 1<<30, 113, l) },
			func(i int) float32 { return float32(acc[i]+1<<30-113*sumX[i]) * l }),
		mapped("DequantizeSumsEach", func(e *Elements, y []float32) int { return e.DequantizeSumsEach(y, acc, sumX, each, -7, l) },
			func(i int) float32 { return float32(acc[i]+each[i]+7*sumX[i]) * l }),
		{"AddCodes", func(e *Elements, n int) ([]uint32, int, []uint32) {
			sums := append([]int32(nil), acc[:n]...)
			done := e.AddCodes(sums, codes)
			got, want := make([]uint32, n), make([]uint32, n)
			for i, v := range sums {
				got[i], want[i] = uint32(v), uint32(acc[i])
				if i < done {
					want[i] += uint32(codes[i])
				}
			}
			return got, done, want
		}},
		{"AddInts", func(e *Elements, n int) ([]uint32, int, []uint32) {
			sums := append([]int32(nil), acc[:n]...)
			done := e.AddInts(sums, sumX)
			got, want := make([]uint32, n), make([]uint32, n)
			for i, v := range sums {
				got[i], want[i] = uint32(v), uint32(acc[i])
				if i < done {
					want[i] += uint32(sumX[i])
				}
			}
			return got, done, want
		}},
	}
	// Codes of an operand of count values from least on, with zero point Z.
	for _, q := range []struct {
		inv             float32
		least, count, Z int
	}{{1, 0, 256, 0}, {1, -128, 256, 127}, {0.5, -8, 16, -8}, {3, 0, 128, 127}, {float32(math.NaN()), 0, 256, 0}, {0, 0, 64, 9}, {float32(math.Inf(1)), -32, 64, 3}} {
		value := func(x float32) (float64, bool) {
			v := x * q.inv
			return math.RoundToEven(float64(v)) + float64(q.Z-q.least), v == v
		}
		offset := q.Z - q.least - 0x4B400000
		cases = append(cases, elementsCase{fmt.Sprintf("Quantize %v", q), func(e *Elements, n int) ([]uint32, int, []uint32) {
			code, got, want := make([]uint8, n), make([]uint32, n), make([]uint32, n)
			done := e.Quantize(code, a, q.inv, offset, q.count-1)
			for i := range code {
				got[i] = uint32(code[i])
				if v, ok := value(a[i]); ok && i < done {
					want[i] = uint32(max(0, min(float64(q.count-1), v)))
				}
			}
			return got, done, want
		}}, mapped(fmt.Sprintf("QuantizeBackward %v", q), func(e *Elements, y []float32) int {
			return e.QuantizeBackward(y, b, a, q.inv, offset, q.count-1)
		}, func(i int) float32 {
			if v, ok := value(a[i]); ok && 0 <= v && v < float64(q.count) {
				return b[i]
			}
			return 0
		}))
	}

	for _, level := range Levels() {
		e, lanes := ElementsOf(level), map[Level]int{Go: 0, AVX2: 8, AVX512: 16, AVX512VBMI: 16}[level]
		for _, c := range cases {
			for _, n := range append(sizes(67), 512, most) {
				got, done, want := c.run(e, n)
				if whole := n - n%max(1, lanes); lanes > 0 && done != whole || lanes == 0 && done != 0 {
					t.Fatalf("%v: %s did %d of %d elements", level, c.name, done, n)
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%v: %s: element %d of %d is %#x, want %#x", level, c.name, i, n, got[i], want[i])
					}
				}
			}
		}
	}
}

func sizes(most int) []int {
	var all []int
	for n := range most {
		all = append(all, n)
	}
	return all
}

// TestElementSums compares sums with those in the plain order, within the rounding of
// float64.
func TestElementSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	x, dy := randomFloats(rng, 300), randomFloats(rng, 300)
	const mu, r = float32(0.4), float32(1.7)
	for _, level := range Levels() {
		e := ElementsOf(level)
		for _, n := range append(sizes(67), 300) {
			sum, done := e.Sum(x[:n])
			squares, done2 := e.Squares(x[:n], float64(mu))
			sumDy, sumHat, done3 := e.SumsWithHat(dy[:n], x[:n], mu, r)
			if done2 != done || done3 != done || n-done >= 16 && level >= AVX2 {
				t.Fatalf("%v: did %d, %d and %d of %d elements", level, done, done2, done3, n)
			}
			var want [4]float64
			var abs float64
			for i := range done {
				d, hat := float64(x[i])-float64(mu), (x[i]-mu)*r
				for j, term := range []float64{float64(x[i]), d * d, float64(dy[i]), float64(dy[i]) * float64(hat)} {
					want[j] += term
					abs += math.Abs(term)
				}
			}
			for j, got := range []float64{sum, squares, sumDy, sumHat} {
				if math.Abs(got-want[j]) > 1e-13*abs {
					t.Errorf("%v: sum %d of %d elements is %v, want %v", level, j, done, got, want[j])
				}
			}
		}
	}
}

// TestExtremes compares extremes with the definition, of numbers, of all floats, and
// of NaN of either sign alone.
func TestExtremes(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	positive, negative := make([]float32, 67), make([]float32, 67)
	for i := range positive {
		positive[i], negative[i] = math.Float32frombits(0x7FFFFFFF), math.Float32frombits(0xFFFFFFFF)
	}
	for _, level := range Levels() {
		for i, x := range [][]float32{randomFloats(rng, 67), wildFloats(rng, 67), positive, negative} {
			for n := range len(x) {
				lo, hi, done := ElementsOf(level).Extremes(x[:n])
				least, greatest := int32(math.MaxInt32), int32(math.MinInt32)
				for _, v := range x[:done] {
					b := int32(math.Float32bits(v))
					if b < 0 { // the greater the magnitude, the less
						b = math.MinInt32 + (-1 - b)
					}
					least, greatest = min(least, b), max(greatest, b)
				}
				if lo != least || hi != greatest {
					t.Fatalf("%v: extremes of %d elements of list %d are %#x and %#x, want %#x and %#x", level, done, i, lo, hi, least, greatest)
				}
			}
		}
	}
}
