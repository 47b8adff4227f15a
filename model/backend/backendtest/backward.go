package backendtest

import (
	"testing"

	"gputrain/lut"
	"gputrain/model/backend"
)

type matMulBackwarderW interface {
	tabler
	LUTMatMulBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, t backend.Tables)
}

// LUTMatMulBackwardW tests dw = s_x·Σ dY·(g_W − Z_x) for every form of
// gradient.
func LUTMatMulBackwardW(t T, b matMulBackwarderW) {
	backwardMatMulCases("W", func(c productCase, data []float32) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			dy, dw := r.in("dy", c.ys, data), r.out("dw", backend.F32, c.ws)
			r.run(func() { b.LUTMatMulBackwardW(dw.T, dy.T, w, x, tables) })
			within(t, "dw", c.ws, dw.floats(), c.backwardW(data))
		})
	})
	matMulFaults(t, b, "LUTMatMulBackwardW", backend.F32, func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
		dw := b.NewTensor(backend.F32, shapeOf(w.Code))
		defer b.Free(dw)
		b.LUTMatMulBackwardW(dw, y, w, x, tables)
	})
	gradientFaults(t, b, "LUTMatMulBackwardW", "W", func(w, x backend.Quantized, d backend.Tensor, tables backend.Tables) {
		b.LUTMatMulBackwardW(d, d, w, x, tables)
	})
}

// shapeOf returns the shape of x, or one that suits no operation.
func shapeOf(x backend.Tensor) backend.Shape {
	if x == nil {
		return backend.Shape{1}
	}
	return x.Shape()
}

// gradientFaults tests that a backward pass asks for its gradient. f is called
// with operands and a real tensor of one element each.
func gradientFaults(t T, b tabler, op, name string, f func(w, x backend.Quantized, d backend.Tensor, t backend.Tables)) {
	r := newRig(t, b)
	defer r.free()
	shape := backend.Shape{1, 1, 1, 1}
	if op[:len("LUTMatMul")] == "LUTMatMul" {
		shape = shape[:2]
	}
	one := backend.Quantized{Code: r.in("code", shape, []uint8{0}).T, Q: r.in("q", backend.Shape{3}, []float32{1, 1, 0}).T}
	tables := b.NewTables(Multipliers()[0], lut.Gradients{})
	defer b.FreeTables(tables)
	d := r.out("d", backend.F32, shape).T
	faults(t, op, "the tables of bent8u have no ∂AM/∂"+name, func() { f(one, one, d, tables) })

	// Whether tables that do not fit are refused by NewTables or by the
	// operation is the backend's affair.
	faults(t, "", "∂AM/∂"+name+" is for 7u×7u operands, bent8u is 8u×8u", func() {
		tables := b.NewTables(Multipliers()[0], gradientKinds[0].gradients(Multipliers()[2]))
		defer b.FreeTables(tables)
		f(one, one, d, tables)
	})
}

type matMulBackwarderX interface {
	tabler
	LUTMatMulBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, t backend.Tables)
}

// LUTMatMulBackwardX tests dx = Σ D·(g_X − Z_w) for every form of gradient.
func LUTMatMulBackwardX(t T, b matMulBackwarderX) {
	backwardMatMulCases("X", func(c productCase, data []float32) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			dy, dx := r.in("dy", c.ys, data), r.out("dx", backend.F32, c.xs)
			r.run(func() { b.LUTMatMulBackwardX(dx.T, dy.T, w, x, tables) })
			within(t, "dx", c.xs, dx.floats(), c.backwardX(data))
		})
	})
	matMulFaults(t, b, "LUTMatMulBackwardX", backend.F32, func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
		dx := b.NewTensor(backend.F32, x.Code.Shape())
		defer b.Free(dx)
		b.LUTMatMulBackwardX(dx, y, w, x, tables)
	})
	gradientFaults(t, b, "LUTMatMulBackwardX", "X", func(w, x backend.Quantized, d backend.Tensor, tables backend.Tables) {
		b.LUTMatMulBackwardX(d, d, w, x, tables)
	})
}

type conv2DBackwarderW interface {
	tabler
	LUTConv2DBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables)
}

