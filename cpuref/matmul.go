package cpuref

import "gputrain/model/backend"

// MatMul implements [backend.Tokens].
func (p *Plain) MatMul(y, w, x backend.Tensor) {
	d := backend.CheckMatMul(who, "MatMul", y, w, x)
	Y, W, X := p.f32(y), p.f32(w), p.f32(x)
	clear(Y)
	eachProduct(d, func(y, w, x int) { Y[y] += float32(W[w] * X[x]) })
}

// MatMulBackwardW implements [backend.Tokens].
func (p *Plain) MatMulBackwardW(dw, dy, x backend.Tensor) {
	d := backend.CheckMatMul(who, "MatMulBackwardW", dy, dw, x)
	dW, dY, X := p.f32(dw), p.f32(dy), p.f32(x)
	clear(dW)
	eachProduct(d, func(y, w, x int) { dW[w] += float32(dY[y] * X[x]) })
}

// MatMulBackwardX implements [backend.Tokens].
func (p *Plain) MatMulBackwardX(dx, dy, w backend.Tensor) {
	d := backend.CheckMatMul(who, "MatMulBackwardX", dy, w, dx)
	dX, dY, W := p.f32(dx), p.f32(dy), p.f32(w)
	clear(dX)
	eachProduct(d, func(y, w, x int) { dX[x] += float32(W[w] * dY[y]) })
}

// eachProduct calls f with the elements y[b,m,n], w[b,m,k] and x[b,k,n] of all
// products that a batch of matrices sums.
func eachProduct(d backend.MatMulDims, f func(y, w, x int)) {
	for b := range d.Batch {
		for m := range d.M {
			for k := range d.K {
				for n := range d.N {
					f((b*d.M+m)*d.N+n, (b*d.M+m)*d.K+k, (b*d.K+k)*d.N+n)
				}
			}
		}
	}
}

// MatMul implements [backend.Tokens].
func (c *CPU) MatMul(y, w, x backend.Tensor) {
	d := asConv(backend.CheckMatMul(who, "MatMul", y, w, x))
	c.productForward(c.f32(y), c.f32(w), c.f32(x), &d)
}

// MatMulBackwardW implements [backend.Tokens].
func (c *CPU) MatMulBackwardW(dw, dy, x backend.Tensor) {
	d := asConv(backend.CheckMatMul(who, "MatMulBackwardW", dy, dw, x))
	defer c.release()
	c.fast.taps = forwardTaps(c.fast.taps, &d)
	c.productBackwardW(c.f32(dw), c.f32(dy), &d, forwardColumns(&d, c.fast.taps, 0, c.f32(x), 0), weightSum{scale: 1})
}

// MatMulBackwardX implements [backend.Tokens].
func (c *CPU) MatMulBackwardX(dx, dy, w backend.Tensor) {
	d := asConv(backend.CheckMatMul(who, "MatMulBackwardX", dy, w, dx))
	defer c.release()
	W := c.f32(w)
	c.productBackwardX(c.f32(dx), c.f32(dy), &d, func(row []float32, b, k int, _ []tap) {
		for m := range row {
			row[m] = W[(b*d.GroupOut+m)*d.K+k]
		}
	}, imageSum{})
}
