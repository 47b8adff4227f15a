//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// asConv returns the convolution that a matrix product is, element by element
// in the same memory: one image of 1×N pixels, its K rows the channels, under M
// filters of 1×1. Of a batch each product is a group.
func asConv(m backend.MatMulDims) backend.ConvDims {
	return backend.ConvDims{
		Conv2D: backend.Conv2D{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: m.Batch},
		Batch:  1, Cin: m.Batch * m.K, H: 1, W: m.N,
		Cout: m.Batch * m.M, KH: 1, KW: 1, OH: 1, OW: m.N,
		GroupIn: m.K, GroupOut: m.M, K: m.K,
		PerChannel: m.PerChannel,
	}
}

// LUTMatMul implements [backend.Multiplier].
func (d *Device) LUTMatMul(y backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMul"
	m := backend.CheckLUTMatMul(who, op, y, backend.I32, w, x, t)
	d.lutForward(d.own(y), d.codes(op, asConv(m), w, x, t))
}

// DequantizeMatMul implements [backend.Multiplier].
func (d *Device) DequantizeMatMul(y, acc backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "DequantizeMatMul"
	m := backend.CheckLUTMatMul(who, op, y, backend.F32, w, x, t)
	backend.CheckSame(who, op, "acc", acc, backend.I32, "y", y, backend.F32)
	d.lutDequantize(d.own(y), d.own(acc), d.codes(op, asConv(m), w, x, t))
}

// LUTMatMulBackwardW implements [backend.Multiplier].
func (d *Device) LUTMatMulBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMulBackwardW"
	m := backend.CheckLUTMatMul(who, op, dy, backend.F32, w, x, t)
	backend.CheckSame(who, op, "dw", dw, backend.F32, "w", w.Code, backend.U8)
	backend.CheckGradient(who, op, "W", t.Gradients().DW, t)
	d.lutBackwardW(d.own(dw), d.own(dy), d.codes(op, asConv(m), w, x, t))
}

// LUTMatMulBackwardX implements [backend.Multiplier].
func (d *Device) LUTMatMulBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMulBackwardX"
	m := backend.CheckLUTMatMul(who, op, dy, backend.F32, w, x, t)
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x.Code, backend.U8)
	backend.CheckGradient(who, op, "X", t.Gradients().DX, t)
	d.lutBackwardX(d.own(dx), d.own(dy), d.codes(op, asConv(m), w, x, t))
}
