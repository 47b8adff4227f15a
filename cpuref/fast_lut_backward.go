package cpuref

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// LUTMatMulBackwardW implements [backend.Multiplier].
func (c *CPU) LUTMatMulBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMulBackwardW"
	d := asConv(backend.CheckLUTMatMul(who, op, dy, backend.F32, w, x, t))
	c.lutBackwardW(op, dw, dy, w, x, &d, t)
}

// LUTConv2DBackwardW implements [backend.Multiplier].
func (c *CPU) LUTConv2DBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, geo backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2DBackwardW"
	d := backend.CheckLUTConv2D(who, op, dy, backend.F32, w, x, geo, t)
	c.lutBackwardW(op, dw, dy, w, x, &d, t)
}

// LUTMatMulBackwardX implements [backend.Multiplier].
func (c *CPU) LUTMatMulBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMulBackwardX"
	d := asConv(backend.CheckLUTMatMul(who, op, dy, backend.F32, w, x, t))
	c.lutBackwardX(op, dx, dy, w, x, &d, t)
}

// LUTConv2DBackwardX implements [backend.Multiplier].
func (c *CPU) LUTConv2DBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, geo backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2DBackwardX"
	d := backend.CheckLUTConv2D(who, op, dy, backend.F32, w, x, geo, t)
	c.lutBackwardX(op, dx, dy, w, x, &d, t)
}

func (c *CPU) lutBackwardW(op string, dw, dy backend.Tensor, w, x backend.Quantized, d *backend.ConvDims, t backend.Tables) {
	backend.CheckSame(who, op, "dw", dw, backend.F32, "w", w.Code, backend.U8)
	g := t.Gradients().DW
	backend.CheckGradient(who, op, "W", g, t)
	defer c.release()
	sx, _, Zx := c.quantizer(x.Q).at(0)
	// What the taps outside the image meet: a code, and what is subtracted
	// from its gradient.
	outside, zeroOutside := paddingCode(d.Padding, int32(Zx), g.X()), Zx
	if d.Padding == backend.PadIntZero {
		zeroOutside = 0
	}
	b := lutBackwardW{c.f32(dw), c.f32(dy), c.u8(w.Code), c.u8(x.Code), sx, Zx, zeroOutside, outside}
	if g.Form() == lut.Factored {
		c.factoredBackwardW(d, g, b)
	} else {
		c.fullBackwardW(d, t.(*fastTables).gradientW, b)
	}
}

// A lutBackwardW holds the operands of a gradient of weights.
type lutBackwardW struct {
	dw, dy        []float32
	w, x          []uint8
	sx            float32
	zero, zeroOut float32 // subtracted from the gradient, inside and outside
	outside       uint8   // the code of taps outside
}

func (c *CPU) lutBackwardX(op string, dx, dy backend.Tensor, w, x backend.Quantized, d *backend.ConvDims, t backend.Tables) {
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x.Code, backend.U8)
	g := t.Gradients().DX
	backend.CheckGradient(who, op, "X", g, t)
	defer c.release()
	b := lutBackwardX{c.f32(dx), c.f32(dy), c.u8(w.Code), c.u8(x.Code), c.quantizer(w.Q)}
	if g.Form() == lut.Factored {
		c.factoredBackwardX(d, g, b)
	} else {
		c.fullBackwardX(d, t.(*fastTables).gradientX, b)
	}
}

// A lutBackwardX holds the operands of a gradient of activations.
type lutBackwardX struct {
	dx, dy []float32
	w, x   []uint8
	qw     quantizer
}

// constantOne reports whether all factors are 1.
func constantOne(v []float32) bool {
	for _, f := range v {
		if f != 1 {
			return false
		}
	}
	return true
}

