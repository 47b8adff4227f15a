//go:build cgo && !nogpu

package gpu

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// Quantize implements [backend.Quantizer].
func (d *Device) Quantize(code, x, q backend.Tensor, op lut.Operand) {
	backend.CheckSame(who, "Quantize", "code", code, backend.U8, "x", x, backend.F32)
	columns, each := backend.CheckQuantizer(who, "Quantize", "the quantizer", q, x)
	n := x.Shape().Len()
	d.run("Quantize", kernel{file: "quantize_fwd"}, job{over: ceilDiv(n, 4),
		buffers: []*memory{d.own(code), d.own(x), d.own(q)}, ints: []int{n, columns, each, op.Min(), op.Max()}})
}

// Dequantize implements [backend.Quantizer].
func (d *Device) Dequantize(y, code, q backend.Tensor, op lut.Operand) {
	backend.CheckSame(who, "Dequantize", "y", y, backend.F32, "code", code, backend.U8)
	columns, each := backend.CheckQuantizer(who, "Dequantize", "the quantizer", q, code)
	n := y.Shape().Len()
	d.run("Dequantize", kernel{file: "dequantize_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(code), d.own(q)}, ints: []int{n, columns, each, op.Min()}})
}

// QuantizeBackward implements [backend.Quantizer].
func (d *Device) QuantizeBackward(dx, dy, x, q backend.Tensor, op lut.Operand) {
	const name = "QuantizeBackward"
	backend.CheckSame(who, name, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, name, "dy", dy, backend.F32, "x", x, backend.F32)
	columns, each := backend.CheckQuantizer(who, name, "the quantizer", q, x)
	n := x.Shape().Len()
	d.run(name, kernel{file: "quantize_dx"}, job{over: n,
		buffers: []*memory{d.own(dx), d.own(dy), d.own(x), d.own(q)}, ints: []int{n, columns, each, op.Min(), op.Max()}})
}
