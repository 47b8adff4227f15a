package cpuref

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// paddingCode returns the code that a tap outside the image has: that of Z_x,
// or of the value 0.
func paddingCode(p backend.Padding, Zx int32, op lut.Operand) uint8 {
	if p == backend.PadIntZero {
		Zx = 0
	}
	return uint8(op.Code(int(Zx)))
}

// LUTConv2D implements [backend.Multiplier].
func (p *Plain) LUTConv2D(y backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	d := backend.CheckLUTConv2D(who, "LUTConv2D", y, backend.I32, w, x, c, t)
	Y, W, X, am := p.i32(y), p.u8(w.Code), p.u8(x.Code), t.Product()
	_, Zx := p.quantizer(x.Q).scaleAndZero(0)
	outside := paddingCode(d.Padding, Zx, am.X())
	clear(Y)
	eachTap(d, func(y, _, w, x int) {
		code := outside
		if x >= 0 {
			code = X[x]
		}
		Y[y] += am.Row(int(W[w]))[code]
	})
}

// DequantizeConv2D implements [backend.Multiplier].
func (p *Plain) DequantizeConv2D(y, acc backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	const op = "DequantizeConv2D"
	d := backend.CheckLUTConv2D(who, op, y, backend.F32, w, x, c, t)
	backend.CheckSame(who, op, "acc", acc, backend.I32, "y", y, backend.F32)
	Y, W, X := p.f32(y), p.u8(w.Code), p.u8(x.Code)
	qw, qx := p.quantizer(w.Q), p.quantizer(x.Q)
	minW, minX := int32(t.Product().W().Min()), int32(t.Product().X().Min())
	sx, Zx := qx.scaleAndZero(0)

	// The bracket, tap by tap: Σ_k (−Z_x·W − Z_w·X + Z_w·Z_x).
	bracket := append([]int32(nil), p.i32(acc)...)
	eachTap(d, func(y, o, w, x int) {
		if x < 0 && d.Padding == backend.PadIntZero {
			return
		}
		W, valueX := int32(W[w])+minW, Zx
		if x >= 0 {
			valueX = int32(X[x]) + minX
		}
		_, Zw := qw.scaleAndZero(o)
		bracket[y] += Zw*Zx - Zx*W - Zw*valueX
	})
	for i := range Y {
		sw, _ := qw.scaleAndZero(i / (d.OH * d.OW) % d.Cout)
		Y[i] = float32(bracket[i]) * (sw * sx)
	}
}

// LUTConv2DBackwardW implements [backend.Multiplier].
func (p *Plain) LUTConv2DBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2DBackwardW"
	d := backend.CheckLUTConv2D(who, op, dy, backend.F32, w, x, c, t)
	backend.CheckSame(who, op, "dw", dw, backend.F32, "w", w.Code, backend.U8)
	g := t.Gradients().DW
	backend.CheckGradient(who, op, "W", g, t)
	dW, dY, W, X := p.f32(dw), p.f32(dy), p.u8(w.Code), p.u8(x.Code)
	sx, _, Zx := p.quantizer(x.Q).at(0)
	outside := int(paddingCode(d.Padding, int32(Zx), g.X()))
	clear(dW)
	eachTap(d, func(y, _, w, x int) {
		code, zero := outside, Zx
		if x >= 0 {
			code = int(X[x])
		} else if d.Padding == backend.PadIntZero {
			zero = 0
		}
		dW[w] += float32(dY[y] * (g.At(int(W[w]), code) - zero))
	})
	for i := range dW {
		dW[i] *= sx
	}
}

// LUTConv2DBackwardX implements [backend.Multiplier].
func (p *Plain) LUTConv2DBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	const op = "LUTConv2DBackwardX"
	d := backend.CheckLUTConv2D(who, op, dy, backend.F32, w, x, c, t)
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x.Code, backend.U8)
	g := t.Gradients().DX
	backend.CheckGradient(who, op, "X", g, t)
	dX, dY, W, X, qw := p.f32(dx), p.f32(dy), p.u8(w.Code), p.u8(x.Code), p.quantizer(w.Q)
	clear(dX)
	eachTap(d, func(y, o, w, x int) {
		if x < 0 {
			return
		}
		sw, _, Zw := qw.at(o)
		D := sw * dY[y]
		dX[x] += float32(D * (g.At(int(W[w]), int(X[x])) - Zw))
	})
}
