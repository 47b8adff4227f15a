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

// A pass is one of the three products of a convolution.
type pass struct {
	op     string
	kind   kind
	gemm   int // the macro PASS
	dims   *backend.ConvDims
	dst    *memory
	n      int // elements of dst
	a, b   *memory
	direct func() // by an invocation an element
}

// compute runs p by the kernel that is chosen for it.
func (d *Device) compute(p pass) {
	run := func(by plan) {
		if by.family == gemm {
			d.gemmProduct(p, by.tile)
		} else {
			p.direct()
		}
	}
	c := classOf(p.kind, noTable, lut.Operand{}, lut.Operand{}, p.dims)
	by, known := d.planned(c)
	if !known {
		by = d.tune(c, run)
	}
	run(by)
}

// convolve sets y to the convolution of x with w.
func (d *Device) convolve(op string, y, w, x *memory, dims backend.ConvDims) {
	n := dims.Batch * dims.Cout * dims.OH * dims.OW
	d.compute(pass{op, product, passProduct, &dims, y, n, w, x, func() {
		for first, last := range spans(dims.K, maxTurns) {
			d.run(op, kernel{file: "conv2d_fwd"}, job{over: n, turns: last - first, conv: &dims,
				buffers: []*memory{y, w, x}, ints: []int{first, last}})
		}
	}})
}

// convolveBackwardW sets dw to the gradient of the filters.
func (d *Device) convolveBackwardW(op string, dw, dy, x *memory, dims backend.ConvDims) {
	n := dims.Cout * dims.K
	d.compute(pass{op, productW, passW, &dims, dw, n, dy, x, func() {
		s := slice(n, dims.Batch*dims.OH*dims.OW, maxTurns)
		d.sliced(op, dw, n, s, func(dst *memory) {
			d.run(op, kernel{file: "conv2d_dw"}, job{over: s.slices * n, turns: s.length, conv: &dims,
				buffers: []*memory{dst, dy, x}, ints: []int{s.slices, s.length}})
		})
	}})
}

// convolveBackwardX sets dx to the gradient of the images.
func (d *Device) convolveBackwardX(op string, dx, dy, w *memory, dims backend.ConvDims) {
	n := dims.Batch * dims.Cin * dims.H * dims.W
	d.compute(pass{op, productX, passX, &dims, dx, n, dy, w, func() {
		for first, last := range spans(dims.GroupOut*dims.KH*dims.KW, maxTurns) {
			d.run(op, kernel{file: "conv2d_dx"}, job{over: n, turns: last - first, conv: &dims,
				buffers: []*memory{dx, dy, w}, ints: []int{first, last}})
		}
	}})
}
