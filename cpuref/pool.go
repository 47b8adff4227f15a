package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// A window is the part of a pooling's window that lies inside the image.
type window struct{ top, bottom, left, right int }

// windowOf returns the window of output (i, j).
func windowOf(d backend.PoolDims, i, j int) window {
	top, left := i*d.Stride[0]-d.Pad[0], j*d.Stride[1]-d.Pad[1]
	return window{
		top: max(top, 0), bottom: min(top+d.Window[0], d.H),
		left: max(left, 0), right: min(left+d.Window[1], d.W),
	}
}

// MaxPool2D implements [backend.Layers].
func (p *Plain) MaxPool2D(y, index, x backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "MaxPool2D", y, index, x, g)
	Y, I, X := p.f32(y), p.i32(index), p.f32(x)
	in, out := d.H*d.W, d.OH*d.OW
	for plane := range d.Planes {
		maxPool(Y[plane*out:][:out], I[plane*out:][:out], X[plane*in:][:in], d)
	}
}

// maxPool pools one plane.
func maxPool(y []float32, index []int32, x []float32, d backend.PoolDims) {
	for i := range d.OH {
		for j := range d.OW {
			in := windowOf(d, i, j)
			at := in.top*d.W + in.left
			best := x[at]
			for row := in.top; row < in.bottom; row++ {
				for k := row*d.W + in.left; k < row*d.W+in.right; k++ {
					if v := x[k]; v > best || (v != v && best == best) {
						at, best = k, v
					}
				}
			}
			y[i*d.OW+j], index[i*d.OW+j] = best, int32(at)
		}
	}
}

// MaxPool2DBackward implements [backend.Layers].
func (p *Plain) MaxPool2DBackward(dx, dy, index backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "MaxPool2DBackward", dy, index, dx, g)
	dX, dY, I := p.f32(dx), p.f32(dy), p.i32(index)
	in, out := d.H*d.W, d.OH*d.OW
	for plane := range d.Planes {
		maxPoolBackward(dX[plane*in:][:in], dY[plane*out:][:out], I[plane*out:][:out])
	}
}

// maxPoolBackward sends the gradients of one plane where they came from.
func maxPoolBackward(dx, dy []float32, index []int32) {
	clear(dx)
	for i, at := range index {
		dx[at] += dy[i]
	}
}

// AvgPool2D implements [backend.Layers].
func (p *Plain) AvgPool2D(y, x backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "AvgPool2D", y, nil, x, g)
	Y, X := p.f32(y), p.f32(x)
	in, out := d.H*d.W, d.OH*d.OW
	for plane := range d.Planes {
		avgPool(Y[plane*out:][:out], X[plane*in:][:in], d)
	}
}

// avgPool pools one plane.
func avgPool(y, x []float32, d backend.PoolDims) {
	area := float32(d.Window[0] * d.Window[1])
	for i := range d.OH {
		for j := range d.OW {
			in := windowOf(d, i, j)
			var sum float32
			for row := in.top; row < in.bottom; row++ {
				for _, v := range x[row*d.W+in.left : row*d.W+in.right] {
					sum += v
				}
			}
			y[i*d.OW+j] = sum / area
		}
	}
}

// AvgPool2DBackward implements [backend.Layers]: dx sums dy/area over the
// windows that hold it.
func (p *Plain) AvgPool2DBackward(dx, dy backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "AvgPool2DBackward", dy, nil, dx, g)
	dX, dY := p.f32(dx), p.f32(dy)
	in, out := d.H*d.W, d.OH*d.OW
	for plane := range d.Planes {
		avgPoolBackward(dX[plane*in:][:in], dY[plane*out:][:out], d)
	}
}

// avgPoolBackward spreads the gradients of one plane.
func avgPoolBackward(dx, dy []float32, d backend.PoolDims) {
	area := float32(d.Window[0] * d.Window[1])
	clear(dx)
	for i := range d.OH {
		for j := range d.OW {
			in := windowOf(d, i, j)
			share := dy[i*d.OW+j] / area
			for row := in.top; row < in.bottom; row++ {
				part := dx[row*d.W+in.left : row*d.W+in.right]
				for k := range part {
					part[k] += share
				}
			}
		}
	}
}

// planesPerPart returns how many planes one part of a pooling takes.
func planesPerPart(d backend.PoolDims) int { return max(1, piece/max(1, d.H*d.W)) }

func poolParts(d backend.PoolDims) int {
	return (d.Planes + planesPerPart(d) - 1) / planesPerPart(d)
}

type poolTask struct {
	d     backend.PoolDims
	y, x  []float32 // or their gradients
	index []int32   // nil for the average
	back  bool
}

func (t *poolTask) part(i, _ int) {
	d := t.d
	in, out, n := d.H*d.W, d.OH*d.OW, planesPerPart(d)
	for plane := i * n; plane < min((i+1)*n, d.Planes); plane++ {
		y, x := t.y[plane*out:][:out], t.x[plane*in:][:in]
		switch {
		case t.index == nil && t.back:
			avgPoolBackward(x, y, d)
		case t.index == nil:
			avgPool(y, x, d)
		case t.back:
			maxPoolBackward(x, y, t.index[plane*out:][:out])
		default:
			maxPoolBits(y, t.index[plane*out:][:out], x, d)
		}
	}
}

// maxPoolBits is maxPool without branches that depend on data: it compares
// integers that order as the elements do, and turns the sign of a difference
// into a mask.
func maxPoolBits(y []float32, index []int32, x []float32, d backend.PoolDims) {
	for i := range d.OH {
		for j := range d.OW {
			in := windowOf(d, i, j)
			best, at := int64(math.MinInt32), 0 // less than any element's
			for row := in.top; row < in.bottom; row++ {
				place := row*d.W + in.left
				for k, v := range x[place : row*d.W+in.right] {
					key := int64(order(int32(math.Float32bits(v + 0)))) // −0 + 0 is 0
					if v != v {
						key = math.MaxInt32 // all NaN are equal
					}
					greater := (best - key) >> 63
					best += (key - best) & greater
					at += (place + k - at) & int(greater)
				}
			}
			y[i*d.OW+j], index[i*d.OW+j] = x[at], int32(at)
		}
	}
}

// MaxPool2D implements [backend.Layers].
func (c *CPU) MaxPool2D(y, index, x backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "MaxPool2D", y, index, x, g)
	run(c, poolParts(d), poolTask{d, c.f32(y), c.f32(x), c.i32(index), false})
}

// MaxPool2DBackward implements [backend.Layers].
func (c *CPU) MaxPool2DBackward(dx, dy, index backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "MaxPool2DBackward", dy, index, dx, g)
	run(c, poolParts(d), poolTask{d, c.f32(dy), c.f32(dx), c.i32(index), true})
}

// AvgPool2D implements [backend.Layers].
func (c *CPU) AvgPool2D(y, x backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "AvgPool2D", y, nil, x, g)
	run(c, poolParts(d), poolTask{d, c.f32(y), c.f32(x), nil, false})
}

// AvgPool2DBackward implements [backend.Layers].
func (c *CPU) AvgPool2DBackward(dx, dy backend.Tensor, g backend.Pool2D) {
	d := backend.CheckPool2D(who, "AvgPool2DBackward", dy, nil, dx, g)
	run(c, poolParts(d), poolTask{d, c.f32(dy), c.f32(dx), nil, true})
}
