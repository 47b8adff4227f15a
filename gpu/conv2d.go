//go:build cgo && !nogpu

package gpu

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// Conv2D implements [backend.Layers].
func (d *Device) Conv2D(y, w, x backend.Tensor, g backend.Conv2D) {
	dims := backend.CheckConv2D(who, "Conv2D", y, w, x, g)
	d.convolve("Conv2D", d.own(y), d.own(w), d.own(x), dims)
}

// Conv2DBackwardW implements [backend.Layers].
func (d *Device) Conv2DBackwardW(dw, dy, x backend.Tensor, g backend.Conv2D) {
	dims := backend.CheckConv2D(who, "Conv2DBackwardW", dy, dw, x, g)
	d.convolveBackwardW("Conv2DBackwardW", d.own(dw), d.own(dy), d.own(x), dims)
}

// Conv2DBackwardX implements [backend.Layers].
func (d *Device) Conv2DBackwardX(dx, dy, w backend.Tensor, g backend.Conv2D) {
	dims := backend.CheckConv2D(who, "Conv2DBackwardX", dy, w, dx, g)
	d.convolveBackwardX("Conv2DBackwardX", d.own(dx), d.own(dy), d.own(w), dims)
}

// A pass is one of the three products of a convolution, dst from a and b.
type pass struct {
	op   string
	kind kind
	dims backend.ConvDims
	dst  *memory
	n    int // elements of dst
	a, b *memory
}

// compute runs p by the kernel that is chosen for it.
func (d *Device) compute(p pass) {
	run := func(by plan) {
		if by.family == gemm {
			d.gemmProduct(p, by.tile)
		} else {
			d.directProduct(p)
		}
	}
	c := classOf(p.kind, noTable, lut.Operand{}, lut.Operand{}, &p.dims)
	by, known := d.planned(c)
	if !known {
		by = d.tune(c, run)
	}
	run(by)
}

// convolve sets y to the convolution of x with w.
func (d *Device) convolve(op string, y, w, x *memory, dims backend.ConvDims) {
	d.compute(pass{op, product, dims, y, dims.Batch * dims.Cout * dims.OH * dims.OW, w, x})
}

// convolveBackwardW sets dw to the gradient of the filters.
func (d *Device) convolveBackwardW(op string, dw, dy, x *memory, dims backend.ConvDims) {
	d.compute(pass{op, productW, dims, dw, dims.Cout * dims.K, dy, x})
}

// convolveBackwardX sets dx to the gradient of the images.
func (d *Device) convolveBackwardX(op string, dx, dy, w *memory, dims backend.ConvDims) {
	d.compute(pass{op, productX, dims, dx, dims.Batch * dims.Cin * dims.H * dims.W, dy, w})
}

// directProduct has an invocation add up each element, or slice of it, alone.
func (d *Device) directProduct(p pass) {
	terms, file := p.dims.K, "conv2d_fwd"
	switch p.kind {
	case productW:
		s := slice(p.n, p.dims.Batch*p.dims.OH*p.dims.OW, maxTurns)
		dst := d.slices(p.op, p.dst, p.n, s)
		d.run(p.op, kernel{file: "conv2d_dw"}, job{over: s.slices * p.n, turns: s.length, conv: &p.dims,
			buffers: []*memory{dst, p.a, p.b}, ints: []int{s.slices, s.length}})
		d.addSlices(p.op, p.dst, dst, p.n, s)
		return
	case productX:
		terms, file = p.dims.GroupOut*p.dims.KH*p.dims.KW, "conv2d_dx"
	}
	for first, last := range spans(terms, maxTurns) {
		d.run(p.op, kernel{file: file}, job{over: p.n, turns: last - first, conv: &p.dims,
			buffers: []*memory{p.dst, p.a, p.b}, ints: []int{first, last}})
	}
}
