//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// AddSquares implements [backend.Optimizer].
func (d *Device) AddSquares(sum, x backend.Tensor) {
	const op = "AddSquares"
	backend.CheckSquares(who, op, sum, x)
	S, n := d.own(sum), x.Shape().Len()
	c := pieces(n)
	part, one := d.scratch(op, c.slices), d.scratch(op, 1)
	d.channelSums(op, 4, c, 1, 1, n, part, d.own(x))
	d.sumSlices(op, one, part, 1, c.slices, 0, 1)
	d.run(op, kernel{file: "add_fwd"}, job{over: 1, buffers: []*memory{S, S, one}, ints: []int{1}})
	d.release(part)
	d.release(one)
}

// ClipNorm implements [backend.Optimizer].
func (d *Device) ClipNorm(x, sum backend.Tensor, limit float32) {
	backend.CheckClipNorm(who, x, sum, limit)
	n := x.Shape().Len()
	d.run("ClipNorm", kernel{file: "clip_norm"}, job{over: n,
		buffers: []*memory{d.own(x), d.own(sum)}, ints: []int{n}, reals: []float32{limit}})
}
