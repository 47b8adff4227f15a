//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// MatMul implements [backend.Tokens].
func (d *Device) MatMul(y, w, x backend.Tensor) {
	const op = "MatMul"
	m := backend.CheckMatMul(who, op, y, w, x)
	d.convolve(op, d.own(y), d.own(w), d.own(x), asConv(m))
}

// MatMulBackwardW implements [backend.Tokens].
func (d *Device) MatMulBackwardW(dw, dy, x backend.Tensor) {
	const op = "MatMulBackwardW"
	m := backend.CheckMatMul(who, op, dy, dw, x)
	d.convolveBackwardW(op, d.own(dw), d.own(dy), d.own(x), asConv(m))
}

// MatMulBackwardX implements [backend.Tokens].
func (d *Device) MatMulBackwardX(dx, dy, w backend.Tensor) {
	const op = "MatMulBackwardX"
	m := backend.CheckMatMul(who, op, dy, w, dx)
	d.convolveBackwardX(op, d.own(dx), d.own(dy), d.own(w), asConv(m))
}
