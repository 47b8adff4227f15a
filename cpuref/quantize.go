package cpuref

import (
	"math"

	"gputrain/cpuref/kernel"
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
		dequantizeRow(Y[c*each:][:each], C[c*each:][:each], s, op.Min()-int(Z))
	}
}

// dequantizeRow sets y = s·float32(code + offset), offset being qmin − Z.
func dequantizeRow(y []float32, code []uint8, s float32, offset int) {
	y = y[:len(code)]
	for i, q := range code {
		y[i] = s * float32(int(q)+offset)
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

// CPU rounds by the sum v + magic, of which a float32 keeps no fraction: for
// |v| ≤ 2²² its low bits are magicBits + roundEven(v). The bits of floats rise
// with their values, so beyond 2²² they lie outside every operand's range, on
// the right side of it.
const (
	magic     = 3 << 22    // 1.5·2²³
	magicBits = 0x4B400000 // of float32(magic)
)

// rounded returns roundEven(v) + magicBits for |v| ≤ 2²²; for v below or above
// that something less or greater, for NaN something else than a code.
func rounded(v float32) int { return int(int32(math.Float32bits(v + magic))) }

// A quantizeTask is one of the operations between real numbers and codes, on
// rows of each elements, of which row c has the quantizer's column c.
type quantizeTask struct {
	e         *kernel.Elements
	kind      quantizeKind
	code      []uint8
	x, dx, dy []float32
	q         quantizer
	op        lut.Operand
	n, each   int
}

type quantizeKind uint8

const (
	quantizing quantizeKind = iota
	dequantizing
	masking
)

func (t *quantizeTask) part(i, _ int) {
	lo, hi := within(i, t.n)
	for lo < hi {
		row := lo / t.each
		end := min(hi, (row+1)*t.each)
		s, inv, Z := t.q.at(row)
		offset := t.op.Min() - int(Z)
		switch t.kind {
		case quantizing:
			code, x := t.code[lo:end], t.x[lo:end]
			n := t.e.Quantize(code, x, inv, -offset-magicBits, t.op.Count()-1)
			quantizeRow(code[n:], x[n:], inv, -offset-magicBits, t.op.Count()-1)
		case dequantizing:
			x, code := t.x[lo:end], t.code[lo:end]
			n := t.e.Dequantize(x, code, s, offset)
			dequantizeRow(x[n:], code[n:], s, offset)
		case masking:
			dx, dy, x := t.dx[lo:end], t.dy[lo:end], t.x[lo:end]
			n := t.e.QuantizeBackward(dx, dy, x, inv, -offset-magicBits, t.op.Count()-1)
			maskRow(dx[n:], dy[n:], x[n:], inv, -offset-magicBits, t.op.Count()-1)
		}
		lo = end
	}
}

// quantizeRow sets code = clamp(rounded(x·inv) + offset, 0, top), 0 for NaN.
func quantizeRow(code []uint8, x []float32, inv float32, offset, top int) {
	code = code[:len(x)]
	for i, v := range x {
		v = float32(v * inv)
		k := max(0, min(top, rounded(v)+offset))
		if v != v {
			k = 0
		}
		code[i] = uint8(k)
	}
}

// maskRow sets dx = dy where rounded(x·inv) + offset lies in [0, top], else 0.
func maskRow(dx, dy, x []float32, inv float32, offset, top int) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		d := math.Float32bits(dy[i])
		if uint(rounded(float32(v*inv))+offset) > uint(top) {
			d = 0
		}
		dx[i] = math.Float32frombits(d)
	}
}

// Quantize implements [backend.Quantizer].
func (c *CPU) Quantize(code, x, q backend.Tensor, op lut.Operand) {
	backend.CheckSame(who, "Quantize", "code", code, backend.U8, "x", x, backend.F32)
	_, each := backend.CheckQuantizer(who, "Quantize", "the quantizer", q, x)
	X := c.f32(x)
	run(c, pieces(len(X)), quantizeTask{e: c.fast.elements, kind: quantizing, code: c.u8(code), x: X, q: c.quantizer(q), op: op, n: len(X), each: each})
}

// Dequantize implements [backend.Quantizer].
func (c *CPU) Dequantize(y, code, q backend.Tensor, op lut.Operand) {
	backend.CheckSame(who, "Dequantize", "y", y, backend.F32, "code", code, backend.U8)
	_, each := backend.CheckQuantizer(who, "Dequantize", "the quantizer", q, code)
	Y := c.f32(y)
	run(c, pieces(len(Y)), quantizeTask{e: c.fast.elements, kind: dequantizing, code: c.u8(code), x: Y, q: c.quantizer(q), op: op, n: len(Y), each: each})
}

// QuantizeBackward implements [backend.Quantizer].
func (c *CPU) QuantizeBackward(dx, dy, x, q backend.Tensor, op lut.Operand) {
	const name = "QuantizeBackward"
	backend.CheckSame(who, name, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, name, "dy", dy, backend.F32, "x", x, backend.F32)
	_, each := backend.CheckQuantizer(who, name, "the quantizer", q, x)
	X := c.f32(x)
	run(c, pieces(len(X)), quantizeTask{e: c.fast.elements, kind: masking, dx: c.f32(dx), dy: c.f32(dy), x: X, q: c.quantizer(q), op: op, n: len(X), each: each})
}
