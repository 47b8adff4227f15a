package backendtest

import (
	"fmt"

	"gputrain/lut"
	"gputrain/model/backend"
)

// A Pair carries out every operation on two backends, teacher-forced: before
// an operation the second is given the operands of the first, so that no
// difference of an earlier one reaches it. Integers, codes and what works
// element by element must come out the same; of sums of floats both must lie
// within [Bound] of the oracle of the suite. It is a backend, so whole steps of
// training can be compared.
//
// A tensor reads as the first backend has it.
type Pair struct {
	t        T
	first    backend.Backend
	second   backend.Backend
	compared map[string]int
}

// NewPair returns a Pair of two backends that reports to t.
func NewPair(t T, first, second backend.Backend) *Pair {
	return &Pair{t, first, second, make(map[string]int)}
}

// Compared returns how often each operation has been compared.
func (p *Pair) Compared() map[string]int { return p.compared }

// Name implements [backend.Backend].
func (p *Pair) Name() string { return p.first.Name() + " against " + p.second.Name() }

// A twin is a tensor in both backends.
type twin struct{ first, second backend.Tensor }

func (w *twin) DType() backend.DType { return w.first.DType() }
func (w *twin) Shape() backend.Shape { return w.first.Shape() }

// A twinTables is a multiplier in both backends.
type twinTables struct{ first, second backend.Tables }

func (t *twinTables) Product() *lut.Table      { return t.first.Product() }
func (t *twinTables) Gradients() lut.Gradients { return t.first.Gradients() }

// A side is one of the two backends, with what makes its own of an argument.
type side struct {
	backend.Backend
	second bool
}

func (s side) of(t backend.Tensor) backend.Tensor {
	w, ok := t.(*twin)
	switch {
	case !ok: // no tensor
		return nil
	case s.second:
		return w.second
	}
	return w.first
}

func (s side) quantized(q backend.Quantized) backend.Quantized {
	return backend.Quantized{Code: s.of(q.Code), Q: s.of(q.Q)}
}

func (s side) tables(t backend.Tables) backend.Tables {
	if s.second {
		return t.(*twinTables).second
	}
	return t.(*twinTables).first
}

// both runs an operation on either side.
func (p *Pair) both(op string, f func(s side)) {
	p.compared[op]++
	f(side{p.first, false})
	f(side{p.second, true})
}

// force gives the second backend what the first holds, and returns it.
func (p *Pair) force(t backend.Tensor) any {
	w := t.(*twin)
	data := read(p.t, p.first, w.first)
	p.second.Write(w.second, data)
	return data
}

func (p *Pair) floats(t backend.Tensor) []float32 { return p.force(t).([]float32) }

// same compares results that have no freedom.
func (p *Pair) same(op, name string, t backend.Tensor) {
	w := t.(*twin)
	want, got := read(p.t, p.first, w.first), read(p.t, p.second, w.second)
	name = p.label(op, name, p.second)
	switch want := want.(type) {
	case []float32:
		equal(p.t, name, t.Shape(), got.([]float32), want)
	case []int32:
		equal(p.t, name, t.Shape(), got.([]int32), want)
	case []uint8:
		equal(p.t, name, t.Shape(), got.([]uint8), want)
	}
}

// near holds both results to the oracle.
func (p *Pair) near(op, name string, t backend.Tensor, want []Approx) {
	w := t.(*twin)
	within(p.t, p.label(op, name, p.first), t.Shape(), read(p.t, p.first, w.first).([]float32), want)
	within(p.t, p.label(op, name, p.second), t.Shape(), read(p.t, p.second, w.second).([]float32), want)
}

func (p *Pair) label(op, name string, b backend.Backend) string {
	return fmt.Sprintf("%s %d of %s: %s", op, p.compared[op], b.Name(), name)
}

// NewTensor implements [backend.Memory].
func (p *Pair) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor {
	return &twin{p.first.NewTensor(dt, s), p.second.NewTensor(dt, s)}
}

// Free implements [backend.Memory].
func (p *Pair) Free(t backend.Tensor) {
	p.first.Free(t.(*twin).first)
	p.second.Free(t.(*twin).second)
}

