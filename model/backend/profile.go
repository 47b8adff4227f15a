package backend

import (
	"time"

	"gputrain/lut"
)

// A Span is the time that an operation took, or a part of it.
type Span struct {
	Op    string // as in "LUTConv2D"
	Part  string // what the device ran for it: the kernel; empty for all of it
	Layer string // as [Annotator] was told; empty where it was not

	Begin, End time.Duration // since Profile was called
}

// A Profiler is an optional interface of a backend.
type Profiler interface {
	// Profile has record called with every span from now on, in their order,
	// or, if it is nil, no more. The calls come from any goroutine, but one at
	// a time, and may lag behind; those of all that was queued before a Sync or
	// a Profile have been made when it returns.
	Profile(record func(Span))
}

// An Annotator is an optional interface of a backend that has spans: what is
// called from now on works for the layer of that name.
type Annotator interface {
	Annotate(layer string)
}

// A Timed is a backend that times the operations of another by the clock. That
// is right for those that compute before they return.
type Timed struct {
	Backend
	record func(Span)
	zero   time.Time
	layer  string
}

var (
	_ Profiler  = (*Timed)(nil)
	_ Annotator = (*Timed)(nil)
)

// NewTimed returns a Timed of b.
func NewTimed(b Backend) *Timed { return &Timed{Backend: b} }

// Profile implements [Profiler].
func (t *Timed) Profile(record func(Span)) { t.record, t.zero = record, time.Now() }

// Annotate implements [Annotator].
func (t *Timed) Annotate(layer string) { t.layer = layer }

// timed calls an operation and records how long it took.
func (t *Timed) timed(op string, f func()) {
	if t.record == nil {
		f()
		return
	}
	begin := time.Since(t.zero)
	f()
	t.record(Span{Op: op, Layer: t.layer, Begin: begin, End: time.Since(t.zero)})
}

// Write implements [Memory].
func (t *Timed) Write(dst Tensor, src any) {
	t.timed("Write", func() { t.Backend.Write(dst, src) })
}

// Read implements [Memory].
func (t *Timed) Read(dst any, src Tensor) (err error) {
	t.timed("Read", func() { err = t.Backend.Read(dst, src) })
	return err
}

// LUTMatMul implements [Multiplier].
func (t *Timed) LUTMatMul(y Tensor, w, x Quantized, tables Tables) {
	t.timed("LUTMatMul", func() { t.Backend.LUTMatMul(y, w, x, tables) })
}

// DequantizeMatMul implements [Multiplier].
func (t *Timed) DequantizeMatMul(y, acc Tensor, w, x Quantized, tables Tables) {
	t.timed("DequantizeMatMul", func() { t.Backend.DequantizeMatMul(y, acc, w, x, tables) })
}

// LUTMatMulBackwardW implements [Multiplier].
func (t *Timed) LUTMatMulBackwardW(dw, dy Tensor, w, x Quantized, tables Tables) {
	t.timed("LUTMatMulBackwardW", func() { t.Backend.LUTMatMulBackwardW(dw, dy, w, x, tables) })
}

// LUTMatMulBackwardX implements [Multiplier].
func (t *Timed) LUTMatMulBackwardX(dx, dy Tensor, w, x Quantized, tables Tables) {
	t.timed("LUTMatMulBackwardX", func() { t.Backend.LUTMatMulBackwardX(dx, dy, w, x, tables) })
}

// LUTConv2D implements [Multiplier].
func (t *Timed) LUTConv2D(y Tensor, w, x Quantized, c Conv2D, tables Tables) {
	t.timed("LUTConv2D", func() { t.Backend.LUTConv2D(y, w, x, c, tables) })
}

// DequantizeConv2D implements [Multiplier].
func (t *Timed) DequantizeConv2D(y, acc Tensor, w, x Quantized, c Conv2D, tables Tables) {
	t.timed("DequantizeConv2D", func() { t.Backend.DequantizeConv2D(y, acc, w, x, c, tables) })
}

// LUTConv2DBackwardW implements [Multiplier].
func (t *Timed) LUTConv2DBackwardW(dw, dy Tensor, w, x Quantized, c Conv2D, tables Tables) {
	t.timed("LUTConv2DBackwardW", func() { t.Backend.LUTConv2DBackwardW(dw, dy, w, x, c, tables) })
}

// LUTConv2DBackwardX implements [Multiplier].
func (t *Timed) LUTConv2DBackwardX(dx, dy Tensor, w, x Quantized, c Conv2D, tables Tables) {
	t.timed("LUTConv2DBackwardX", func() { t.Backend.LUTConv2DBackwardX(dx, dy, w, x, c, tables) })
}

