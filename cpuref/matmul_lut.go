package cpuref

import "gputrain/model/backend"

// LUTMatMul implements [backend.Multiplier].
func (p *Plain) LUTMatMul(y backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	d := backend.CheckLUTMatMul(who, "LUTMatMul", y, backend.I32, w, x, t)
	Y, W, X, am := p.i32(y), p.u8(w.Code), p.u8(x.Code), t.Product()
	for b := range d.Batch {
		for m := range d.M {
			row := Y[(b*d.M+m)*d.N:][:d.N]
			clear(row)
			for k := range d.K {
				// All products with W[m,k] lie in one row of the table.
				products := am.Row(int(W[(b*d.M+m)*d.K+k]))
				for n, code := range X[(b*d.K+k)*d.N:][:d.N] {
					row[n] += products[code]
				}
			}
		}
	}
}

// DequantizeMatMul implements [backend.Multiplier].
func (p *Plain) DequantizeMatMul(y, acc backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	d := backend.CheckLUTMatMul(who, "DequantizeMatMul", y, backend.F32, w, x, t)
	backend.CheckSame(who, "DequantizeMatMul", "acc", acc, backend.I32, "y", y, backend.F32)
	Y, A, W, X := p.f32(y), p.i32(acc), p.u8(w.Code), p.u8(x.Code)
	qw, qx := p.quantizer(w.Q), p.quantizer(x.Q)
	minW, minX := int32(t.Product().W().Min()), int32(t.Product().X().Min())
	sx, Zx := qx.scaleAndZero(0)
	for b := range d.Batch {
		for m := range d.M {
			sw, Zw := qw.scaleAndZero(m)
			s := sw * sx
			for n := range d.N {
				var sumW, sumX int32
				for k := range d.K {
					sumW += int32(W[(b*d.M+m)*d.K+k]) + minW
					sumX += int32(X[(b*d.K+k)*d.N+n]) + minX
				}
				i := (b*d.M+m)*d.N + n
				Y[i] = float32(A[i]-Zx*sumW-Zw*sumX+int32(d.K)*Zw*Zx) * s
			}
		}
	}
}

// LUTMatMulBackwardW implements [backend.Multiplier].
func (p *Plain) LUTMatMulBackwardW(dw, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMulBackwardW"
	d := backend.CheckLUTMatMul(who, op, dy, backend.F32, w, x, t)
	backend.CheckSame(who, op, "dw", dw, backend.F32, "w", w.Code, backend.U8)
	g := t.Gradients().DW
	backend.CheckGradient(who, op, "W", g, t)
	dW, dY, W, X := p.f32(dw), p.f32(dy), p.u8(w.Code), p.u8(x.Code)
	sx, _, Zx := p.quantizer(x.Q).at(0)
	for b := range d.Batch {
		for m := range d.M {
			for k := range d.K {
				var sum float32
				codeW := int(W[(b*d.M+m)*d.K+k])
				for n := range d.N {
					codeX := int(X[(b*d.K+k)*d.N+n])
					sum += float32(dY[(b*d.M+m)*d.N+n] * (g.At(codeW, codeX) - Zx))
				}
				dW[(b*d.M+m)*d.K+k] = sx * sum
			}
		}
	}
}

// LUTMatMulBackwardX implements [backend.Multiplier].
func (p *Plain) LUTMatMulBackwardX(dx, dy backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	const op = "LUTMatMulBackwardX"
	d := backend.CheckLUTMatMul(who, op, dy, backend.F32, w, x, t)
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x.Code, backend.U8)
	g := t.Gradients().DX
	backend.CheckGradient(who, op, "X", g, t)
	dX, dY, W, X, qw := p.f32(dx), p.f32(dy), p.u8(w.Code), p.u8(x.Code), p.quantizer(w.Q)
	for b := range d.Batch {
		for k := range d.K {
			for n := range d.N {
				var sum float32
				codeX := int(X[(b*d.K+k)*d.N+n])
				for m := range d.M {
					codeW := int(W[(b*d.M+m)*d.K+k])
					sw, _, Zw := qw.at(m)
					D := sw * dY[(b*d.M+m)*d.N+n]
					sum += float32(D * (g.At(codeW, codeX) - Zw))
				}
				dX[(b*d.K+k)*d.N+n] = sum
			}
		}
	}
}
