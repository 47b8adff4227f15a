package cpuref

import (
	"math"

	"gputrain/cpuref/kernel"
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
				var counts [bins]int32
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
func histogram(counts *[bins]int32, x []float32, top float32) {
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
func edge(counts *[bins]int32, n int, top float32, percentile float64) float32 {
	counted, last := 0, bins-1
	for b, count := range counts {
		counted += int(count)
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

// Observe implements [backend.Quantizer].
func (c *CPU) Observe(r, x backend.Tensor, o backend.Observer) {
	columns, each := backend.CheckObserve(who, r, x, o)
	R, X := c.f32(r), c.f32(x)
	if columns > 1 {
		perPart := max(1, piece/each)
		run(c, (columns+perPart-1)/perPart, observeRowsTask{c.fast.elements, R, X, columns, each, perPart, o})
		return
	}
	defer c.release()
	n := pieces(each)
	los, his := scratch[int32](c, n), scratch[int32](c, n)
	run(c, n, extremesTask{c.fast.elements, X, los, his})
	low, high := los[0], his[0]
	for i := range n {
		low, high = min(low, los[i]), max(high, his[i])
	}
	lo, hi := decode(low, high)
	if o.Kind == backend.ObservePercentile {
		if top := max(-lo, hi); top > 0 { // false for NaN
			threads := c.crew.threads
			t := histogramTask{X, scratch[int32](c, threads*bins), top}
			clear(t.counts)
			run(c, n, t)
			counts := t.of(0)
			for worker := 1; worker < threads; worker++ {
				for b, count := range t.of(worker) {
					counts[b] += count
				}
			}
			lo, hi = clip(lo, hi, edge(counts, each, top, o.Percentile))
		}
	}
	moveRange(R, 0, lo, hi, o)
}

// order maps the bits of floats to integers that compare as the floats do, −0
// before 0, negative NaN first and positive NaN last. It is its own inverse.
func order(bits int32) int32 { return bits ^ (bits>>31)&math.MaxInt32 }

// orderedExtremes returns the least and the greatest of x as order has them.
func orderedExtremes(e *kernel.Elements, x []float32) (lo, hi int32) {
	lo, hi, n := e.Extremes(x)
	for _, v := range x[n:] {
		o := order(int32(math.Float32bits(v)))
		lo, hi = min(lo, o), max(hi, o)
	}
	return lo, hi
}

// decode returns the floats of lo and hi, both NaN if one of them is.
func decode(lo, hi int32) (float32, float32) {
	if hi > infBits || lo < order(-1<<31|infBits) {
		return float32(math.NaN()), float32(math.NaN())
	}
	return math.Float32frombits(uint32(order(lo))), math.Float32frombits(uint32(order(hi)))
}

type extremesTask struct {
	e      *kernel.Elements
	x      []float32
	lo, hi []int32 // of each piece
}

func (t *extremesTask) part(i, _ int) {
	lo, hi := within(i, len(t.x))
	t.lo[i], t.hi[i] = orderedExtremes(t.e, t.x[lo:hi])
}

// An observeRowsTask observes ranges by channel: each part some rows.
type observeRowsTask struct {
	e                      *kernel.Elements
	r, x                   []float32
	columns, each, perPart int
	o                      backend.Observer
}

func (t *observeRowsTask) part(i, _ int) {
	for c := i * t.perPart; c < min((i+1)*t.perPart, t.columns); c++ {
		lo, hi := decode(orderedExtremes(t.e, t.x[c*t.each:][:t.each]))
		moveRange(t.r, c, lo, hi, t.o)
	}
}

// A histogramTask counts into a histogram of each thread: their sum does not
// depend on who counted what.
type histogramTask struct {
	x      []float32
	counts []int32 // [threads, bins]
	top    float32
}

func (t *histogramTask) of(worker int) *[bins]int32 {
	return (*[bins]int32)(t.counts[worker*bins:])
}

func (t *histogramTask) part(i, worker int) {
	lo, hi := within(i, len(t.x))
	histogram(t.of(worker), t.x[lo:hi], t.top)
}