// View implements [backend.Memory].
func (p *Pair) View(t backend.Tensor, s backend.Shape) backend.Tensor {
	return &twin{p.first.View(t.(*twin).first, s), p.second.View(t.(*twin).second, s)}
}

// Write implements [backend.Memory].
func (p *Pair) Write(dst backend.Tensor, src any) {
	p.first.Write(dst.(*twin).first, src)
	p.second.Write(dst.(*twin).second, src)
}

// Read implements [backend.Memory].
func (p *Pair) Read(dst any, src backend.Tensor) error { return p.first.Read(dst, src.(*twin).first) }

// Sync implements [backend.Memory].
func (p *Pair) Sync() error {
	if err := p.first.Sync(); err != nil {
		return err
	}
	return p.second.Sync()
}

// NewTables implements [backend.Multiplier].
func (p *Pair) NewTables(t *lut.Table, g lut.Gradients) backend.Tables {
	return &twinTables{p.first.NewTables(t, g), p.second.NewTables(t, g)}
}

// FreeTables implements [backend.Multiplier].
func (p *Pair) FreeTables(t backend.Tables) {
	p.first.FreeTables(t.(*twinTables).first)
	p.second.FreeTables(t.(*twinTables).second)
}

// matMulOf returns the shape of the product of w and x.
func matMulOf(w, x backend.Tensor) MatMulShape {
	ws, xs := w.Shape(), x.Shape()
	r := len(ws)
	s := MatMulShape{M: ws[r-2], K: ws[r-1], N: xs[r-1]}
	if r == 3 {
		s.Batch = ws[0]
	}
	return s
}

// convOf returns the shape of the convolution of x with w.
func convOf(w, x backend.Tensor, c backend.Conv2D) ConvShape {
	ws, xs := w.Shape(), x.Shape()
	return ConvShape{N: xs[0], Cin: xs[1], H: xs[2], W: xs[3], Cout: ws[0], KH: ws[2], KW: ws[3], Geometry: c}
}

// product forces the operands of a product and returns its oracle.
func (p *Pair) product(w, x backend.Quantized, t backend.Tables, row int, tt terms, padding backend.Padding) *product {
	quantizer := func(q backend.Tensor) quantizer {
		v := p.floats(q)
		n := len(v) / 3
		return quantizer{v[:n], v[n : 2*n], v[2*n:]}
	}
	return &product{
		am: t.Product(), g: t.Gradients(), ws: w.Code.Shape(), xs: x.Code.Shape(), terms: tt, row: row, padding: padding,
		w: p.force(w.Code).([]uint8), x: p.force(x.Code).([]uint8), qw: quantizer(w.Q), qx: quantizer(x.Q),
	}
}

func (p *Pair) matMul(w, x backend.Quantized, t backend.Tables) *product {
	s := matMulOf(w.Code, x.Code)
	return p.product(w, x, t, s.K, s.terms(), 0)
}

func (p *Pair) conv(w, x backend.Quantized, c backend.Conv2D, t backend.Tables) *product {
	s := convOf(w.Code, x.Code, c)
	return p.product(w, x, t, w.Code.Shape().Len()/s.Cout, s.terms(), c.Padding)
}

// LUTMatMul implements [backend.Multiplier].
func (p *Pair) LUTMatMul(y backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	p.matMul(w, x, t)
	p.both("LUTMatMul", func(s side) { s.LUTMatMul(s.of(y), s.quantized(w), s.quantized(x), s.tables(t)) })
	p.same("LUTMatMul", "y", y)
}

// DequantizeMatMul implements [backend.Multiplier].
func (p *Pair) DequantizeMatMul(y, acc backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	p.matMul(w, x, t)
	p.force(acc)
	p.both("DequantizeMatMul", func(s side) {
		s.DequantizeMatMul(s.of(y), s.of(acc), s.quantized(w), s.quantized(x), s.tables(t))
	})
	p.same("DequantizeMatMul", "y", y)
}

