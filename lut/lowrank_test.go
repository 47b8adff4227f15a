package lut_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"gputrain/lut"
)

// weightedError returns Σ p·q·(got − want)², with p and q scaled to sum 1.
func weightedError(hw, hx []float64, got, want *lut.Gradient) float64 {
	var sum, all float64
	for w, p := range hw {
		for x, q := range hx {
			e := float64(got.At(w, x)) - float64(want.At(w, x))
			sum += p * q * e * e
			all += p * q
		}
	}
	return sum / all
}

func flatHistograms(tab *lut.Table) (hw, hx []float64) {
	hw, hx = make([]float64, tab.W().Count()), make([]float64, tab.X().Count())
	for i := range hw {
		hw[i] = 1
	}
	for i := range hx {
		hx[i] = 1
	}
	return hw, hx
}

// TestLowRank holds the error of every rank to the singular values that are
// left out (Eckart, Young): of the weighted gradient, whose singular values
// come here from the eigenvalues of its Gram matrix.
func TestLowRank(t *testing.T) {
	const hws = 2
	for _, tab := range oddTables() {
		full, err := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}.Gradients(tab)
		if err != nil {
			t.Fatal(err)
		}
		for _, weights := range []string{"uniform", "histograms"} {
			t.Run(tab.Name()+"/"+weights, func(t *testing.T) {
				e := lut.Estimator{Method: "lowrank", HWS: hws}
				hw, hx := flatHistograms(tab)
				if weights == "histograms" {
					hw, hx = someHistograms(tab)
					e.HistW, e.HistX = hw, hx
				}
				tails := map[*lut.Gradient][]float64{
					full.DW: squaredSingularValues(full.DW, hw, hx), full.DX: squaredSingularValues(full.DX, hw, hx),
				}
				last := map[*lut.Gradient]float64{full.DW: math.Inf(1), full.DX: math.Inf(1)}
				for e.Rank = 1; e.Rank <= min(8, len(hw), len(hx)); e.Rank++ {
					g, err := e.Gradients(tab)
					if err != nil {
						t.Fatal(err)
					}
					for _, c := range []struct {
						what      string
						got, want *lut.Gradient
					}{{"∂AM/∂W", g.DW, full.DW}, {"∂AM/∂X", g.DX, full.DX}} {
						var tail, total float64
						for r, s := range tails[c.want] {
							total += s
							if r >= e.Rank {
								tail += s
							}
						}
						got := weightedError(hw, hx, c.got, c.want)
						// Factors in float32 cost about 2⁻²⁴ of the values, and
						// eigenvalues of the Gram matrix 2⁻⁵² of the greatest.
						if math.Abs(math.Sqrt(got)-math.Sqrt(tail)) > 0x1p-20*math.Sqrt(total) {
							t.Errorf("rank %d, %s: rms error %v, want %v", e.Rank, c.what, math.Sqrt(got), math.Sqrt(tail))
						}
						if math.Sqrt(got) > math.Sqrt(last[c.want])+0x1p-20*math.Sqrt(total) {
							t.Errorf("rank %d, %s: error %v, was %v with one less", e.Rank, c.what, got, last[c.want])
						}
						last[c.want] = got
					}
				}
			})
		}
	}
}

// squaredSingularValues returns those of √p·g·√q, greatest first.
func squaredSingularValues(g *lut.Gradient, hw, hx []float64) []float64 {
	rows, cols := len(hw), len(hx)
	var all float64
	a := mat.NewDense(rows, cols, nil)
	for w, p := range hw {
		for x, q := range hx {
			all += p * q
			a.Set(w, x, math.Sqrt(p*q)*float64(g.At(w, x)))
		}
	}
	a.Scale(1/math.Sqrt(all), a)
	gram := mat.NewSymDense(rows, nil)
	gram.SymOuterK(1, a)
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, false) {
		panic("eigenvalues do not converge")
	}
	s := eigen.Values(nil)
	y := make([]float64, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		y = append(y, max(0, s[i]))
	}
	return y
}

// TestLowRankWeighted holds the weighted fit to be better, under its weights,
// than the uniform one, and than itself with a factor disturbed.
func TestLowRankWeighted(t *testing.T) {
	const hws, rank = 2, 2
	tab := lut.New("bent 5s×6u", lut.Signed(5), lut.Unsigned(6), bentProduct)
	hw, hx := someHistograms(tab)
	full, err := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	weighted, err := lut.Estimator{Method: "lowrank", HWS: hws, Rank: rank, HistW: hw, HistX: hx}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	uniform, err := lut.Estimator{Method: "lowrank", HWS: hws, Rank: rank}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what            string
		want, fit, flat *lut.Gradient
	}{{"∂AM/∂W", full.DW, weighted.DW, uniform.DW}, {"∂AM/∂X", full.DX, weighted.DX, uniform.DX}} {
		least := weightedError(hw, hx, c.fit, c.want)
		if other := weightedError(hw, hx, c.flat, c.want); least >= other {
			t.Errorf("%s: weighted error %v of the weighted fit, %v of the uniform one", c.what, least, other)
		}
		_, u, v := c.fit.Factors()
		// A disturbance of 1 % of the scale of the factors changes the error in
		// the second order, which is far above float32 rounding.
		disturbed := func(side string, f []float32, n, i int, h []float64) {
			old := f[i]
			defer func() { f[i] = old }()
			for _, by := range []float32{-0.01, 0.01} {
				f[i] = old + by*norm(f)
				g, err := lut.NewFactored(tab.W(), tab.X(), rank, u, v)
				if err != nil {
					t.Fatal(err)
				}
				got := weightedError(hw, hx, g, c.want)
				if h[i%n] > 0 && got <= least {
					t.Errorf("%s: error %v with %s[%d] moved by %v, %v without", c.what, got, side, i, f[i]-old, least)
				}
				if h[i%n] == 0 && got != least {
					t.Errorf("%s: error %v with %s[%d] of weight 0 moved, %v without", c.what, got, side, i, least)
				}
			}
		}
		u, v = append([]float32(nil), u...), append([]float32(nil), v...)
		for i := range u {
			disturbed("u", u, len(hw), i, hw)
		}
		for i := range v {
			disturbed("v", v, len(hx), i, hx)
		}
	}
}

