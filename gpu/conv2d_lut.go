//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// A codes is a convolution of codes as the kernels see it.
type codes struct {
	op   string
	dims backend.ConvDims
	w, x *memory // codes
	qw   *memory // quantizers
	qx   *memory
	t    *tables
}

func (d *Device) codes(op string, dims backend.ConvDims, w, x backend.Quantized, t backend.Tables) codes {
	return codes{op, dims, d.own(w.Code), d.own(x.Code), d.own(w.Q), d.own(x.Q), d.ownTables(t)}
}

// columns returns the number of columns of the weights' quantizer.
func (c codes) columns() int {
	if c.dims.PerChannel {
		return c.dims.Cout
	}
	return 1
}

// intZero is the uniform of that name.
func (c codes) intZero() int { return flag(c.dims.Padding == backend.PadIntZero) }

func (c codes) weights() int { return c.dims.Cout * c.dims.K }
func (c codes) pixels() int  { return c.dims.Batch * c.dims.Cin * c.dims.H * c.dims.W }
func (c codes) plane() int   { return c.dims.OH * c.dims.OW }
func (c codes) outputs() int { return c.dims.Batch * c.dims.Cout * c.plane() }

// LUTConv2D implements [backend.Multiplier].
func (d *Device) LUTConv2D(y backend.Tensor, w, x backend.Quantized, g backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2D"
	dims := backend.CheckLUTConv2D(who, op, y, backend.I32, w, x, g, t)
	d.lutForward(d.own(y), d.codes(op, dims, w, x, t))
}

// lutForward sets y to the sums of products.
func (d *Device) lutForward(y *memory, c codes) {
	run := func(p plan) {
		if p.family == rowexp && d.panelFits(c, p.span()) {
			d.expandForward(y, c, p)
		} else {
			d.gatherForward(y, c)
		}
	}
	p, known := d.planned(c.forwardClass())
	if !known {
		p = d.tune(c.forwardClass(), run)
	}
	run(p)
}

// start returns what the products of a sum lack on the device, K times the
// least, wrapping.
func (c codes) start() int { return int(int32(c.dims.K) * c.t.least) }

// gatherForward has an invocation look up the products of each sum one by one.
func (d *Device) gatherForward(y *memory, c codes) {
	p := c.t.product
	buffers := []*memory{y, c.w, c.x, c.qx}
	var textures []*texture
	if c.t.stored != nil {
		buffers = append(buffers, c.t.stored)
	} else {
		textures = []*texture{c.t.products}
	}
	for first, last := range spans(c.dims.K, maxTurns) {
		d.run(c.op, kernel{file: "lut_conv2d_fwd", defs: c.t.forward}, job{over: c.outputs(), turns: last - first, conv: &c.dims,
			buffers: buffers, textures: textures,
			ints: []int{c.t.rowBits, p.W().Count() << c.t.rowBits, p.X().Min(), c.intZero(), c.start(), first, last}})
	}
}

// DequantizeConv2D implements [backend.Multiplier].
func (d *Device) DequantizeConv2D(y, acc backend.Tensor, w, x backend.Quantized, g backend.Conv2D, t backend.Tables) {
	const op = "DequantizeConv2D"
	dims := backend.CheckLUTConv2D(who, op, y, backend.F32, w, x, g, t)
	backend.CheckSame(who, op, "acc", acc, backend.I32, "y", y, backend.F32)
	d.lutDequantize(d.own(y), d.own(acc), d.codes(op, dims, w, x, t))
}

// LUTConv2DBackwardW implements [backend.Multiplier].
func (d *Device) LUTConv2DBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, g backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2DBackwardW"
	dims := backend.CheckLUTConv2D(who, op, dy, backend.F32, w, x, g, t)
	backend.CheckSame(who, op, "dw", dw, backend.F32, "w", w.Code, backend.U8)
	backend.CheckGradient(who, op, "W", t.Gradients().DW, t)
	d.lutBackwardW(d.own(dw), d.own(dy), d.codes(op, dims, w, x, t))
}

// lutBackwardW sets dw.
func (d *Device) lutBackwardW(dw, dy *memory, c codes) {
	run := func(p plan) {
		switch {
		case p.family == gemm:
			d.gemmBackwardW(dw, dy, c, p.tile)
		case p.family == rowexp && d.panelFits(c, 256):
			d.expandBackwardW(dw, dy, c)
		default:
			d.gatherBackwardW(dw, dy, c)
		}
	}
	k := c.class(backwardW, c.t.dw.storage())
	p, known := d.planned(k)
	if !known {
		p = d.tune(k, run)
	}
	run(p)
}

// gatherBackwardW has an invocation look up the gradients of a slice of each
// sum one by one.
func (d *Device) gatherBackwardW(dw, dy *memory, c codes) {
	g, p := &c.t.dw, c.t.product
	s := slice(c.weights(), c.dims.Batch*c.plane(), maxTurns/(1+g.rank))
	dst := d.slices(c.op, dw, c.weights(), s)
	d.run(c.op, g.kernel("lut_conv2d_dw"), job{over: s.slices * c.weights(), turns: s.length * (1 + g.rank), conv: &c.dims,
		buffers: []*memory{dst, dy, c.w, c.x, c.qx}, firstUnit: 1, textures: g.textures,
		ints:  []int{p.W().Bits, g.rowBits, g.rank, p.X().Min(), c.intZero(), s.slices, s.length},
		reals: []float32{g.scale}})
	d.addSlices(c.op, dw, dst, c.weights(), s)
}

// LUTConv2DBackwardX implements [backend.Multiplier].
func (d *Device) LUTConv2DBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, g backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2DBackwardX"
	dims := backend.CheckLUTConv2D(who, op, dy, backend.F32, w, x, g, t)
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x.Code, backend.U8)
	backend.CheckGradient(who, op, "X", t.Gradients().DX, t)
	d.lutBackwardX(d.own(dx), d.own(dy), d.codes(op, dims, w, x, t))
}

// lutBackwardX sets dx.
func (d *Device) lutBackwardX(dx, dy *memory, c codes) {
	run := func(p plan) {
		switch p.family {
		case gemm:
			d.gemmBackwardX(dx, dy, c, p.tile)
		case rowexp:
			d.expandBackwardX(dx, dy, c)
		default:
			d.gatherBackwardX(dx, dy, c)
		}
	}
	k := c.class(backwardX, c.t.dx.storage())
	p, known := d.planned(k)
	if !known {
		p = d.tune(k, run)
	}
	run(p)
}

// gatherBackwardX has an invocation look up the gradients of each sum one by
// one.
func (d *Device) gatherBackwardX(dx, dy *memory, c codes) {
	g, p := &c.t.dx, c.t.product
	for first, last := range spans(c.dims.GroupOut*c.dims.KH*c.dims.KW, maxTurns/(1+g.rank)) {
		d.run(c.op, g.kernel("lut_conv2d_dx"), job{over: c.pixels(), turns: (last - first) * (1 + g.rank), conv: &c.dims,
			buffers: []*memory{dx, dy, c.w, c.x, c.qw}, firstUnit: 1, textures: g.textures,
			ints:  []int{p.W().Bits, g.rowBits, g.rank, c.columns(), first, last},
			reals: []float32{g.scale}})
	}
}