// Observe implements [Quantizer].
func (t *Timed) Observe(r, x Tensor, o Observer) {
	t.timed("Observe", func() { t.Backend.Observe(r, x, o) })
}

// SetRange implements [Quantizer].
func (t *Timed) SetRange(q, r Tensor, op lut.Operand, symmetric bool) {
	t.timed("SetRange", func() { t.Backend.SetRange(q, r, op, symmetric) })
}

// Quantize implements [Quantizer].
func (t *Timed) Quantize(code, x, q Tensor, op lut.Operand) {
	t.timed("Quantize", func() { t.Backend.Quantize(code, x, q, op) })
}

// Dequantize implements [Quantizer].
func (t *Timed) Dequantize(y, code, q Tensor, op lut.Operand) {
	t.timed("Dequantize", func() { t.Backend.Dequantize(y, code, q, op) })
}

// QuantizeBackward implements [Quantizer].
func (t *Timed) QuantizeBackward(dx, dy, x, q Tensor, op lut.Operand) {
	t.timed("QuantizeBackward", func() { t.Backend.QuantizeBackward(dx, dy, x, q, op) })
}

// Conv2D implements [Layers].
func (t *Timed) Conv2D(y, w, x Tensor, c Conv2D) {
	t.timed("Conv2D", func() { t.Backend.Conv2D(y, w, x, c) })
}

// Conv2DBackwardW implements [Layers].
func (t *Timed) Conv2DBackwardW(dw, dy, x Tensor, c Conv2D) {
	t.timed("Conv2DBackwardW", func() { t.Backend.Conv2DBackwardW(dw, dy, x, c) })
}

// Conv2DBackwardX implements [Layers].
func (t *Timed) Conv2DBackwardX(dx, dy, w Tensor, c Conv2D) {
	t.timed("Conv2DBackwardX", func() { t.Backend.Conv2DBackwardX(dx, dy, w, c) })
}

// AddBias implements [Layers].
func (t *Timed) AddBias(y, b Tensor) {
	t.timed("AddBias", func() { t.Backend.AddBias(y, b) })
}

// BiasBackward implements [Layers].
func (t *Timed) BiasBackward(db, dy Tensor) {
	t.timed("BiasBackward", func() { t.Backend.BiasBackward(db, dy) })
}

// BatchNorm implements [Layers].
func (t *Timed) BatchNorm(y, x Tensor, p BatchNormParams, saved Tensor, h BatchNormHyper) {
	t.timed("BatchNorm", func() { t.Backend.BatchNorm(y, x, p, saved, h) })
}

// BatchNormInference implements [Layers].
func (t *Timed) BatchNormInference(y, x Tensor, p BatchNormParams, h BatchNormHyper) {
	t.timed("BatchNormInference", func() { t.Backend.BatchNormInference(y, x, p, h) })
}

// BatchNormBackward implements [Layers].
func (t *Timed) BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved Tensor) {
	t.timed("BatchNormBackward", func() { t.Backend.BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved) })
}

// BatchNormFrozenBackward implements [Layers].
func (t *Timed) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x Tensor, p BatchNormParams, h BatchNormHyper) {
	t.timed("BatchNormFrozenBackward", func() { t.Backend.BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x, p, h) })
}

// ReLU implements [Layers].
func (t *Timed) ReLU(y, x Tensor) {
	t.timed("ReLU", func() { t.Backend.ReLU(y, x) })
}

// ReLUBackward implements [Layers].
func (t *Timed) ReLUBackward(dx, dy, y Tensor) {
	t.timed("ReLUBackward", func() { t.Backend.ReLUBackward(dx, dy, y) })
}

// ReLU6 implements [Layers].
func (t *Timed) ReLU6(y, x Tensor) {
	t.timed("ReLU6", func() { t.Backend.ReLU6(y, x) })
}

// ReLU6Backward implements [Layers].
func (t *Timed) ReLU6Backward(dx, dy, y Tensor) {
	t.timed("ReLU6Backward", func() { t.Backend.ReLU6Backward(dx, dy, y) })
}

// Dropout implements [Layers].
func (t *Timed) Dropout(y, x Tensor, p float64, seed uint64) {
	t.timed("Dropout", func() { t.Backend.Dropout(y, x, p, seed) })
}

// MaxPool2D implements [Layers].
func (t *Timed) MaxPool2D(y, index, x Tensor, p Pool2D) {
	t.timed("MaxPool2D", func() { t.Backend.MaxPool2D(y, index, x, p) })
}

// MaxPool2DBackward implements [Layers].
func (t *Timed) MaxPool2DBackward(dx, dy, index Tensor, p Pool2D) {
	t.timed("MaxPool2DBackward", func() { t.Backend.MaxPool2DBackward(dx, dy, index, p) })
}

