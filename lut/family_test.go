package lut

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// The oracles below work bit by bit, digit by digit or in floating point, from
// the papers; the families work on whole words.

// bit returns bit i of the two's-complement form of v.
func bit(v, i int) int { return v >> i & 1 }

// arrayOf sums the cells (i, j) of an array multiplier that keep tells to keep,
// with the sign that two's complement gives to the bit products.
func arrayOf(w, x Operand, keep func(i, j int) bool) func(W, X int) int {
	return func(W, X int) int {
		sum := 0
		for i := range w.Bits {
			for j := range x.Bits {
				if !keep(i, j) {
					continue
				}
				cell := bit(W, i) * bit(X, j) << (i + j)
				if (w.Signed && i == w.Bits-1) != (x.Signed && j == x.Bits-1) {
					cell = -cell
				}
				sum += cell
			}
		}
		return sum
	}
}

// baughWooley is the array that a signed multiplier is made of: cells of one
// sign bit are complemented, and constants take back what that adds. Bits above
// the product's width are lost, the topmost left is its sign. Columns below
// cols are missing, those of the constants too.
func baughWooley(wbits, xbits, cols int) func(W, X int) int {
	width := wbits + xbits
	return func(W, X int) int {
		sum := 0
		for i := range wbits {
			for j := range xbits {
				cell := bit(W, i) & bit(X, j)
				if (i == wbits-1) != (j == xbits-1) {
					cell ^= 1
				}
				if i+j >= cols {
					sum += cell << (i + j)
				}
			}
		}
		for _, column := range []int{wbits - 1, xbits - 1, width - 1} {
			if column >= cols {
				sum += 1 << column
			}
		}
		return sum << (64 - width) >> (64 - width)
	}
}

// drumInWords reads the leading k bits off the written number.
func drumInWords(k int) func(W, X int) int {
	operand := func(v int) int {
		digits := strconv.FormatInt(int64(max(v, -v)), 2)
		if len(digits) > k {
			digits = digits[:k-1] + "1" + strings.Repeat("0", len(digits)-k)
		}
		n, err := strconv.ParseInt(digits, 2, 64)
		if err != nil {
			panic(err)
		}
		return int(n)
	}
	return func(W, X int) int { return sign(W) * sign(X) * operand(W) * operand(X) }
}

func sign(v int) int {
	switch {
	case v < 0:
		return -1
	case v > 0:
		return 1
	}
	return 0
}

// mitchellInLogarithms adds logarithms in floating point, which is exact at
// these widths.
func mitchellInLogarithms(W, X int) int {
	if W == 0 || X == 0 {
		return 0
	}
	lg := func(v int) float64 {
		fraction, exponent := math.Frexp(math.Abs(float64(v))) // fraction in [1/2, 1)
		return float64(exponent-1) + (2*fraction - 1)
	}
	characteristic, mantissa := math.Modf(lg(W) + lg(X))
	return sign(W) * sign(X) * int(math.Ldexp(1+mantissa, int(characteristic)))
}

// kulkarniOfHalves builds a multiplier of four of half the width, down to the
// 2×2 block, as the paper does.
func kulkarniOfHalves(width, a, b int) int {
	if width == 2 {
		if a == 3 && b == 3 {
			return 7
		}
		return a * b
	}
	half := width / 2
	ah, al, bh, bl := a>>half, a&(1<<half-1), b>>half, b&(1<<half-1)
	return kulkarniOfHalves(half, al, bl) +
		(kulkarniOfHalves(half, ah, bl)+kulkarniOfHalves(half, al, bh))<<half +
		kulkarniOfHalves(half, ah, bh)<<width
}

// robaByResidue searches the nearest power of two and subtracts the product
// that RoBA leaves out.
func robaByResidue(W, X int) int {
	nearest := func(v int) int {
		switch v {
		case 0:
			return 0
		case 3:
			return 2
		}
		best := 1
		for p := 2; p <= 512; p *= 2 {
			if distance := max(p-v, v-p); distance <= max(best-v, v-best) { // a tie goes up
				best = p
			}
		}
		return best
	}
	a, b := max(W, -W), max(X, -X)
	return sign(W) * sign(X) * (a*b - (nearest(a)-a)*(nearest(b)-b))
}

