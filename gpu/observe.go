//go:build cgo && !nogpu

package gpu

import (
	"math"

	"gputrain/lut"
	"gputrain/model/backend"
)

// bins is the number of bins of [backend.ObservePercentile].
const bins = 2048

// Observe implements [backend.Quantizer]: extremes of pieces, then of columns,
// then, for a percentile, a histogram and its edge, and at last the range.
func (d *Device) Observe(r, x backend.Tensor, o backend.Observer) {
	const op = "Observe"
	columns, each := backend.CheckObserve(who, r, x, o)
	R, X := d.own(r), d.own(x)
	c := pieces(each)
	rows := min(columns, maxGroups)
	part, batch := d.scratch(op, 2*columns*c.slices), d.scratch(op, 2*columns)
	d.run(op, kernel{file: "observe_extremes"}, job{groups: [2]int{c.slices, rows},
		buffers: []*memory{part, X}, ints: []int{columns, each, c.length}})
	d.run(op, kernel{file: "observe_batch"}, job{groups: [2]int{1, rows},
		buffers: []*memory{batch, part}, ints: []int{columns, c.slices}})
	d.release(part)

	if o.Kind == backend.ObservePercentile {
		counts := d.scratch(op, bins)
		d.zero(op, counts)
		d.run(op, kernel{file: "observe_histogram"}, job{groups: [2]int{c.slices, 1},
			buffers: []*memory{counts, X, batch}, ints: []int{each, c.length}})
		d.run(op, kernel{file: "observe_clip"}, job{over: 1,
			buffers: []*memory{batch, counts}, ints: []int{needed(o.Percentile, each)}})
		d.release(counts)
	}

	d.run(op, kernel{file: "observe_move"}, job{over: columns,
		buffers: []*memory{R, batch}, ints: []int{columns, flag(o.Kind == backend.ObserveMinMax)}, reals: []float32{1 - o.Momentum, o.Momentum}})
	d.release(batch)
}

// needed returns the least count of n elements with float64(count)·100 ≥
// percentile·n, the test that cpuref makes.
func needed(percentile float64, n int) int {
	count := int(math.Ceil(percentile * float64(n) / 100))
	for count > 0 && float64(count-1)*100 >= percentile*float64(n) {
		count--
	}
	for count < n && float64(count)*100 < percentile*float64(n) {
		count++
	}
	return count
}

// SetRange implements [backend.Quantizer].
func (d *Device) SetRange(q, r backend.Tensor, op lut.Operand, symmetric bool) {
	columns := backend.CheckSetRange(who, q, r, op, symmetric)
	d.run("SetRange", kernel{file: "set_range"}, job{over: columns,
		buffers: []*memory{d.own(q), d.own(r)}, ints: []int{columns, op.Bits, op.Min(), flag(symmetric)}})
}