// factoredBackwardW sets dw = s_x·(Σ_r u_r(W)·Σ_n dY·v_r(X) − Z_x·Σ_n dY): one
// product of dY with the mapped activations for each r. The first r with u ≡ 1
// takes −Z_x into v; without one, a product with the constant −Z_x follows.
func (c *CPU) factoredBackwardW(d *backend.ConvDims, g *lut.Gradient, b lutBackwardW) {
	rank, us, vs := g.Factors()
	nu, nv := g.W().Count(), g.X().Count()
	mapped := scratch[float32](c, len(b.x))
	c.fast.taps = forwardTaps(c.fast.taps, d)
	pending := b.zero != 0
	for r := range rank {
		u, v := us[r*nu:][:nu], vs[r*nv:][:nv]
		sum := weightSum{w: b.w, u: u, add: r > 0, scale: 1}
		zero, zeroOut := float32(0), float32(0)
		if constantOne(u) {
			sum.w, sum.u = nil, nil
			if pending {
				zero, zeroOut, pending = b.zero, b.zeroOut, false
			}
		}
		if r == rank-1 && !pending {
			sum.scale = b.sx
		}
		c.mapCodes(mapped, b.x, v, zero)
		columns := forwardColumns(d, c.fast.taps, 0, mapped, v[b.outside]-zeroOut)
		c.productBackwardW(b.dw, b.dy, d, columns, sum)
	}
	if pending {
		plane := mapped[:d.H*d.W]
		fill(plane, -b.zero)
		columns := forwardColumns(d, c.fast.taps, 0, plane, -b.zeroOut)
		columns.planes = 0 // one plane serves all images
		c.productBackwardW(b.dw, b.dy, d, columns, weightSum{add: true, scale: b.sx, same: true})
	}
}

// mapCodes sets y = v(x) − zero.
func (c *CPU) mapCodes(y []float32, x []uint8, v []float32, zero float32) {
	t := mapCodes{y: y, x: x}
	for i, f := range v {
		t.table[i] = f - zero
	}
	run(c, pieces(len(x)), t)
}

type mapCodes struct {
	table [256]float32
	y     []float32
	x     []uint8
}

func (t *mapCodes) part(i, _ int) {
	lo, hi := within(i, len(t.x))
	y := t.y[lo:hi]
	for i, code := range t.x[lo:hi] {
		y[i] = t.table[code]
	}
}

// factoredBackwardX sets dx = Σ_r v_r(X)·Σ D·u_r(W) − Σ D·Z_w: one product of dY
// with the mapped weights for each r, s_w[m] being put into the weights. The
// first r with v ≡ 1 takes −Z_w into u; without one, a product with −Z_w alone
// follows.
func (c *CPU) factoredBackwardX(d *backend.ConvDims, g *lut.Gradient, b lutBackwardX) {
	rank, us, vs := g.Factors()
	nu, nv := g.W().Count(), g.X().Count()
	pending := !zeroFree(b.qw)
	// matrix returns what writes rows of A[c, (m, tap)] = s_w[m]·(u(W) − Z), Z
	// being Z_w[m] or 0.
	matrix := func(u []float32, subtract bool) func(row []float32, g, ch int, taps []tap) {
		return func(row []float32, g, ch int, taps []tap) {
			for m := range d.GroupOut {
				o := g*d.GroupOut + m
				sw, _, Zw := b.qw.at(o)
				if !subtract {
					Zw = 0
				}
				for i, t := range taps {
					var v float32
					if u != nil {
						v = u[b.w[o*d.K+ch*d.KH*d.KW+t.index]]
					}
					row[m*len(taps)+i] = sw * (v - Zw)
				}
			}
		}
	}
	for r := range rank {
		u, v := us[r*nu:][:nu], vs[r*nv:][:nv]
		sum, subtract := imageSum{x: b.x, v: v, add: r > 0}, false
		if constantOne(v) {
			sum.x, sum.v = nil, nil
			subtract, pending = pending, false
		}
		c.productBackwardX(b.dx, b.dy, d, matrix(u, subtract), sum)
	}
	if pending {
		c.productBackwardX(b.dx, b.dy, d, matrix(nil, true), imageSum{add: true, same: true})
	}
}

// zeroFree reports whether all zero points are 0.
func zeroFree(q quantizer) bool {
	for _, z := range q[len(q)/3*2:] {
		if z != 0 {
			return false
		}
	}
	return true
}
