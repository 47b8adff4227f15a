package backendtest

import (
	"testing"

	"gputrain/lut"
	"gputrain/model/backend"
)

type lutMatMuler interface {
	tabler
	LUTMatMul(y backend.Tensor, w, x backend.Quantized, t backend.Tables)
}

// LUTMatMul tests Y = Σ AM(W, X) on matrices and batches of matrices.
func LUTMatMul(t T, b lutMatMuler) {
	matMulCases(true, func(c productCase) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			y := r.out("y", backend.I32, c.ys)
			r.run(func() { b.LUTMatMul(y.T, w, x, tables) })
			equal(t, "y", c.ys, y.ints(), c.sums())
		})
	})

	// The longest sums that are certain to fit, of the most extreme products.
	for _, am := range []*lut.Table{Multipliers()[0], Multipliers()[9], Multipliers()[10]} {
		s := MatMulShape{M: 2, K: am.MaxK(), N: 3}
		c := productCase{name: am.Name() + "/longest/" + s.String(), product: s.product(seeded(am.Name()), am, lut.Gradients{}, options{})}
		greatest := 0
		for i, p := range am.Products() {
			if q := am.Products()[greatest]; max(p, -p) > max(q, -q) {
				greatest = i
			}
		}
		for k := range s.K {
			c.w[k], c.x[k*s.N] = uint8(greatest/am.X().Count()), uint8(greatest%am.X().Count())
		}
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			y := r.out("y", backend.I32, c.ys)
			r.run(func() { b.LUTMatMul(y.T, w, x, tables) })
			equal(t, "y", c.ys, y.ints(), c.sums())
		})
	}

	matMulFaults(t, b, "LUTMatMul", backend.I32, func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
		b.LUTMatMul(y, w, x, tables)
	})
}

// matMulFaults tests the checks that an operation on matrices of codes makes;
// dt is the type of y.
func matMulFaults(t T, b tabler, op string, dt backend.DType, f func(y backend.Tensor, w, x backend.Quantized, t backend.Tables)) {
	r := newRig(t, b)
	defer r.free()
	am := Multipliers()[9]
	tables := b.NewTables(am, gradientKinds[0].gradients(am))
	defer b.FreeTables(tables)
	q := r.in("q", backend.Shape{3}, []float32{1, 1, 0}).T
	operand := func(d ...int) backend.Quantized {
		s := backend.Shape(d)
		return backend.Quantized{Code: r.in("code", s, make([]uint8, s.Len())).T, Q: q}
	}
	result := func(dt backend.DType, d ...int) backend.Tensor { return r.out("y", dt, d).T }
	w, x := operand(2, 3), operand(3, 4)

	faults(t, op, "y 2×5 != w 2×3 · x 3×4", func() { f(result(dt, 2, 5), w, x, tables) })
	faults(t, op, "y is 2×4 u8", func() { f(result(backend.U8, 2, 4), w, x, tables) })
	faults(t, op, "w is nil", func() { f(result(dt, 2, 4), backend.Quantized{Q: q}, x, tables) })
	faults(t, op, "tables are nil", func() { f(result(dt, 2, 4), w, x, nil) })
	faults(t, op, "the quantizer of x is 3×2", func() {
		f(result(dt, 2, 4), w, backend.Quantized{Code: x.Code, Q: r.out("q", backend.F32, backend.Shape{3, 2}).T}, tables)
	})
	k := am.MaxK() + 1
	faults(t, op, "sums of wide8u products overflow int32", func() { f(result(dt, 1, 1), operand(1, k), operand(k, 1), tables) })
}

// BenchmarkLUTMatMul reports billions of table look-ups a second of the
// forward product, for operands of 8, 7 and 6 bits.
func BenchmarkLUTMatMul(bb *testing.B, b lutMatMuler, shapes []MatMulShape) {
	for _, am := range benchmarkTables() {
		for _, s := range shapes {
			benchmark(bb, b, s.product(seeded(s.String()), am, lut.Gradients{}, options{}), am.Name()+"/"+s.String(),
				backend.I32, func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) { b.LUTMatMul(y, w, x, tables) })
		}
	}
}

// benchmarkTables have 8, 7 and 6 bits, and signed operands of 8.
func benchmarkTables() []*lut.Table {
	u := lut.Unsigned
	return []*lut.Table{Multipliers()[0], Multipliers()[2], lut.New("bent6u", u(6), u(6), bent), Multipliers()[1]}
}

// benchmark times f on the operands of p and a result of type dt, in
// look-ups a second.
func benchmark(bb *testing.B, b tabler, p *product, name string, dt backend.DType, f func(y backend.Tensor, w, x backend.Quantized, t backend.Tables)) {
	bb.Run(name, func(bb *testing.B) {
		w := backend.Quantized{Code: b.NewTensor(backend.U8, p.ws), Q: b.NewTensor(backend.F32, backend.Shape{3})}
		x := backend.Quantized{Code: b.NewTensor(backend.U8, p.xs), Q: b.NewTensor(backend.F32, backend.Shape{3})}
		y := b.NewTensor(dt, p.ys)
		tables := b.NewTables(p.am, p.g)
		defer func() {
			b.FreeTables(tables)
			for _, t := range []backend.Tensor{w.Code, w.Q, x.Code, x.Q, y} {
				b.Free(t)
			}
		}()
		b.Write(w.Code, p.w)
		b.Write(x.Code, p.x)
		b.Write(w.Q, p.qw.data())
		b.Write(x.Q, p.qx.data())
		if dt == backend.F32 {
			b.Write(y, gradientsOf(seeded(name), p.ys.Len()))
		}
		for bb.Loop() {
			f(y, w, x, tables)
			if err := b.Sync(); err != nil {
				bb.Fatal(err)
			}
		}
		looks := float64(p.ys.Len()) * float64(p.row) * float64(bb.N)
		bb.ReportMetric(looks/bb.Elapsed().Seconds()/1e9, "Glookup/s")
	})
}