func TestFamilies(t *testing.T) {
	tests := map[string]func(W, X int) int{
		"exact:8u":    func(W, X int) int { return W * X },
		"exact:8s":    func(W, X int) int { return W * X },
		"exact:8ux4s": func(W, X int) int { return W * X },

		"trunc:5ux8u,cols=6":      arrayOf(Unsigned(5), Unsigned(8), func(i, j int) bool { return i+j >= 6 }),
		"trunc:8sx3s,cols=2":      baughWooley(8, 3, 2),
		"trunc:3sx8s,cols=2":      baughWooley(3, 8, 2),
		"trunc:8ux4s,cols=3":      arrayOf(Unsigned(8), Signed(4), func(i, j int) bool { return i+j >= 3 }),
		"trunc:2u,cols=2,comp=15": func(W, X int) int { return bit(W, 1)*bit(X, 1)*4 + 15 },

		"mitchell:8u":    mitchellInLogarithms,
		"mitchell:8s":    mitchellInLogarithms,
		"mitchell:4sx7u": mitchellInLogarithms,

		"kulkarni:8u":    func(W, X int) int { return kulkarniOfHalves(8, W, X) },
		"kulkarni:7u":    func(W, X int) int { return kulkarniOfHalves(8, W, X) },
		"kulkarni:4ux8u": func(W, X int) int { return kulkarniOfHalves(8, W, X) },

		"roba:8u":    robaByResidue,
		"roba:8s":    robaByResidue,
		"roba:8ux5u": robaByResidue,
	}
	for cols := range 15 {
		keep := func(i, j int) bool { return i+j >= cols }
		tests[fmt.Sprintf("trunc:8u,cols=%d", cols)] = arrayOf(Unsigned(8), Unsigned(8), keep)
		if cols < 8 {
			tests[fmt.Sprintf("trunc:8s,cols=%d", cols)] = baughWooley(8, 8, cols)
		}
	}
	for _, breaks := range [][2]int{{0, 0}, {6, 0}, {0, 3}, {6, 3}, {3, 6}, {14, 7}} {
		v, h := breaks[0], breaks[1]
		params := fmt.Sprintf(",v=%d,h=%d", v, h)
		kept := func(i, j int) bool { return i+j >= v && j >= h }
		tests["bam:8u"+params] = arrayOf(Unsigned(8), Unsigned(8), kept)
		if v < 5+8-1 {
			tests["bam:5ux8u"+params] = arrayOf(Unsigned(5), Unsigned(8), kept)
		}
		tests["bam:8s"+params] = arrayOf(Signed(8), Signed(8), func(i, j int) bool { return kept(i, j) || i == 7 || j == 7 })
		tests["bam:8ux8s"+params] = arrayOf(Unsigned(8), Signed(8), func(i, j int) bool { return kept(i, j) || j == 7 })
	}
	for k := 1; k <= 8; k++ {
		tests[fmt.Sprintf("drum:8u,k=%d", k)] = drumInWords(k)
		tests[fmt.Sprintf("drum:8s,k=%d", k)] = drumInWords(k)
	}
	for spec, want := range tests {
		t.Run(spec, func(t *testing.T) {
			s, err := ParseSpec(spec)
			if err != nil {
				t.Fatal(err)
			}
			tab, err := s.Table()
			if err != nil {
				t.Fatal(err)
			}
			for W := tab.w.Min(); W <= tab.w.Max(); W++ {
				for X := tab.x.Min(); X <= tab.x.Max(); X++ {
					if got := int(tab.At(W, X)); got != want(W, X) {
						t.Fatalf("AM(%d, %d) = %d, want %d", W, X, got, want(W, X))
					}
				}
			}
		})
	}
}

// relative returns the relative error of p against a·b.
func relative(p, a, b uint64) float64 {
	exact := float64(a) * float64(b)
	return (float64(p) - exact) / exact
}

// sampleErrors returns the mean of the absolute relative error, the standard
// deviation of the relative error and its greatest absolute value over 2²⁰
// random pairs of operands that are not 0.
func sampleErrors(bits int, am func(a, b uint64) uint64) (mean, deviation, worst float64) {
	const samples = 1 << 20
	r := rand.New(rand.NewPCG(1, 2))
	var sum, square float64
	for n := 0; n < samples; {
		a, b := r.Uint64()>>(64-bits), r.Uint64()>>(64-bits)
		if a == 0 || b == 0 {
			continue
		}
		e := relative(am(a, b), a, b)
		mean += math.Abs(e)
		sum += e
		square += e * e
		worst = max(worst, math.Abs(e))
		n++
	}
	mean /= samples
	sum /= samples
	return mean, math.Sqrt(square/samples - sum*sum), worst
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s = %.5g, want %.5g within %g %%", what, got, want, 100*tolerance)
	}
}

// TestDRUMPublished holds the 16-bit multiplier to the figures of Hashemi et al., p.
// 422, in per cent of the exact product.
func TestDRUMPublished(t *testing.T) {
	for _, row := range []struct {
		k                      int
		mean, deviation, worst float64
	}{
		{3, 11.90, 14.75, 56.25},
		{4, 5.89, 7.26, 26.56},
		{5, 2.94, 3.61, 12.86},
		{6, 1.47, 1.80, 6.31},
		{7, 0.73, 0.90, 3.1},
		{8, 0.37, 0.45, 1.54},
	} {
		mean, deviation, worst := sampleErrors(16, func(a, b uint64) uint64 { return drum(a, b, row.k) })
		name := fmt.Sprintf("k=%d: ", row.k)
		within(t, name+"mean relative error", 100*mean, row.mean, 0.02)
		within(t, name+"standard deviation", 100*deviation, row.deviation, 0.02)
		within(t, name+"worst relative error", 100*worst, row.worst, 0.05) // a sample of the tail
	}
}