// LUTMatMulBackwardW implements [backend.Multiplier].
func (p *Pair) LUTMatMulBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	want := p.matMul(w, x, t).backwardW(p.floats(dy))
	p.both("LUTMatMulBackwardW", func(s side) {
		s.LUTMatMulBackwardW(s.of(dw), s.of(dy), s.quantized(w), s.quantized(x), s.tables(t))
	})
	p.near("LUTMatMulBackwardW", "dw", dw, want)
}

// LUTMatMulBackwardX implements [backend.Multiplier].
func (p *Pair) LUTMatMulBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	want := p.matMul(w, x, t).backwardX(p.floats(dy))
	p.both("LUTMatMulBackwardX", func(s side) {
		s.LUTMatMulBackwardX(s.of(dx), s.of(dy), s.quantized(w), s.quantized(x), s.tables(t))
	})
	p.near("LUTMatMulBackwardX", "dx", dx, want)
}

// LUTConv2D implements [backend.Multiplier].
func (p *Pair) LUTConv2D(y backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	p.conv(w, x, c, t)
	p.both("LUTConv2D", func(s side) { s.LUTConv2D(s.of(y), s.quantized(w), s.quantized(x), c, s.tables(t)) })
	p.same("LUTConv2D", "y", y)
}

// DequantizeConv2D implements [backend.Multiplier].
func (p *Pair) DequantizeConv2D(y, acc backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	p.conv(w, x, c, t)
	p.force(acc)
	p.both("DequantizeConv2D", func(s side) {
		s.DequantizeConv2D(s.of(y), s.of(acc), s.quantized(w), s.quantized(x), c, s.tables(t))
	})
	p.same("DequantizeConv2D", "y", y)
}

// LUTConv2DBackwardW implements [backend.Multiplier].
func (p *Pair) LUTConv2DBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	want := p.conv(w, x, c, t).backwardW(p.floats(dy))
	p.both("LUTConv2DBackwardW", func(s side) {
		s.LUTConv2DBackwardW(s.of(dw), s.of(dy), s.quantized(w), s.quantized(x), c, s.tables(t))
	})
	p.near("LUTConv2DBackwardW", "dw", dw, want)
}

// LUTConv2DBackwardX implements [backend.Multiplier].
func (p *Pair) LUTConv2DBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	want := p.conv(w, x, c, t).backwardX(p.floats(dy))
	p.both("LUTConv2DBackwardX", func(s side) {
		s.LUTConv2DBackwardX(s.of(dx), s.of(dy), s.quantized(w), s.quantized(x), c, s.tables(t))
	})
	p.near("LUTConv2DBackwardX", "dx", dx, want)
}

// Observe implements [backend.Quantizer].
func (p *Pair) Observe(r, x backend.Tensor, o backend.Observer) {
	p.force(r)
	p.force(x)
	p.both("Observe", func(s side) { s.Observe(s.of(r), s.of(x), o) })
	p.same("Observe", "the range", r)
}

// SetRange implements [backend.Quantizer].
func (p *Pair) SetRange(q, r backend.Tensor, op lut.Operand, symmetric bool) {
	p.force(r)
	p.both("SetRange", func(s side) { s.SetRange(s.of(q), s.of(r), op, symmetric) })
	p.same("SetRange", "q", q)
}

// Quantize implements [backend.Quantizer].
func (p *Pair) Quantize(code, x, q backend.Tensor, op lut.Operand) {
	p.force(x)
	p.force(q)
	p.both("Quantize", func(s side) { s.Quantize(s.of(code), s.of(x), s.of(q), op) })
	p.same("Quantize", "code", code)
}

// Dequantize implements [backend.Quantizer].
func (p *Pair) Dequantize(y, code, q backend.Tensor, op lut.Operand) {
	p.force(code)
	p.force(q)
	p.both("Dequantize", func(s side) { s.Dequantize(s.of(y), s.of(code), s.of(q), op) })
	p.same("Dequantize", "y", y)
}

// QuantizeBackward implements [backend.Quantizer].
func (p *Pair) QuantizeBackward(dx, dy, x, q backend.Tensor, op lut.Operand) {
	p.force(dy)
	p.force(x)
	p.force(q)
	p.both("QuantizeBackward", func(s side) { s.QuantizeBackward(s.of(dx), s.of(dy), s.of(x), s.of(q), op) })
	p.same("QuantizeBackward", "dx", dx)
}

