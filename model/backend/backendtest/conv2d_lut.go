package backendtest

import (
	"testing"

	"gputrain/lut"
	"gputrain/model/backend"
)

type lutConv2Der interface {
	tabler
	LUTConv2D(y backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables)
}

// LUTConv2D tests the convolution of codes under both paddings.
func LUTConv2D(t T, b lutConv2Der) {
	convCases(true, func(c productCase) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			y := r.out("y", backend.I32, c.ys)
			r.run(func() { b.LUTConv2D(y.T, w, x, c.geometry, tables) })
			equal(t, "y", c.ys, y.ints(), c.sums())
		})
	})
	convFaults(t, b, "LUTConv2D", backend.I32, func(y backend.Tensor, w, x backend.Quantized, g backend.Conv2D, tables backend.Tables) {
		b.LUTConv2D(y, w, x, g, tables)
	})
}

// convFaults tests the checks that a convolution of codes makes; dt is the
// type of y.
func convFaults(t T, b tabler, op string, dt backend.DType, f func(y backend.Tensor, w, x backend.Quantized, g backend.Conv2D, t backend.Tables)) {
	r := newRig(t, b)
	defer r.free()
	am := Multipliers()[0]
	tables := b.NewTables(am, gradientKinds[0].gradients(am))
	defer b.FreeTables(tables)
	q := r.in("q", backend.Shape{3}, []float32{1, 1, 0}).T
	operand := func(d ...int) backend.Quantized {
		s := backend.Shape(d)
		return backend.Quantized{Code: r.in("code", s, make([]uint8, s.Len())).T, Q: q}
	}
	result := func(d ...int) backend.Tensor { return r.out("y", dt, d).T }
	w, x := operand(4, 2, 3, 3), operand(1, 2, 5, 5)

	faults(t, op, "y is 1×4×5×5, want 1×4×3×3", func() { f(result(1, 4, 5, 5), w, x, backend.Conv2D{}, tables) })
	faults(t, op, "in 2 groups: channels do not divide", func() { f(result(1, 4, 3, 3), w, x, backend.Conv2D{Groups: 2}, tables) })
	faults(t, op, "the filter is larger than the padded image", func() {
		f(result(1, 4, 1, 1), w, operand(1, 2, 2, 2), backend.Conv2D{}, tables)
	})
	faults(t, op, "the quantizer of w is 3×2, want 3 or 3×4", func() {
		f(result(1, 4, 3, 3), backend.Quantized{Code: w.Code, Q: r.out("q", backend.F32, backend.Shape{3, 2}).T}, x, backend.Conv2D{}, tables)
	})
}

// BenchmarkLUTConv2D reports billions of table look-ups a second.
func BenchmarkLUTConv2D(bb *testing.B, b lutConv2Der, shapes []ConvShape) {
	am := Multipliers()[0]
	for _, s := range shapes {
		benchmark(bb, b, s.product(seeded(s.String()), am, lut.Gradients{}, options{}), am.Name()+"/"+s.String(), backend.I32,
			func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
				b.LUTConv2D(y, w, x, s.Geometry, tables)
			})
	}
}
