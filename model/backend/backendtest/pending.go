package backendtest

import "gputrain/model/backend"

// BatchNormFrozenBackward implements part of [backend.Backend].
func (*Pair) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper) {
	panic("model/backend/backendtest: not there yet")
}

// ReLU6 implements part of [backend.Backend].
func (*Pair) ReLU6(y, x backend.Tensor) { panic("model/backend/backendtest: not there yet") }

// ReLU6Backward implements part of [backend.Backend].
func (*Pair) ReLU6Backward(dx, dy, y backend.Tensor) {
	panic("model/backend/backendtest: not there yet")
}

// Dropout implements part of [backend.Backend].
func (*Pair) Dropout(y, x backend.Tensor, p float64, seed uint64) {
	panic("model/backend/backendtest: not there yet")
}

// MatMul implements part of [backend.Backend].
func (*Pair) MatMul(y, w, x backend.Tensor) { panic("model/backend/backendtest: not there yet") }

// MatMulBackwardW implements part of [backend.Backend].
func (*Pair) MatMulBackwardW(dw, dy, x backend.Tensor) {
	panic("model/backend/backendtest: not there yet")
}

// MatMulBackwardX implements part of [backend.Backend].
func (*Pair) MatMulBackwardX(dx, dy, w backend.Tensor) {
	panic("model/backend/backendtest: not there yet")
}

// Softmax implements part of [backend.Backend].
func (*Pair) Softmax(y, x backend.Tensor, a float32) {
	panic("model/backend/backendtest: not there yet")
}

// SoftmaxBackward implements part of [backend.Backend].
func (*Pair) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) {
	panic("model/backend/backendtest: not there yet")
}

// LayerNorm implements part of [backend.Backend].
func (*Pair) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	panic("model/backend/backendtest: not there yet")
}

// LayerNormBackward implements part of [backend.Backend].
func (*Pair) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	panic("model/backend/backendtest: not there yet")
}

// GELU implements part of [backend.Backend].
func (*Pair) GELU(y, x backend.Tensor) { panic("model/backend/backendtest: not there yet") }

// GELUBackward implements part of [backend.Backend].
func (*Pair) GELUBackward(dx, dy, x backend.Tensor) {
	panic("model/backend/backendtest: not there yet")
}

// Copy implements part of [backend.Backend].
func (*Pair) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	panic("model/backend/backendtest: not there yet")
}

// AdanStep implements part of [backend.Backend].
func (*Pair) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	panic("model/backend/backendtest: not there yet")
}

// AdaMomentumStep implements part of [backend.Backend].
func (*Pair) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	panic("model/backend/backendtest: not there yet")
}

// AddSquares implements part of [backend.Backend].
func (*Pair) AddSquares(sum, x backend.Tensor) { panic("model/backend/backendtest: not there yet") }

// ClipNorm implements part of [backend.Backend].
func (*Pair) ClipNorm(x, sum backend.Tensor, limit float32) {
	panic("model/backend/backendtest: not there yet")
}

// Average implements part of [backend.Backend].
func (*Pair) Average(e, w backend.Tensor, d float64) {
	panic("model/backend/backendtest: not there yet")
}