// LUTConv2DBackwardW tests dw = s_x·Σ dY·(g_W − Z_x) over the taps of each
// weight, those outside the image among them.
func LUTConv2DBackwardW(t T, b conv2DBackwarderW) {
	backwardConvCases("W", func(c productCase, data []float32) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			dy, dw := r.in("dy", c.ys, data), r.out("dw", backend.F32, c.ws)
			r.run(func() { b.LUTConv2DBackwardW(dw.T, dy.T, w, x, c.geometry, tables) })
			within(t, "dw", c.ws, dw.floats(), c.backwardW(data))
		})
	})
	convFaults(t, b, "LUTConv2DBackwardW", backend.F32, func(y backend.Tensor, w, x backend.Quantized, g backend.Conv2D, tables backend.Tables) {
		dw := b.NewTensor(backend.F32, w.Code.Shape())
		defer b.Free(dw)
		b.LUTConv2DBackwardW(dw, y, w, x, g, tables)
	})
	gradientFaults(t, b, "LUTConv2DBackwardW", "W", func(w, x backend.Quantized, d backend.Tensor, tables backend.Tables) {
		b.LUTConv2DBackwardW(d, d, w, x, backend.Conv2D{}, tables)
	})
}

type conv2DBackwarderX interface {
	tabler
	LUTConv2DBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables)
}

// LUTConv2DBackwardX tests dx = Σ D·(g_X − Z_w) over the taps that read each
// pixel.
func LUTConv2DBackwardX(t T, b conv2DBackwarderX) {
	backwardConvCases("X", func(c productCase, data []float32) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			dy, dx := r.in("dy", c.ys, data), r.out("dx", backend.F32, c.xs)
			r.run(func() { b.LUTConv2DBackwardX(dx.T, dy.T, w, x, c.geometry, tables) })
			within(t, "dx", c.xs, dx.floats(), c.backwardX(data))
		})
	})
	convFaults(t, b, "LUTConv2DBackwardX", backend.F32, func(y backend.Tensor, w, x backend.Quantized, g backend.Conv2D, tables backend.Tables) {
		dx := b.NewTensor(backend.F32, x.Code.Shape())
		defer b.Free(dx)
		b.LUTConv2DBackwardX(dx, y, w, x, g, tables)
	})
	gradientFaults(t, b, "LUTConv2DBackwardX", "X", func(w, x backend.Quantized, d backend.Tensor, tables backend.Tables) {
		b.LUTConv2DBackwardX(d, d, w, x, backend.Conv2D{}, tables)
	})
}

type exactSTEer interface {
	lutConv2Der
	conv2DDequantizer
	conv2DBackwarderW
	conv2DBackwarderX
	dequantizer
	conv2Der
	floatBackwarderW
	floatBackwarderX
}

// ExactSTE tests that with an exact table and the gradients W and X the
// operations on codes are the ordinary convolution of the dequantized operands
// and its ordinary gradients, computed by the same backend. Neither padding
// makes a difference: an exact tap of the value 0 adds nothing, and neither
// does one of real 0.
func ExactSTE(t T, b exactSTEer) {
	tables := []*lut.Table{
		lut.New("exact8u", lut.Unsigned(8), lut.Unsigned(8), exact),
		lut.New("exact8s", lut.Signed(8), lut.Signed(8), exact),
		lut.New("exact4sx8u", lut.Signed(4), lut.Unsigned(8), exact),
	}
	for i, s := range ConvShapes {
		for _, padding := range []backend.Padding{backend.PadZeroPoint, backend.PadIntZero} {
			am := tables[i%len(tables)]
			name := am.Name() + "/" + padding.String() + "/" + s.String()
			p := s.product(seeded(name), am, gradientKind{"ste", ste, ste}.gradients(am), options{padding: padding, perChannel: i%2 == 0})
			c := productCase{name, p, s.Geometry}
			c.geometry.Padding = padding
			c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) { exactSTE(t, b, r, c, w, x, tables) })
		}
	}
}