// TestKulkarniPublished holds 2 to 16 bits to Table I of Kulkarni et al., which
// counts a product of 0 as one without error.
func TestKulkarniPublished(t *testing.T) {
	for bits, want := range map[int]float64{2: 1.39, 4: 2.60, 8: 3.25} {
		sum, n := 0.0, uint64(1)<<bits
		for a := uint64(1); a < n; a++ {
			for b := uint64(1); b < n; b++ {
				sum += math.Abs(relative(kulkarni(a, b), a, b))
			}
		}
		within(t, fmt.Sprintf("%d bits: mean relative error", bits), 100*sum/float64(n*n), want, 0.005)
	}
	for bits, want := range map[int]float64{12: 3.31, 16: 3.32} {
		mean, _, worst := sampleErrors(bits, kulkarni)
		within(t, fmt.Sprintf("%d bits: mean relative error", bits), 100*mean, want, 0.02)
		if worst > 2./9 {
			t.Errorf("%d bits: relative error of %v, want at most 22.22 %%", bits, worst)
		}
	}
	if e := relative(kulkarni(3<<14, 3<<14), 3<<14, 3<<14); e != -2./9 {
		t.Errorf("relative error of 3·3 is %v, want −2/9", e)
	}
}

// TestMitchellPublished holds the 16-bit multiplier to Mitchell's bounds, 0 to
// −11.1 %, the latter where both fractions are 1/2 (pp. 515–516), and to the
// mean error of −0.08333·2^(k1+k2) that H. Saadat, H. Bokhari and S.
// Parameswaran, "Minimally Biased Multipliers for Approximate Integer and
// Floating-Point Multiplication", IEEE Transactions on CAD 37(11), 2018,
// Section III, derive for it.
func TestMitchellPublished(t *testing.T) {
	mean, _, worst := sampleErrors(16, mitchell)
	within(t, "mean relative error", mean, meanOverFractions(func(f, g float64) float64 {
		if f+g < 1 {
			return f * g
		}
		return (1 - f) * (1 - g)
	}), 0.02)
	if worst > 1./9 {
		t.Errorf("relative error of %v, want at most 1/9", worst)
	}
	within(t, "relative error at fractions of 1/2", relative(mitchell(3<<14, 3<<13), 3<<14, 3<<13), -1./9, 1e-12)

	const samples = 1 << 20
	r := rand.New(rand.NewPCG(3, 4))
	sum := 0.0
	for range samples {
		a, b := 1<<15|r.Uint64N(1<<15), 1<<15|r.Uint64N(1<<15)
		sum += (float64(mitchell(a, b)) - float64(a)*float64(b)) / (1 << 30)
	}
	within(t, "mean error over 2^(k1+k2)", sum/samples, -0.08333, 0.02)
}

// TestRoBAPublished holds the 32-bit multiplier to the worst case of 11.1 % that
// Zendegani et al. derive (Section III), and its mean to the integral of the
// relative error that they state there, (Ar−A)(Br−B)/(AB).
func TestRoBAPublished(t *testing.T) {
	mean, _, worst := sampleErrors(32, roba)
	residue := func(f float64) float64 { // |Ar − A| for A = 1+f
		if f < 0.5 {
			return f
		}
		return 1 - f
	}
	within(t, "mean relative error", mean, meanOverFractions(func(f, g float64) float64 {
		return residue(f) * residue(g)
	}), 0.02)
	if worst > 1./9 {
		t.Errorf("relative error of %v, want at most 1/9", worst)
	}
	within(t, "relative error at a tie", relative(roba(3<<30, 3<<29), 3<<30, 3<<29), -1./9, 1e-12)
	t.Logf("mean relative error %.3f %%", 100*mean)
}

// meanOverFractions integrates e(f, g)/((1+f)(1+g)) over the unit square, the
// mean relative error of a multiplier whose error at 2^p·(1+f) and 2^q·(1+g) is
// e(f, g)·2^(p+q), for operands of many bits. Midpoint rule.
func meanOverFractions(e func(f, g float64) float64) float64 {
	const n = 1000
	sum := 0.0
	for i := range n {
		for j := range n {
			f, g := (float64(i)+0.5)/n, (float64(j)+0.5)/n
			sum += e(f, g) / ((1 + f) * (1 + g))
		}
	}
	return sum / (n * n)
}
