package lut_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/lut"
)

// smoothedDifference is Eqs. 4 to 6 as printed, without the telescoping that
// lut2d relies on, and with the sign of the fixed operand. It is slow and
// obvious, and exists to be compared with.
func smoothedDifference(f func(v int) int, n, v, hws, fixed int) float64 {
	if hws < v && v < n-1-hws {
		smooth := func(v int) float64 { // Eq. 4
			sum := 0
			for d := -hws; d <= hws; d++ {
				sum += f(v + d)
			}
			return float64(sum) / float64(2*hws+1)
		}
		return (smooth(v+1) - smooth(v-1)) / 2 // Eq. 5
	}
	lo, hi := math.MaxInt, math.MinInt
	for v := range n {
		lo, hi = min(lo, f(v)), max(hi, f(v))
	}
	mean := float64(hi-lo) / float64(n) // Eq. 6
	if fixed < 0 {
		return -mean
	}
	return mean
}

// eachSmoothedDifference calls f with the oracle's ∂AM/∂W and ∂AM/∂X of all
// pairs of codes.
func eachSmoothedDifference(tab *lut.Table, hws int, f func(w, x int, dW, dX float64)) {
	am := func(w, x int) int { return int(tab.At(tab.W().Value(w), tab.X().Value(x))) }
	eachPair(tab, func(W, X, w, x int) {
		f(w, x,
			smoothedDifference(func(v int) int { return am(v, x) }, tab.W().Count(), w, hws, X),
			smoothedDifference(func(v int) int { return am(w, v) }, tab.X().Count(), x, hws, W))
	})
}

func TestLUT2D(t *testing.T) {
	tables := append(oddTables(),
		lut.New("one interior point", lut.Unsigned(3), lut.Unsigned(3), truncatedProduct(2)),
		lut.New("constant", lut.Unsigned(2), lut.Signed(3), func(W, X int) int { return 5 }),
		lut.New("falling", lut.Unsigned(4), lut.Unsigned(4), func(W, X int) int { return -W * X }),
	)
	for _, tab := range tables {
		for _, hws := range []int{1, 2, 3, 7, 64, math.MaxInt} {
			t.Run(fmt.Sprintf("%s/%d", tab.Name(), hws), func(t *testing.T) {
				exact, err := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}.Gradients(tab)
				if err != nil {
					t.Fatal(err)
				}
				stored, err := lut.Estimator{Method: "lut2d", HWS: hws, Boundary: "paper"}.Gradients(tab)
				if err != nil {
					t.Fatal(err)
				}
				_, scaleW := stored.DW.Stored()
				_, scaleX := stored.DX.Stored()
				eachSmoothedDifference(tab, hws, func(w, x int, dW, dX float64) {
					// Both sides are a ratio of small integers: nothing but
					// the rounding to float32 can differ.
					const ulp = 0x1p-23
					for _, c := range []struct {
						what       string
						got, saved float32
						want       float64
						scale      float32
					}{
						{"∂AM/∂W", exact.DW.At(w, x), stored.DW.At(w, x), dW, scaleW},
						{"∂AM/∂X", exact.DX.At(w, x), stored.DX.At(w, x), dX, scaleX},
					} {
						if math.Abs(float64(c.got)-c.want) > ulp*max(1, math.Abs(c.want)) {
							t.Fatalf("%s at codes (%d, %d) = %v, want %v", c.what, w, x, c.got, c.want)
						}
						// int16 is within half a step, and a little for its
						// own float32 arithmetic.
						if math.Abs(float64(c.saved)-c.want) > 0.501*float64(c.scale)+ulp*math.Abs(c.want) {
							t.Fatalf("%s stored at codes (%d, %d) = %v, want %v, step %v", c.what, w, x, c.saved, c.want, c.scale)
						}
					}
				})
			})
		}
	}
}

// TestFigure3 pins the heights of the staircase in Fig. 3(b) of the paper.
func TestFigure3(t *testing.T) {
	tab := lut.New("mul7u_rm6", lut.Unsigned(7), lut.Unsigned(7), truncatedProduct(6))
	g, err := lut.Estimator{Method: "lut2d", HWS: 4, Storage: lut.Float32}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	const w = 10
	for x, want := range map[int]float32{
		0:   9.0,       // ends of the range, Eq. 6: 1152/128
		127: 9.0,       //
		16:  128. / 18, // 7.11, the floor
		11:  192. / 18, // 10.67
		31:  256. / 18, // 14.22, the shoulders of the first peak
		28:  320. / 18, // 17.78, its horns
	} {
		if got := g.DX.At(w, x); got != want {
			t.Errorf("∂AM/∂X at (%d, %d) = %v, want %v", w, x, got, want)
		}
	}
}

// TestUpstream checks, away from the published files, which boundary is wrong:
// that of ∂AM/∂X ranges over the weights of the column numbered by the weight.
func TestUpstream(t *testing.T) {
	tab := lut.New("bent", lut.Unsigned(5), lut.Unsigned(5), bentProduct)
	g, err := lut.Estimator{Method: "lut2d", HWS: 20, Boundary: "upstream"}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	column := func(X int) float64 { // sixteenths of the mean rise over weights
		lo, hi := math.MaxInt32, math.MinInt32
		for W := range 32 {
			lo, hi = min(lo, int(tab.At(W, X))), max(hi, int(tab.At(W, X)))
		}
		return math.RoundToEven(16*float64(hi-lo)/32) / 16
	}
	eachPair(tab, func(W, X, w, x int) {
		if got := float64(g.DW.At(w, x)); got != column(X) {
			t.Fatalf("∂AM/∂W at (%d, %d) = %v, want %v", W, X, got, column(X))
		}
		if got := float64(g.DX.At(w, x)); got != column(W) {
			t.Fatalf("∂AM/∂X at (%d, %d) = %v, want %v", W, X, got, column(W))
		}
	})
}