func norm(f []float32) float32 {
	var top float32
	for _, v := range f {
		top = max(top, v, -v)
	}
	return top
}

// TestLowRankUnseen fits some operands alone: those of weight 0 must get what
// the seen ones imply. The gradients here are of rank 2 at most, so that
// nothing but that is left to imply.
func TestLowRankUnseen(t *testing.T) {
	const hws = 2
	for _, tab := range []*lut.Table{
		lut.New("exact 6s×5u", lut.Signed(6), lut.Unsigned(5), exactProduct),
		lut.New("separable 6s×5u", lut.Signed(6), lut.Unsigned(5), func(W, X int) int { return (W*W*W%53 + 60) * (X*X*X%97 + 3) }),
	} {
		hw, hx := someHistograms(tab)
		full, err := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}.Gradients(tab)
		if err != nil {
			t.Fatal(err)
		}
		g, err := lut.Estimator{Method: "lowrank", HWS: hws, Rank: 4, HistW: hw, HistX: hx}.Gradients(tab)
		if err != nil {
			t.Fatal(err)
		}
		top := max(norm(full.DW.Values()), norm(full.DX.Values()))
		eachPair(tab, func(W, X, w, x int) {
			for _, c := range []struct {
				what      string
				got, want float32
			}{{"∂AM/∂W", g.DW.At(w, x), full.DW.At(w, x)}, {"∂AM/∂X", g.DX.At(w, x), full.DX.At(w, x)}} {
				if math.Abs(float64(c.got-c.want)) > 1e-5*float64(top) {
					t.Fatalf("%s: %s at W=%d X=%d: %v, want %v", tab.Name(), c.what, W, X, c.got, c.want)
				}
			}
		})
	}
}

// TestLowRankNoise has operands of weight 0 that the others say nothing of, and
// more terms than the seen ones have: those are the noise of rounding to
// float32, and fitting the unseen ones to it would blow them up.
func TestLowRankNoise(t *testing.T) {
	tab := lut.New("patched 5u", lut.Unsigned(5), lut.Unsigned(5), func(W, X int) int {
		y := (W*W*W%53 + 60) * (X*X*X%97 + 3)
		if W >= 16 {
			y += 40 * (W * 7 % 5) * (X * X * 3 % 31)
		}
		if X >= 16 {
			y += 40 * (X * 7 % 5) * (W * W * 3 % 31)
		}
		return y
	})
	h := make([]float64, 32)
	for i := range 12 {
		h[i] = 1
	}
	full, err := lut.Estimator{Method: "lut2d", HWS: 1, Storage: lut.Float32}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	for rank := 1; rank <= 8; rank++ {
		g, err := lut.Estimator{Method: "lowrank", HWS: 1, Rank: rank, HistW: h, HistX: h}.Gradients(tab)
		if err != nil {
			t.Fatal(err)
		}
		eachPair(tab, func(W, X, w, x int) {
			if top := norm(full.DW.Values()); max(g.DW.At(w, x), -g.DW.At(w, x)) > 10*top {
				t.Fatalf("rank %d: ∂AM/∂W at (%d, %d) = %v, lut2d ends at %v", rank, W, X, g.DW.At(w, x), top)
			}
			if top := norm(full.DX.Values()); max(g.DX.At(w, x), -g.DX.At(w, x)) > 10*top {
				t.Fatalf("rank %d: ∂AM/∂X at (%d, %d) = %v, lut2d ends at %v", rank, W, X, g.DX.At(w, x), top)
			}
		})
	}
}

// TestLowRankSign holds each u_r to be positive where it is greatest, and two
// runs to be equal.
func TestLowRankSign(t *testing.T) {
	tab := lut.New("bent 6s", lut.Signed(6), lut.Signed(6), bentProduct)
	e := lut.Estimator{Method: "lowrank", HWS: 2, Rank: 5}
	a, err := e.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range []*lut.Gradient{a.DW, a.DX} {
		rank, u, v := g.Factors()
		_, u2, v2 := []*lut.Gradient{b.DW, b.DX}[i].Factors()
		if fmt.Sprint(u, v) != fmt.Sprint(u2, v2) {
			t.Error("two runs differ")
		}
		for r := range rank {
			ur := u[r*64:][:64]
			top := norm(ur)
			for _, c := range ur {
				if c > top*(1-0x1p-19) {
					break
				}
				if c < -top*(1-0x1p-21) {
					t.Errorf("term %d: u is negative where it is greatest first: %v", r, c)
					break
				}
			}
		}
	}
}

// TestLowRankZero is a table without a slope.
func TestLowRankZero(t *testing.T) {
	tab := lut.New("constant", lut.Unsigned(3), lut.Unsigned(3), func(W, X int) int { return 7 })
	g, err := lut.Estimator{Method: "lowrank", HWS: 1, Rank: 2}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	eachPair(tab, func(W, X, w, x int) {
		if g.DW.At(w, x) != 0 || g.DX.At(w, x) != 0 {
			t.Fatalf("gradient at (%d, %d) = %v, %v, want 0", W, X, g.DW.At(w, x), g.DX.At(w, x))
		}
	})
}
