package cpuref

import (
	"math"

	"gputrain/lut"
	"gputrain/model/backend"
)

// roundLimit bounds a rounded x·inv before Z is added, so that the sum fits an
// int32; beyond it every value clamps.
const roundLimit = 1 << 24

// Quantize implements [backend.Quantizer].
func (p *Plain) Quantize(code, x, q backend.Tensor, op lut.Operand) {
	backend.CheckSame(who, "Quantize", "code", code, backend.U8, "x", x, backend.F32)
	columns, each := backend.CheckQuantizer(who, "Quantize", "the quantizer", q, x)
	C, X, quantizer := p.u8(code), p.f32(x), p.quantizer(q)
	for c := range columns {
		_, inv, Z := quantizer.at(c)
		for i := c * each; i < (c+1)*each; i++ {
			if v := X[i] * inv; v != v {
				C[i] = 0
			} else {
				value := max(op.Min(), min(op.Max(), unclamped(v, int(Z))))
				C[i] = uint8(op.Code(value))
			}
		}
	}
}

// unclamped returns roundEven(v) + Z.
func unclamped(v float32, Z int) int {
	r := math.RoundToEven(float64(v)) // that of a float32 is one
	return int(max(-roundLimit, min(roundLimit, r))) + Z
}

// Dequantize implements [backend.Quantizer].
func (p *Plain) Dequantize(y, code, q backend.Tensor, op lut.Operand) {
	backend.CheckSame(who, "Dequantize", "y", y, backend.F32, "code", code, backend.U8)
	columns, each := backend.CheckQuantizer(who, "Dequantize", "the quantizer", q, code)
	Y, C, quantizer := p.f32(y), p.u8(code), p.quantizer(q)
	for c := range columns {
		s, _, Z := quantizer.at(c)
		for i := c * each; i < (c+1)*each; i++ {
			Y[i] = s * float32(op.Value(int(C[i]))-int(Z))
		}
	}
}

// QuantizeBackward implements [backend.Quantizer]. NaN lies in no range.
func (p *Plain) QuantizeBackward(dx, dy, x, q backend.Tensor, op lut.Operand) {
	const name = "QuantizeBackward"
	backend.CheckSame(who, name, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, name, "dy", dy, backend.F32, "x", x, backend.F32)
	columns, each := backend.CheckQuantizer(who, name, "the quantizer", q, x)
	dX, dY, X, quantizer := p.f32(dx), p.f32(dy), p.f32(x), p.quantizer(q)
	for c := range columns {
		_, inv, Z := quantizer.at(c)
		for i := c * each; i < (c+1)*each; i++ {
			v := X[i] * inv
			value := unclamped(v, int(Z))
			if v == v && op.Min() <= value && value <= op.Max() {
				dX[i] = dY[i]
			} else {
				dX[i] = 0
			}
		}
	}
}