// Conv2D implements [backend.Layers].
func (p *Pair) Conv2D(y, w, x backend.Tensor, c backend.Conv2D) {
	want := approx(convOf(w, x, c).floats(p.floats(w), p.floats(x)), 1)
	p.both("Conv2D", func(s side) { s.Conv2D(s.of(y), s.of(w), s.of(x), c) })
	p.near("Conv2D", "y", y, want)
}

// Conv2DBackwardW implements [backend.Layers].
func (p *Pair) Conv2DBackwardW(dw, dy, x backend.Tensor, c backend.Conv2D) {
	want := approx(convOf(dw, x, c).floatsW(p.floats(dy), p.floats(x)), 1)
	p.both("Conv2DBackwardW", func(s side) { s.Conv2DBackwardW(s.of(dw), s.of(dy), s.of(x), c) })
	p.near("Conv2DBackwardW", "dw", dw, want)
}

// Conv2DBackwardX implements [backend.Layers].
func (p *Pair) Conv2DBackwardX(dx, dy, w backend.Tensor, c backend.Conv2D) {
	want := approx(convOf(w, dx, c).floatsX(p.floats(dy), p.floats(w)), 1)
	p.both("Conv2DBackwardX", func(s side) { s.Conv2DBackwardX(s.of(dx), s.of(dy), s.of(w), c) })
	p.near("Conv2DBackwardX", "dx", dx, want)
}

// AddBias implements [backend.Layers].
func (p *Pair) AddBias(y, b backend.Tensor) {
	p.force(y)
	p.force(b)
	p.both("AddBias", func(s side) { s.AddBias(s.of(y), s.of(b)) })
	p.same("AddBias", "y", y)
}

// BiasBackward implements [backend.Layers].
func (p *Pair) BiasBackward(db, dy backend.Tensor) {
	want := approx(channelSums(dy.Shape(), p.floats(dy)), 1)
	p.both("BiasBackward", func(s side) { s.BiasBackward(s.of(db), s.of(dy)) })
	p.near("BiasBackward", "db", db, want)
}

// params returns the side's own of the parameters of a batch normalization.
func (s side) params(b backend.BatchNormParams) backend.BatchNormParams {
	return backend.BatchNormParams{Gamma: s.of(b.Gamma), Beta: s.of(b.Beta), Mean: s.of(b.Mean), Variance: s.of(b.Variance)}
}

// BatchNorm implements [backend.Layers].
func (p *Pair) BatchNorm(y, x backend.Tensor, b backend.BatchNormParams, saved backend.Tensor, h backend.BatchNormHyper) {
	want := normalized(x.Shape(), p.floats(x), p.floats(b.Gamma), p.floats(b.Beta), p.floats(b.Mean), p.floats(b.Variance), h)
	p.both("BatchNorm", func(s side) { s.BatchNorm(s.of(y), s.of(x), s.params(b), s.of(saved), h) })
	p.near("BatchNorm", "saved", saved, want.saved)
	p.near("BatchNorm", "mean", b.Mean, want.mean)
	p.near("BatchNorm", "variance", b.Variance, want.variance)
	p.near("BatchNorm", "y", y, want.y)
}

// BatchNormInference implements [backend.Layers].
func (p *Pair) BatchNormInference(y, x backend.Tensor, b backend.BatchNormParams, h backend.BatchNormHyper) {
	want := inferred(x.Shape(), p.floats(x), p.floats(b.Gamma), p.floats(b.Beta), p.floats(b.Mean), p.floats(b.Variance), h)
	p.both("BatchNormInference", func(s side) { s.BatchNormInference(s.of(y), s.of(x), s.params(b), h) })
	p.near("BatchNormInference", "y", y, want)
}

