package cpuref

import "gputrain/model/backend"

// BatchNormFrozenBackward implements part of [backend.Backend].
func (*Plain) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper) {
	panic("cpuref: not there yet")
}

// ReLU6 implements part of [backend.Backend].
func (*Plain) ReLU6(y, x backend.Tensor) { panic("cpuref: not there yet") }

// ReLU6Backward implements part of [backend.Backend].
func (*Plain) ReLU6Backward(dx, dy, y backend.Tensor) { panic("cpuref: not there yet") }

// Dropout implements part of [backend.Backend].
func (*Plain) Dropout(y, x backend.Tensor, p float64, seed uint64) { panic("cpuref: not there yet") }

// MatMul implements part of [backend.Backend].
func (*Plain) MatMul(y, w, x backend.Tensor) { panic("cpuref: not there yet") }

// MatMulBackwardW implements part of [backend.Backend].
func (*Plain) MatMulBackwardW(dw, dy, x backend.Tensor) { panic("cpuref: not there yet") }

// MatMulBackwardX implements part of [backend.Backend].
func (*Plain) MatMulBackwardX(dx, dy, w backend.Tensor) { panic("cpuref: not there yet") }

// Softmax implements part of [backend.Backend].
func (*Plain) Softmax(y, x backend.Tensor, a float32) { panic("cpuref: not there yet") }

// SoftmaxBackward implements part of [backend.Backend].
func (*Plain) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) { panic("cpuref: not there yet") }

// LayerNorm implements part of [backend.Backend].
func (*Plain) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	panic("cpuref: not there yet")
}

// LayerNormBackward implements part of [backend.Backend].
func (*Plain) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	panic("cpuref: not there yet")
}

// GELU implements part of [backend.Backend].
func (*Plain) GELU(y, x backend.Tensor) { panic("cpuref: not there yet") }

// GELUBackward implements part of [backend.Backend].
func (*Plain) GELUBackward(dx, dy, x backend.Tensor) { panic("cpuref: not there yet") }

// Copy implements part of [backend.Backend].
func (*Plain) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	panic("cpuref: not there yet")
}

// AdanStep implements part of [backend.Backend].
func (*Plain) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	panic("cpuref: not there yet")
}

// AdaMomentumStep implements part of [backend.Backend].
func (*Plain) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	panic("cpuref: not there yet")
}

// AddSquares implements part of [backend.Backend].
func (*Plain) AddSquares(sum, x backend.Tensor) { panic("cpuref: not there yet") }

// ClipNorm implements part of [backend.Backend].
func (*Plain) ClipNorm(x, sum backend.Tensor, limit float32) { panic("cpuref: not there yet") }

// Average implements part of [backend.Backend].
func (*Plain) Average(e, w backend.Tensor, d float64) { panic("cpuref: not there yet") }
