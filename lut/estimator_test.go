package lut_test

import (
	"math"
	"strings"
	"testing"

	"gputrain/lut"
)

func TestEstimatorErrors(t *testing.T) {
	square := lut.New("8u", lut.Unsigned(8), lut.Unsigned(8), exactProduct)
	signed := lut.New("4s", lut.Signed(4), lut.Signed(4), exactProduct)
	oblong := lut.New("3u×2u", lut.Unsigned(3), lut.Unsigned(2), exactProduct)
	steep := lut.New("steep", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return 40 * W * X })
	for _, c := range []struct {
		tab  *lut.Table
		e    lut.Estimator
		want string
	}{
		{square, lut.Estimator{}, `lut: method "", want ste, lut2d, lut1d or lowrank`},
		{square, lut.Estimator{Method: "LUT2D"}, `lut: method "LUT2D", want ste, lut2d, lut1d or lowrank`},
		{square, lut.Estimator{Method: "table"}, "lut: method table: the gradients come from a file, which a reader returns; no estimator makes them"},
		{square, lut.Estimator{Method: "lut2d"}, "lut: lut2d: half window (hws) 0, want at least 1"},
		{square, lut.Estimator{Method: "lut1d", HWS: -3}, "lut: lut1d: half window (hws) -3, want at least 1"},
		{square, lut.Estimator{Method: "lowrank", Rank: 1}, "lut: lowrank: half window (hws) 0, want at least 1"},
		{square, lut.Estimator{Method: "lut2d", HWS: 1, Boundary: "edge"}, `lut: lut2d: boundary "edge", want paper or upstream`},
		{square, lut.Estimator{Method: "lut2d", HWS: 1, Storage: 7}, "lut: lut2d: storage 7, want int16 or float32"},
		{square, lut.Estimator{Method: "lut2d", HWS: 1, Boundary: "upstream", Storage: lut.Float32},
			"lut: lut2d: storage float32 with boundary upstream, want int16"},
		{signed, lut.Estimator{Method: "lut2d", HWS: 1, Boundary: "upstream"},
			"lut: lut2d: boundary upstream of a 4s×4s multiplier, want both operands unsigned and of one width"},
		{oblong, lut.Estimator{Method: "lut2d", HWS: 1, Boundary: "upstream"},
			"lut: lut2d: boundary upstream of a 3u×2u multiplier, want both operands unsigned and of one width"},
		{steep, lut.Estimator{Method: "lut2d", HWS: 1, Boundary: "upstream"},
			"lut: ∂AM/∂W: gradient 2071.875 does not fit boundary upstream, which ends at 2048"},
		{square, lut.Estimator{Method: "lut1d", HWS: 1, Boundary: "upstream"}, "lut: lut1d: boundary upstream is for lut2d alone, want paper"},
		{square, lut.Estimator{Method: "lut1d", Reading: "median"}, `lut: lut1d: reading "median", want mean, range or slope`},
		{oblong, lut.Estimator{Method: "lowrank", HWS: 1, Rank: 5}, "lut: lowrank: rank 5, want 1 to 4 for a 3u×2u multiplier"},
		{oblong, lut.Estimator{Method: "lowrank", HWS: 1, Rank: 1, HistX: make([]float64, 4)}, "lut: activation histogram is all zero"},
		{oblong, lut.Estimator{Method: "lowrank", HistW: []float64{1}},
			"lut: lowrank: half window (hws) 0, want at least 1\n" +
				"lut: lowrank: rank 0, want 1 to 4 for a 3u×2u multiplier\n" +
				"lut: weight histogram of 1 entries, want 8 for 3u"},
	} {
		g, err := c.e.Gradients(c.tab)
		if err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.e, err, c.want)
		}
		if g != (lut.Gradients{}) {
			t.Errorf("%+v: gradients and an error", c.e)
		}
		if err := c.e.Validate(c.tab); err == nil && !strings.Contains(c.want, "does not fit") {
			t.Errorf("%+v: Validate accepts", c.e)
		}
	}
}

func TestSTE(t *testing.T) {
	for _, tab := range oddTables() {
		g, err := lut.Estimator{Method: "ste"}.Gradients(tab)
		if err != nil {
			t.Fatal(err)
		}
		eachPair(tab, func(W, X, w, x int) {
			if g.DW.At(w, x) != float32(X) || g.DX.At(w, x) != float32(W) {
				t.Fatalf("%s at W=%d X=%d: ∂AM/∂W, ∂AM/∂X = %v, %v", tab.Name(), W, X, g.DW.At(w, x), g.DX.At(w, x))
			}
		})
		_, u, _ := g.DW.Factors()
		_, _, v := g.DX.Factors()
		for _, one := range append(append([]float32(nil), u...), v...) {
			if one != 1 {
				t.Fatalf("%s: factor of the differentiated operand is %v, want 1", tab.Name(), one)
			}
		}
	}
}

// TestExactSigned is the sanity check of the design: the exact signed 8-bit
// table has the gradient of a product, within 1 % and sign included, under
// every estimator.
func TestExactSigned(t *testing.T) {
	tab := lut.New("exact:8s", lut.Signed(8), lut.Signed(8), exactProduct)
	for _, e := range []lut.Estimator{
		{Method: "ste"},
		{Method: "lut2d", HWS: 1},
		{Method: "lut2d", HWS: 16, Storage: lut.Float32},
		{Method: "lut2d", HWS: 200},
		{Method: "lut1d", HWS: 4},
		{Method: "lut1d", Reading: "range"},
		{Method: "lut1d", Reading: "slope"},
		{Method: "lowrank", HWS: 4, Rank: 2},
	} {
		g, err := e.Gradients(tab)
		if err != nil {
			t.Fatal(err)
		}
		eachPair(tab, func(W, X, w, x int) {
			if math.Abs(float64(g.DX.At(w, x))-float64(W)) > 0.01*math.Abs(float64(W)) {
				t.Fatalf("%+v: ∂AM/∂X at (%d, %d) = %v", e, W, X, g.DX.At(w, x))
			}
			if math.Abs(float64(g.DW.At(w, x))-float64(X)) > 0.01*math.Abs(float64(X)) {
				t.Fatalf("%+v: ∂AM/∂W at (%d, %d) = %v", e, W, X, g.DW.At(w, x))
			}
		})
	}
}

// eachPair calls f with the values and the codes of all pairs of operands.
func eachPair(tab *lut.Table, f func(W, X, w, x int)) {
	for w := range tab.W().Count() {
		for x := range tab.X().Count() {
			f(tab.W().Value(w), tab.X().Value(x), w, x)
		}
	}
}