func exactSTE(t T, b exactSTEer, r *rig, c productCase, w, x backend.Quantized, tables backend.Tables) {
	wr, xr := r.out("w dequantized", backend.F32, c.ws), r.out("x dequantized", backend.F32, c.xs)
	acc, y := r.out("acc", backend.I32, c.ys), r.out("y", backend.F32, c.ys)
	dw, dx := r.out("dw", backend.F32, c.ws), r.out("dx", backend.F32, c.xs)
	yr, dwr, dxr := r.out("float y", backend.F32, c.ys), r.out("float dw", backend.F32, c.ws), r.out("float dx", backend.F32, c.xs)
	data := gradientsOf(seeded(c.name+"/dy"), c.ys.Len())
	dy := r.in("dy", c.ys, data)
	r.run(func() {
		b.LUTConv2D(acc.T, w, x, c.geometry, tables)
		b.DequantizeConv2D(y.T, acc.T, w, x, c.geometry, tables)
		b.LUTConv2DBackwardW(dw.T, dy.T, w, x, c.geometry, tables)
		b.LUTConv2DBackwardX(dx.T, dy.T, w, x, c.geometry, tables)

		b.Dequantize(wr.T, w.Code, w.Q, c.am.W())
		b.Dequantize(xr.T, x.Code, x.Q, c.am.X())
		b.Conv2D(yr.T, wr.T, xr.T, c.geometry)
		b.Conv2DBackwardW(dwr.T, dy.T, xr.T, c.geometry)
		b.Conv2DBackwardX(dxr.T, dy.T, wr.T, c.geometry)
	})

	// Both sides approach the sums of products of the real operands: the float
	// side within the bound of its own sums, the other within that of sums
	// before Z cancels. Dequantized operands and D are rounded, and so is the
	// forward result: one unit of each term more, two of a product of two.
	wf, xf := wr.floats(), xr.floats()
	fy, fw, fx := make([]sum, len(yr.floats())), make([]sum, len(wf)), make([]sum, len(xf))
	c.terms(func(yi, wi, xi int) {
		if xi >= 0 {
			fy[yi].add(float64(wf[wi]) * float64(xf[xi]))
			fw[wi].add(float64(data[yi]) * float64(xf[xi]))
			fx[xi].add(float64(data[yi]) * float64(wf[wi]))
		}
	})
	match := func(name string, s backend.Shape, got, float []float32, sums []sum, own []Approx) {
		t.Helper()
		for i := range got {
			limit := Bound(sums[i].terms, sums[i].abs) + own[i].Bound + 3*unit*sums[i].abs
			if !(Approx{float64(float[i]), limit}).Holds(got[i]) {
				t.Errorf("%s%s = %v, want the %v of floats ± %.3g", name, at(s, i), got[i], float[i], limit)
				return
			}
		}
	}
	// The sums of y are exact; conversion and the product of scales are not.
	forward := make([]Approx, len(fy))
	for i, v := range y.floats() {
		forward[i].Bound = 4 * unit * max(float64(v), -float64(v))
	}
	match("y", c.ys, y.floats(), yr.floats(), fy, forward)
	match("dw", c.ws, dw.floats(), dwr.floats(), fw, c.backwardW(data))
	match("dx", c.xs, dx.floats(), dxr.floats(), fx, c.backwardX(data))
}

type lutBackwarder interface {
	matMulBackwarderW
	matMulBackwarderX
}

// BenchmarkLUTMatMulBackward reports billions of look-ups, or of multiplied
// pairs, a second of the two backward passes, for a Full gradient in either
// storage and for Factored ones.
func BenchmarkLUTMatMulBackward(bb *testing.B, b lutBackwarder, shapes []MatMulShape) {
	am := Multipliers()[0]
	for _, k := range gradientKinds {
		if k.name != "int16" && k.name != "float32" && k.name != "ste" && k.name != "rank3" {
			continue
		}
		for _, s := range shapes {
			p := s.product(seeded(s.String()), am, k.gradients(am), options{})
			dw, dx := b.NewTensor(backend.F32, p.ws), b.NewTensor(backend.F32, p.xs)
			benchmark(bb, b, p, "dw/"+k.name+"/"+s.String(), backend.F32,
				func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
					b.LUTMatMulBackwardW(dw, y, w, x, tables)
				})
			benchmark(bb, b, p, "dx/"+k.name+"/"+s.String(), backend.F32,
				func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
					b.LUTMatMulBackwardX(dx, y, w, x, tables)
				})
			b.Free(dw)
			b.Free(dx)
		}
	}
}