// AvgPool2D implements [Layers].
func (t *Timed) AvgPool2D(y, x Tensor, p Pool2D) {
	t.timed("AvgPool2D", func() { t.Backend.AvgPool2D(y, x, p) })
}

// AvgPool2DBackward implements [Layers].
func (t *Timed) AvgPool2DBackward(dx, dy Tensor, p Pool2D) {
	t.timed("AvgPool2DBackward", func() { t.Backend.AvgPool2DBackward(dx, dy, p) })
}

// Add implements [Layers].
func (t *Timed) Add(y, a, b Tensor) {
	t.timed("Add", func() { t.Backend.Add(y, a, b) })
}

// SoftmaxCrossEntropy implements [Layers].
func (t *Timed) SoftmaxCrossEntropy(stats, dlogits, logits Tensor, targets Targets, scale float32) {
	t.timed("SoftmaxCrossEntropy", func() { t.Backend.SoftmaxCrossEntropy(stats, dlogits, logits, targets, scale) })
}

// MatMul implements [Tokens].
func (t *Timed) MatMul(y, w, x Tensor) {
	t.timed("MatMul", func() { t.Backend.MatMul(y, w, x) })
}

// MatMulBackwardW implements [Tokens].
func (t *Timed) MatMulBackwardW(dw, dy, x Tensor) {
	t.timed("MatMulBackwardW", func() { t.Backend.MatMulBackwardW(dw, dy, x) })
}

// MatMulBackwardX implements [Tokens].
func (t *Timed) MatMulBackwardX(dx, dy, w Tensor) {
	t.timed("MatMulBackwardX", func() { t.Backend.MatMulBackwardX(dx, dy, w) })
}

// Softmax implements [Tokens].
func (t *Timed) Softmax(y, x Tensor, a float32) {
	t.timed("Softmax", func() { t.Backend.Softmax(y, x, a) })
}

// SoftmaxBackward implements [Tokens].
func (t *Timed) SoftmaxBackward(dx, dy, y Tensor, a float32) {
	t.timed("SoftmaxBackward", func() { t.Backend.SoftmaxBackward(dx, dy, y, a) })
}

// LayerNorm implements [Tokens].
func (t *Timed) LayerNorm(y, x, gamma, beta, saved Tensor, eps float32) {
	t.timed("LayerNorm", func() { t.Backend.LayerNorm(y, x, gamma, beta, saved, eps) })
}

// LayerNormBackward implements [Tokens].
func (t *Timed) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved Tensor) {
	t.timed("LayerNormBackward", func() { t.Backend.LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved) })
}

// GELU implements [Tokens].
func (t *Timed) GELU(y, x Tensor) {
	t.timed("GELU", func() { t.Backend.GELU(y, x) })
}

// GELUBackward implements [Tokens].
func (t *Timed) GELUBackward(dx, dy, x Tensor) {
	t.timed("GELUBackward", func() { t.Backend.GELUBackward(dx, dy, x) })
}

// Copy implements [Tokens].
func (t *Timed) Copy(dst Tensor, to Layout, src Tensor, from Layout, size [4]int) {
	t.timed("Copy", func() { t.Backend.Copy(dst, to, src, from, size) })
}

// SGDStep implements [Optimizer].
func (t *Timed) SGDStep(w, dw, v Tensor, h SGD) {
	t.timed("SGDStep", func() { t.Backend.SGDStep(w, dw, v, h) })
}

// AdamStep implements [Optimizer].
func (t *Timed) AdamStep(w, dw, m, v Tensor, h Adam) {
	t.timed("AdamStep", func() { t.Backend.AdamStep(w, dw, m, v, h) })
}

// AdanStep implements [Optimizer].
func (t *Timed) AdanStep(w, dw, m, v, n, prev Tensor, h Adan) {
	t.timed("AdanStep", func() { t.Backend.AdanStep(w, dw, m, v, n, prev, h) })
}

// AdaMomentumStep implements [Optimizer].
func (t *Timed) AdaMomentumStep(w, dw, m, v Tensor, h Adam) {
	t.timed("AdaMomentumStep", func() { t.Backend.AdaMomentumStep(w, dw, m, v, h) })
}

// AddSquares implements [Optimizer].
func (t *Timed) AddSquares(sum, x Tensor) {
	t.timed("AddSquares", func() { t.Backend.AddSquares(sum, x) })
}

// ClipNorm implements [Optimizer].
func (t *Timed) ClipNorm(x, sum Tensor, limit float32) {
	t.timed("ClipNorm", func() { t.Backend.ClipNorm(x, sum, limit) })
}

// Average implements [Optimizer].
func (t *Timed) Average(e, w Tensor, d float64) {
	t.timed("Average", func() { t.Backend.Average(e, w, d) })
}
