//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// Softmax implements [backend.Tokens].
func (d *Device) Softmax(y, x backend.Tensor, a float32) {
	const op = "Softmax"
	N, C, L := backend.CheckSoftmax(who, op, y, x, a)
	d.run(op, kernel{file: "softmax_fwd"}, job{over: N * L, turns: 3 * C,
		buffers: []*memory{d.own(y), d.own(x)}, ints: []int{N * L, C, L}, reals: []float32{a}})
}

// SoftmaxBackward implements [backend.Tokens].
func (d *Device) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) {
	const op = "SoftmaxBackward"
	N, C, L := backend.CheckSoftmax(who, op, y, dx, a, backend.Named{Name: "dy", T: dy})
	d.run(op, kernel{file: "softmax_dx"}, job{over: N * L, turns: 2 * C,
		buffers: []*memory{d.own(dx), d.own(dy), d.own(y)}, ints: []int{N * L, C, L}, reals: []float32{a}})
}
