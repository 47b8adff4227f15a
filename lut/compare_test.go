package lut_test

import (
	"fmt"
	"math"
	"testing"

	"gputrain/lut"
)

func TestCompareGradients(t *testing.T) {
	const hws = 2
	for _, tab := range oddTables() {
		for _, weights := range []string{"uniform", "histograms"} {
			t.Run(tab.Name()+"/"+weights, func(t *testing.T) {
				hw, hx := flatHistograms(tab)
				var histW, histX []float64
				if weights == "histograms" {
					hw, hx = someHistograms(tab)
					histW, histX = hw, hx
				}
				list, err := lut.CompareGradients(tab, hws, histW, histX)
				if err != nil {
					t.Fatal(err)
				}
				want, err := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}.Gradients(tab)
				if err != nil {
					t.Fatal(err)
				}
				estimators := []struct {
					name string
					e    lut.Estimator
				}{
					{"ste", lut.Estimator{Method: "ste"}},
					{"lut1d mean", lut.Estimator{Method: "lut1d", HWS: hws}},
					{"lut1d range", lut.Estimator{Method: "lut1d", Reading: "range"}},
					{"lut1d slope", lut.Estimator{Method: "lut1d", Reading: "slope"}},
				}
				for rank := 1; rank <= min(8, len(hw), len(hx)); rank++ {
					estimators = append(estimators, struct {
						name string
						e    lut.Estimator
					}{fmt.Sprint("lowrank ", rank), lut.Estimator{Method: "lowrank", HWS: hws, Rank: rank, HistW: histW, HistX: histX}})
				}
				if len(list) != 2*len(estimators) {
					t.Fatalf("%d distances, want %d", len(list), 2*len(estimators))
				}
				for i, c := range estimators {
					g, err := c.e.Gradients(tab)
					if err != nil {
						t.Fatal(err)
					}
					for j, d := range []struct {
						operand   string
						got, want *lut.Gradient
					}{{"w", g.DW, want.DW}, {"x", g.DX, want.DX}} {
						got := list[2*i+j]
						if got.Method != c.name || got.Operand != d.operand {
							t.Fatalf("entry %d is %s %s, want %s %s", 2*i+j, got.Method, got.Operand, c.name, d.operand)
						}
						rms := math.Sqrt(weightedError(hw, hx, d.got, d.want))
						if math.Abs(got.RMS-rms) > 1e-12*max(1, rms) {
							t.Errorf("%s %s: rms %v, want %v", c.name, d.operand, got.RMS, rms)
						}
						var top float64
						eachPair(tab, func(W, X, w, x int) {
							if hw[w] > 0 && hx[x] > 0 {
								top = max(top, math.Abs(float64(d.got.At(w, x))-float64(d.want.At(w, x))))
							}
						})
						if got.Max != top {
							t.Errorf("%s %s: max %v, want %v", c.name, d.operand, got.Max, top)
						}
					}
				}
			})
		}
	}
	if _, err := lut.CompareGradients(oddTables()[0], 0, nil, nil); err == nil {
		t.Error("CompareGradients accepts a half window of 0")
	}
}