// BatchNormBackward implements [backend.Layers].
func (p *Pair) BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	wantX, wantGamma, wantBeta := normGradients(x.Shape(), p.floats(dy), p.floats(x), p.floats(gamma), p.floats(saved))
	p.both("BatchNormBackward", func(s side) {
		s.BatchNormBackward(s.of(dx), s.of(dgamma), s.of(dbeta), s.of(dy), s.of(x), s.of(gamma), s.of(saved))
	})
	p.near("BatchNormBackward", "dbeta", dbeta, wantBeta)
	p.near("BatchNormBackward", "dgamma", dgamma, wantGamma)
	p.near("BatchNormBackward", "dx", dx, wantX)
}

// ReLU implements [backend.Layers].
func (p *Pair) ReLU(y, x backend.Tensor) {
	p.force(x)
	p.both("ReLU", func(s side) { s.ReLU(s.of(y), s.of(x)) })
	p.same("ReLU", "y", y)
}

// ReLUBackward implements [backend.Layers].
func (p *Pair) ReLUBackward(dx, dy, y backend.Tensor) {
	p.force(dy)
	p.force(y)
	p.both("ReLUBackward", func(s side) { s.ReLUBackward(s.of(dx), s.of(dy), s.of(y)) })
	p.same("ReLUBackward", "dx", dx)
}

// MaxPool2D implements [backend.Layers].
func (p *Pair) MaxPool2D(y, index, x backend.Tensor, g backend.Pool2D) {
	p.force(x)
	p.both("MaxPool2D", func(s side) { s.MaxPool2D(s.of(y), s.of(index), s.of(x), g) })
	p.same("MaxPool2D", "y", y)
	p.same("MaxPool2D", "index", index)
}

// MaxPool2DBackward implements [backend.Layers].
func (p *Pair) MaxPool2DBackward(dx, dy, index backend.Tensor, g backend.Pool2D) {
	want := approx(poolShape{dx.Shape(), g}.scattered(p.floats(dy), p.force(index).([]int32)), 1)
	p.both("MaxPool2DBackward", func(s side) { s.MaxPool2DBackward(s.of(dx), s.of(dy), s.of(index), g) })
	p.near("MaxPool2DBackward", "dx", dx, want)
}

// AvgPool2D implements [backend.Layers].
func (p *Pair) AvgPool2D(y, x backend.Tensor, g backend.Pool2D) {
	want := poolShape{x.Shape(), g}.averages(p.floats(x))
	p.both("AvgPool2D", func(s side) { s.AvgPool2D(s.of(y), s.of(x), g) })
	p.near("AvgPool2D", "y", y, want)
}

// AvgPool2DBackward implements [backend.Layers].
func (p *Pair) AvgPool2DBackward(dx, dy backend.Tensor, g backend.Pool2D) {
	want := poolShape{dx.Shape(), g}.shares(p.floats(dy))
	p.both("AvgPool2DBackward", func(s side) { s.AvgPool2DBackward(s.of(dx), s.of(dy), g) })
	p.near("AvgPool2DBackward", "dx", dx, want)
}

// Add implements [backend.Layers].
func (p *Pair) Add(y, a, b backend.Tensor) {
	p.force(a)
	p.force(b)
	p.both("Add", func(s side) { s.Add(s.of(y), s.of(a), s.of(b)) })
	p.same("Add", "y", y)
}

// SoftmaxCrossEntropy implements [backend.Layers].
func (p *Pair) SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) {
	shape := logits.Shape()
	c := softmaxCase{N: shape[0], classes: shape[1], logits: p.floats(logits), labels: p.force(t.Labels).([]int32),
		lambda: t.Lambda, smoothing: t.Smoothing, stats: p.floats(stats), scale: scale}
	if t.Mixed != nil {
		c.mixed = p.force(t.Mixed).([]int32)
	}
	wantStats, want := c.want()
	p.both("SoftmaxCrossEntropy", func(s side) {
		own := t
		own.Labels, own.Mixed = s.of(t.Labels), s.of(t.Mixed)
		s.SoftmaxCrossEntropy(s.of(stats), s.of(dlogits), s.of(logits), own, scale)
	})
	p.near("SoftmaxCrossEntropy", "stats", stats, wantStats)
	p.near("SoftmaxCrossEntropy", "dlogits", dlogits, want)
}

var _ backend.Backend = (*Pair)(nil)
