//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// BatchNormFrozenBackward implements part of [backend.Backend].
func (*Device) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper) {
	panic("gpu: not there yet")
}

// ReLU6 implements part of [backend.Backend].
func (*Device) ReLU6(y, x backend.Tensor) { panic("gpu: not there yet") }

// ReLU6Backward implements part of [backend.Backend].
func (*Device) ReLU6Backward(dx, dy, y backend.Tensor) { panic("gpu: not there yet") }

// Dropout implements part of [backend.Backend].
func (*Device) Dropout(y, x backend.Tensor, p float64, seed uint64) { panic("gpu: not there yet") }

// MatMul implements part of [backend.Backend].
func (*Device) MatMul(y, w, x backend.Tensor) { panic("gpu: not there yet") }

// MatMulBackwardW implements part of [backend.Backend].
func (*Device) MatMulBackwardW(dw, dy, x backend.Tensor) { panic("gpu: not there yet") }

// MatMulBackwardX implements part of [backend.Backend].
func (*Device) MatMulBackwardX(dx, dy, w backend.Tensor) { panic("gpu: not there yet") }

// Softmax implements part of [backend.Backend].
func (*Device) Softmax(y, x backend.Tensor, a float32) { panic("gpu: not there yet") }

// SoftmaxBackward implements part of [backend.Backend].
func (*Device) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) { panic("gpu: not there yet") }

// LayerNorm implements part of [backend.Backend].
func (*Device) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	panic("gpu: not there yet")
}

// LayerNormBackward implements part of [backend.Backend].
func (*Device) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	panic("gpu: not there yet")
}

// GELU implements part of [backend.Backend].
func (*Device) GELU(y, x backend.Tensor) { panic("gpu: not there yet") }

// GELUBackward implements part of [backend.Backend].
func (*Device) GELUBackward(dx, dy, x backend.Tensor) { panic("gpu: not there yet") }

// Copy implements part of [backend.Backend].
func (*Device) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	panic("gpu: not there yet")
}

// AdanStep implements part of [backend.Backend].
func (*Device) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	panic("gpu: not there yet")
}

// AdaMomentumStep implements part of [backend.Backend].
func (*Device) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	panic("gpu: not there yet")
}

// AddSquares implements part of [backend.Backend].
func (*Device) AddSquares(sum, x backend.Tensor) { panic("gpu: not there yet") }

// ClipNorm implements part of [backend.Backend].
func (*Device) ClipNorm(x, sum backend.Tensor, limit float32) { panic("gpu: not there yet") }

// Average implements part of [backend.Backend].
func (*Device) Average(e, w backend.Tensor, d float64) { panic("gpu: not there yet") }
