//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// Conv2D implements [backend.Layers].
func (d *Device) Conv2D(y, w, x backend.Tensor, g backend.Conv2D) {
	const op = "Conv2D"
	dims := backend.CheckConv2D(who, op, y, w, x, g)
	buffers := []*memory{d.own(y), d.own(w), d.own(x)}
	for first, last := range spans(dims.K, maxTurns) {
		d.run(op, kernel{file: "conv2d_fwd"}, job{over: y.Shape().Len(), turns: last - first, conv: &dims,
			buffers: buffers, ints: []int{first, last}})
	}
}

// Conv2DBackwardW implements [backend.Layers].
func (d *Device) Conv2DBackwardW(dw, dy, x backend.Tensor, g backend.Conv2D) {
	const op = "Conv2DBackwardW"
	dims := backend.CheckConv2D(who, op, dy, dw, x, g)
	n := dw.Shape().Len()
	dY, X := d.own(dy), d.own(x)
	s := slice(n, dims.Batch*dims.OH*dims.OW, maxTurns)
	d.sliced(op, d.own(dw), n, s, func(dst *memory) {
		d.run(op, kernel{file: "conv2d_dw"}, job{over: s.slices * n, turns: s.length, conv: &dims,
			buffers: []*memory{dst, dY, X}, ints: []int{s.slices, s.length}})
	})
}

// Conv2DBackwardX implements [backend.Layers].
func (d *Device) Conv2DBackwardX(dx, dy, w backend.Tensor, g backend.Conv2D) {
	const op = "Conv2DBackwardX"
	dims := backend.CheckConv2D(who, op, dy, w, dx, g)
	buffers := []*memory{d.own(dx), d.own(dy), d.own(w)}
	for first, last := range spans(dims.GroupOut*dims.KH*dims.KW, maxTurns) {
		d.run(op, kernel{file: "conv2d_dx"}, job{over: dx.Shape().Len(), turns: last - first, conv: &dims,
			buffers: buffers, ints: []int{first, last}})
	}
}
