package cpuref

import (
	"math"

	"gputrain/lut"
	"gputrain/model/backend"
)

// Observe implements [backend.Quantizer].
func (p *Plain) Observe(r, x backend.Tensor, o backend.Observer) {
	columns, each := backend.CheckObserve(who, r, x, o)
	R, X := p.f32(r), p.f32(x)
	for c := range columns {
		X := X[c*each:][:each]
		lo, hi := extremes(X)
		if o.Kind == backend.ObservePercentile {
			if top := max(-lo, hi); top > 0 { // false for NaN
				var counts [bins]int
				histogram(&counts, X, top)
				lo, hi = clip(lo, hi, edge(&counts, each, top, o.Percentile))
			}
		}
		moveRange(R, c, lo, hi, o)
	}
}

// extremes returns the least and the greatest of x, both NaN if one x is.
func extremes(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// bins is the number of bins of [backend.ObservePercentile].
const bins = 2048

// histogram adds to counts the elements of x by absolute value, the greatest
// of which is top.
func histogram(counts *[bins]int, x []float32, top float32) {
	perUnit := bins / top
	for _, v := range x {
		bin := float32(math.Abs(float64(v))) * perUnit
		if !(bin > 0) { // 0·∞ where top is subnormal
			bin = 0
		}
		counts[int(min(bins-1, bin))]++
	}
}

// edge returns the upper edge of the first bin by which at least percentile %
// of n elements are counted, as float64(count)·100 ≥ percentile·n.
func edge(counts *[bins]int, n int, top float32, percentile float64) float32 {
	counted, last := 0, bins-1
	for b, count := range counts {
		counted += count
		if float64(counted)*100 >= percentile*float64(n) {
			last = b
			break
		}
	}
	return float32(last+1) * (top / bins)
}

// clip limits a batch's range to ±p.
func clip(lo, hi, p float32) (float32, float32) { return max(lo, -p), min(hi, p) }

// moveRange updates column c of the range R by the range of a batch.
func moveRange(R []float32, c int, lo, hi float32, o backend.Observer) {
	columns := len(R) / 3
	oldLo, oldHi, seen := &R[c], &R[columns+c], &R[2*columns+c]
	switch {
	case *seen == 0:
		*oldLo, *oldHi, *seen = lo, hi, 1
	case o.Kind == backend.ObserveMinMax:
		*oldLo, *oldHi = min(*oldLo, lo), max(*oldHi, hi)
	default:
		keep := 1 - o.Momentum
		*oldLo = float32(keep**oldLo) + float32(o.Momentum*lo)
		*oldHi = float32(keep**oldHi) + float32(o.Momentum*hi)
	}
	if *oldLo != *oldLo || *oldHi != *oldHi {
		*oldLo, *oldHi = float32(math.NaN()), float32(math.NaN())
	}
}

// minScale is the least scale of a quantizer.
const minScale = 1.0 / (1 << 23)

// SetRange implements [backend.Quantizer]. A range that is not finite gives a
// scale that is not finite either and Z = qmin, so that codes remain codes and
// the fault shows in real numbers.
func (p *Plain) SetRange(q, r backend.Tensor, op lut.Operand, symmetric bool) {
	columns := backend.CheckSetRange(who, q, r, op, symmetric)
	Q, R := p.f32(q), p.f32(r)
	n := float64(op.Count())
	for c := range columns {
		lo, hi := min(0, float64(R[c])), max(0, float64(R[columns+c]))
		var s, Z float64
		if symmetric {
			s = max(max(-lo, hi)/(n/2-1), minScale)
		} else {
			s = max((hi-lo)/(n-1), minScale)
			Z = float64(op.Min())
			if z := math.RoundToEven(-lo * (n - 1) / (hi - lo)); z > 0 { // false for 0/0
				Z += min(z, n-1)
			}
		}
		Q[c], Q[columns+c], Q[2*columns+c] = float32(s), float32(1/s), float32(Z)
	}
}
