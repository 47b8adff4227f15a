//go:build cgo && !nogpu

package gpu

import (
	"gputrain/model/backend"
	"gputrain/shaders"
)

// SGDStep implements [backend.Optimizer].
func (d *Device) SGDStep(w, dw, v backend.Tensor, h backend.SGD) {
	const op = "SGDStep"
	momentum := 0
	var buffers []*memory
	if v == nil && h.Momentum == 0 {
		backend.CheckStep(who, op, w, dw)
		buffers = []*memory{d.own(w), d.own(dw)}
	} else {
		backend.CheckStep(who, op, w, dw, v)
		momentum = 1
		buffers = []*memory{d.own(w), d.own(dw), d.own(v)}
	}
	n := w.Shape().Len()
	d.run(op, kernel{"sgd_step", [4]shaders.Define{{Name: "MOMENTUM", Value: momentum}}}, job{over: n,
		buffers: buffers, ints: []int{n, flag(h.First), flag(h.Nesterov)},
		reals: []float32{float32(h.LR), float32(h.WeightDecay), float32(h.Momentum), float32(1 - h.Dampening)}})
}
