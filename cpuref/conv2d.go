package cpuref

import "gputrain/model/backend"

// Conv2D implements [backend.Layers].
func (p *Plain) Conv2D(y, w, x backend.Tensor, c backend.Conv2D) {
	d := backend.CheckConv2D(who, "Conv2D", y, w, x, c)
	Y, W, X := p.f32(y), p.f32(w), p.f32(x)
	clear(Y)
	eachTap(d, func(y, _, w, x int) {
		if x >= 0 {
			Y[y] += float32(W[w] * X[x])
		}
	})
}

// Conv2DBackwardW implements [backend.Layers]: dw[o,c,p,q] = Σ_{n,i,j} dy·x.
func (p *Plain) Conv2DBackwardW(dw, dy, x backend.Tensor, c backend.Conv2D) {
	d := backend.CheckConv2D(who, "Conv2DBackwardW", dy, dw, x, c)
	dW, dY, X := p.f32(dw), p.f32(dy), p.f32(x)
	clear(dW)
	eachTap(d, func(y, _, w, x int) {
		if x >= 0 {
			dW[w] += float32(dY[y] * X[x])
		}
	})
}

// Conv2DBackwardX implements [backend.Layers]: dx sums dy·w over the taps that
// read it.
func (p *Plain) Conv2DBackwardX(dx, dy, w backend.Tensor, c backend.Conv2D) {
	d := backend.CheckConv2D(who, "Conv2DBackwardX", dy, w, dx, c)
	dX, dY, W := p.f32(dx), p.f32(dy), p.f32(w)
	clear(dX)
	eachTap(d, func(y, _, w, x int) {
		if x >= 0 {
			dX[x] += float32(dY[y] * W[w])
		}
	})
}
