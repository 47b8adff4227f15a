package lut_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/lut"
)

// TestLUT1D compares the three readings with plain loops over the definition.
func TestLUT1D(t *testing.T) {
	const hws = 2
	for _, tab := range oddTables() {
		nw, nx := tab.W().Count(), tab.X().Count()
		rowMean, columnMean := make([]float64, nw), make([]float64, nx)
		eachSmoothedDifference(tab, hws, func(w, x int, dW, dX float64) {
			rowMean[w] += dX / float64(nx)
			columnMean[x] += dW / float64(nw)
		})
		row := func(w int) func(v int) float64 {
			return func(v int) float64 { return float64(tab.At(tab.W().Value(w), tab.X().Value(v))) }
		}
		column := func(x int) func(v int) float64 {
			return func(v int) float64 { return float64(tab.At(tab.W().Value(v), tab.X().Value(x))) }
		}
		span := func(f func(int) float64, n, fixed int) float64 {
			lo, hi := f(0), f(0)
			for v := range n {
				lo, hi = min(lo, f(v)), max(hi, f(v))
			}
			return math.Copysign(1, float64(fixed)) * (hi - lo) / float64(n)
		}
		slope := func(f func(int) float64, n int) float64 {
			mid := float64(n-1) / 2
			var num, den float64
			for v := range n {
				num += (float64(v) - mid) * f(v)
				den += (float64(v) - mid) * (float64(v) - mid)
			}
			return num / den
		}
		for _, c := range []struct {
			reading     string
			alpha, beta func(w int) float64
		}{
			{"", func(w int) float64 { return rowMean[w] }, func(x int) float64 { return columnMean[x] }},
			{"mean", func(w int) float64 { return rowMean[w] }, func(x int) float64 { return columnMean[x] }},
			{"range", func(w int) float64 { return span(row(w), nx, tab.W().Value(w)) },
				func(x int) float64 { return span(column(x), nw, tab.X().Value(x)) }},
			{"slope", func(w int) float64 { return slope(row(w), nx) }, func(x int) float64 { return slope(column(x), nw) }},
		} {
			t.Run(fmt.Sprintf("%s/%s", tab.Name(), c.reading), func(t *testing.T) {
				g, err := lut.Estimator{Method: "lut1d", Reading: c.reading, HWS: hws}.Gradients(tab)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range []*lut.Gradient{g.DW, g.DX} {
					if rank, _, _ := d.Factors(); d.Form() != lut.Factored || rank != 1 {
						t.Fatalf("form %v of rank %d, want factored of rank 1", d.Form(), rank)
					}
				}
				eachPair(tab, func(W, X, w, x int) {
					// A rounding to float32 for lut2d, one for the mean.
					within := func(what string, got float32, want float64) {
						if math.Abs(float64(got)-want) > 0x1p-22*max(1, math.Abs(want)) {
							t.Fatalf("%s at W=%d X=%d: %v, want %v", what, W, X, got, want)
						}
					}
					within("∂AM/∂X", g.DX.At(w, x), c.alpha(w))
					within("∂AM/∂W", g.DW.At(w, x), c.beta(x))
				})
			})
		}
	}
}
