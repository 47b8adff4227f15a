package lut

import (
	"fmt"
	"math"
)

// A GradientDistance says how far the gradient of one operand under one method
// is from that of lut2d, in product units per operand unit.
type GradientDistance struct {
	Method  string  `json:"method"`  // as in "ste", "lut1d mean", "lowrank 4"
	Operand string  `json:"operand"` // "w" for ∂AM/∂W, "x" for ∂AM/∂X
	RMS     float64 `json:"rms"`     // root of the mean squared difference
	Max     float64 `json:"max"`     // greatest difference
}

// compareRanks is the highest rank that CompareGradients tries.
const compareRanks = 8

// CompareGradients returns the distance of ste, the three readings of lut1d,
// and lowrank 1 to 8 (or as many ranks as the table has) to lut2d with half
// window hws, boundary paper, before it is rounded to storage; each method with
// operand w, then x.
//
// The histograms hw and hx, indexed by code, weight the mean, and the fit of
// lowrank; the maximum is over the pairs of nonzero weight. nil is uniform. It
// fails if hws < 1, or on a histogram that [Table.MetricsUnder] refuses.
func CompareGradients(t *Table, hws int, hw, hx []float64) ([]GradientDistance, error) {
	lowrank := Estimator{Method: "lowrank", HWS: hws, HistW: hw, HistX: hx,
		Rank: min(compareRanks, t.w.Count(), t.x.Count())}
	ranks, err := lowrank.Gradients(t) // checks all that there is to check
	if err != nil {
		return nil, err
	}
	p, err := weighting("weight", t.w, hw)
	if err != nil {
		return nil, err
	}
	q, err := weighting("activation", t.x, hx)
	if err != nil {
		return nil, err
	}

	var list []GradientDistance
	dW, dX := differences(t, t.alongW(), hws), differences(t, t.alongX(), hws)
	add := func(method string, g Gradients) {
		list = append(list, distance(method, "w", dW, g.DW, p, q), distance(method, "x", dX, g.DX, p, q))
	}
	for _, e := range []Estimator{
		{Method: "ste"},
		{Method: "lut1d", Reading: "mean", HWS: hws},
		{Method: "lut1d", Reading: "range"},
		{Method: "lut1d", Reading: "slope"},
	} {
		g, err := e.Gradients(t)
		if err != nil {
			return nil, err
		}
		method := e.Method
		if e.Reading != "" {
			method += " " + e.Reading
		}
		add(method, g)
	}
	for rank := 1; rank <= lowrank.Rank; rank++ {
		var g Gradients
		if g.DW, err = ranks.DW.leading(rank); err != nil {
			return nil, err
		}
		if g.DX, err = ranks.DX.leading(rank); err != nil {
			return nil, err
		}
		add(fmt.Sprint("lowrank ", rank), g)
	}
	return list, nil
}

// leading returns the sum of the first terms of a Factored gradient. Those of
// a truncated decomposition are the truncated decomposition of that rank.
func (g *Gradient) leading(rank int) (*Gradient, error) {
	return NewFactored(g.w, g.x, rank, g.u[:rank*g.w.Count()], g.v[:rank*g.x.Count()])
}

// distance compares got with want under the distributions p of W and q of X.
func distance(method, operand string, want []float32, got *Gradient, p, q []float64) GradientDistance {
	d := GradientDistance{Method: method, Operand: operand}
	var sum float64
	for w := range p {
		for x := range q {
			e := math.Abs(float64(got.At(w, x)) - float64(want[w*len(q)+x]))
			sum += p[w] * q[x] * e * e
			if p[w] > 0 && q[x] > 0 {
				d.Max = max(d.Max, e)
			}
		}
	}
	d.RMS = math.Sqrt(sum)
	return d
}
