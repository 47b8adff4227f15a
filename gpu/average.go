//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// Average implements [backend.Optimizer].
func (d *Device) Average(e, w backend.Tensor, decay float64) {
	keep, fresh := backend.CheckAverage(who, e, w, decay)
	n := e.Shape().Len()
	d.run("Average", kernel{file: "average"}, job{over: n,
		buffers: []*memory{d.own(e), d.own(w)}, ints: []int{n}, reals: []float32{keep, fresh}})
}
