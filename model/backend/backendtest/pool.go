package backendtest

import (
	"math"

	"gputrain/model/backend"
)

// A poolShape is a pooling of images.
type poolShape struct {
	x        backend.Shape
	geometry backend.Pool2D
}

func pool(n, c, h, w, wh, ww, sh, sw, ph, pw int) poolShape {
	return poolShape{backend.Shape{n, c, h, w}, backend.Pool2D{Window: [2]int{wh, ww}, Stride: [2]int{sh, sw}, Pad: [2]int{ph, pw}}}
}

var poolShapes = []poolShape{
	pool(1, 1, 1, 1, 1, 1, 0, 0, 0, 0),
	pool(2, 3, 6, 6, 2, 2, 0, 0, 0, 0),
	pool(2, 3, 28, 28, 2, 2, 2, 2, 0, 0),
	pool(1, 2, 5, 7, 2, 2, 2, 2, 0, 0), // a row and a column that no window covers
	pool(2, 2, 8, 8, 3, 3, 2, 2, 1, 1),
	pool(1, 3, 6, 5, 3, 3, 1, 1, 1, 1), // overlapping
	pool(1, 2, 7, 9, 2, 3, 1, 2, 1, 1),
	pool(1, 2, 7, 9, 3, 1, 3, 2, 1, 0),
	pool(2, 1, 9, 9, 2, 2, 3, 3, 1, 1), // gaps between windows
	pool(3, 17, 8, 8, 8, 8, 0, 0, 0, 0),
	pool(5, 64, 4, 4, 4, 4, 0, 0, 0, 0), // global
	pool(1, 3, 1, 300, 1, 4, 1, 3, 0, 2),
	pool(4, 16, 16, 16, 2, 2, 2, 2, 0, 0),
}

func (s poolShape) String() string {
	g := s.geometry
	return s.x.String() + " window " + backend.Shape(g.Window[:]).String() + " stride " + backend.Shape(g.Stride[:]).String() +
		" pad " + backend.Shape(g.Pad[:]).String()
}

// windows calls f for every pixel of every window: the indices of the output
// and the input, and that of the input in its plane. x is −1 outside.
func (s poolShape) windows(f func(y, x, inPlane int)) (out backend.Shape) {
	g := s.geometry
	for i := range 2 {
		if g.Stride[i] == 0 {
			g.Stride[i] = g.Window[i]
		}
	}
	h, w := s.x[2], s.x[3]
	count := func(size, window, stride, pad int) int {
		n := 0
		for top := -pad; top+window <= size+pad; top += stride {
			n++
		}
		return n
	}
	oh, ow := count(h, g.Window[0], g.Stride[0], g.Pad[0]), count(w, g.Window[1], g.Stride[1], g.Pad[1])
	for plane := range s.x[0] * s.x[1] {
		for i := range oh {
			for j := range ow {
				for p := range g.Window[0] {
					for q := range g.Window[1] {
						r, c := i*g.Stride[0]-g.Pad[0]+p, j*g.Stride[1]-g.Pad[1]+q
						y := (plane*oh+i)*ow + j
						if r < 0 || r >= h || c < 0 || c >= w {
							f(y, -1, -1)
							continue
						}
						f(y, plane*h*w+r*w+c, r*w+c)
					}
				}
			}
		}
	}
	return backend.Shape{s.x[0], s.x[1], oh, ow}
}

func (s poolShape) output() backend.Shape { return s.windows(func(y, x, inPlane int) {}) }

type maxPooler interface {
	backend.Memory
	MaxPool2D(y, index, x backend.Tensor, p backend.Pool2D)
	MaxPool2DBackward(dx, dy, index backend.Tensor, p backend.Pool2D)
}

// MaxPool2D tests the greatest of each window, where it stands, and that the
// gradient goes there.
func MaxPool2D(t T, b maxPooler) {
	kinds := []struct {
		name string
		x    func(n int) []float32
	}{
		{"random", func(n int) []float32 { return normals(seeded("pool"), n, -1, 1) }},
		{"ties", func(n int) []float32 {
			x := normals(seeded("pool"), n, -3, 1)
			for i := range x {
				x[i] = float32(math.Round(float64(x[i])))
			}
			return x
		}},
		{"negative infinity", func(n int) []float32 { return fill(n, float32(math.Inf(-1))) }},
		{"NaN", func(n int) []float32 {
			x := normals(seeded("pool"), n, 0, 1)
			for i := range x {
				if i%5 == 2 {
					x[i] = float32(math.NaN())
				}
			}
			return x
		}},
	}
	for _, s := range poolShapes {
		out := s.output()
		var index []int32
		for _, k := range kinds {
			xs := k.x(s.x.Len())
			ys := make([]float32, out.Len())
			index = fill[int32](out.Len(), -1)
			s.windows(func(y, x, inPlane int) {
				if x < 0 || (index[y] >= 0 && ys[y] != ys[y]) {
					return
				}
				if v := xs[x]; index[y] < 0 || v > ys[y] || v != v {
					ys[y], index[y] = v, int32(inPlane)
				}
			})
			t.Run("y/"+k.name+"/"+s.String(), func(t T) {
				r := newRig(t, b)
				defer r.free()
				x, y, at := r.in("x", s.x, xs), r.out("y", backend.F32, out), r.out("index", backend.I32, out)
				r.run(func() { b.MaxPool2D(y.T, at.T, x.T, s.geometry) })
				equal(t, "y", out, y.floats(), ys)
				equal(t, "index", out, at.ints(), index)
			})
			if k.name != "ties" && k.name != "random" {
				continue
			}
			dys := gradientsOf(seeded(k.name+s.String()), out.Len())
			t.Run("dx/"+k.name+"/"+s.String(), func(t T) {
				r := newRig(t, b)
				defer r.free()
				dy, at, dx := r.in("dy", out, dys), r.in("index", out, index), r.out("dx", backend.F32, s.x)
				r.run(func() { b.MaxPool2DBackward(dx.T, dy.T, at.T, s.geometry) })
				within(t, "dx", s.x, dx.floats(), approx(s.scattered(dys, index), 1))
			})
		}
	}

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("x", backend.F32, backend.Shape{1, 1, 4, 4}).T, r.out("y", backend.F32, backend.Shape{1, 1, 2, 2}).T
	index, wrong := r.out("index", backend.I32, backend.Shape{1, 1, 2, 2}).T, r.out("index", backend.I32, backend.Shape{1, 1, 4, 4}).T
	two := backend.Pool2D{Window: [2]int{2, 2}}
	faults(t, "MaxPool2D", "y is 1×1×4×4, want 1×1×2×2", func() { b.MaxPool2D(x, index, x, two) })
	faults(t, "MaxPool2D", "index is 1×1×4×4, want 1×1×2×2", func() { b.MaxPool2D(y, wrong, x, two) })
	faults(t, "MaxPool2D", "pad [2 2]", func() { b.MaxPool2D(y, index, x, backend.Pool2D{Window: [2]int{2, 2}, Pad: [2]int{2, 2}}) })
	faults(t, "MaxPool2DBackward", "want 1×1×2×2", func() { b.MaxPool2DBackward(x, y, wrong, two) })
}

type avgPooler interface {
	backend.Memory
	AvgPool2D(y, x backend.Tensor, p backend.Pool2D)
	AvgPool2DBackward(dx, dy backend.Tensor, p backend.Pool2D)
}

// AvgPool2D tests the mean of each window, padding counted, and its gradient.
// The division is the rounding that Bound allows beside the sum.
func AvgPool2D(t T, b avgPooler) {
	for _, s := range poolShapes {
		rnd := seeded(s.String())
		out := s.output()
		xs, dys := normals(rnd, s.x.Len(), 0.5, 1), gradientsOf(rnd, out.Len())
		t.Run("y/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x, y := r.in("x", s.x, xs), r.out("y", backend.F32, out)
			r.run(func() { b.AvgPool2D(y.T, x.T, s.geometry) })
			within(t, "y", out, y.floats(), s.averages(xs))
		})
		t.Run("dx/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			dy, dx := r.in("dy", out, dys), r.out("dx", backend.F32, s.x)
			r.run(func() { b.AvgPool2DBackward(dx.T, dy.T, s.geometry) })
			within(t, "dx", s.x, dx.floats(), s.shares(dys))
		})
	}

	r := newRig(t, b)
	defer r.free()
	x := r.out("x", backend.F32, backend.Shape{1, 1, 4, 4}).T
	faults(t, "AvgPool2D", "y is 1×1×4×4, want 1×1×2×2", func() { b.AvgPool2D(x, x, backend.Pool2D{Window: [2]int{2, 2}}) })
	faults(t, "AvgPool2DBackward", "want 1×1×2×2", func() { b.AvgPool2DBackward(x, x, backend.Pool2D{Window: [2]int{2, 2}}) })
}

// scattered returns the sum of the dy that go to each pixel of x.
func (s poolShape) scattered(dy []float32, index []int32) []sum {
	out := s.output()
	plane, outPlane := s.x[2]*s.x[3], out[2]*out[3]
	dx := make([]sum, s.x.Len())
	for i, d := range dy {
		dx[i/outPlane*plane+int(index[i])].add(float64(d))
	}
	return dx
}

// averages returns the mean of each window of x.
func (s poolShape) averages(x []float32) []Approx {
	y := make([]sum, s.output().Len())
	s.windows(func(yi, xi, _ int) {
		if xi >= 0 {
			y[yi].add(float64(x[xi]))
		}
	})
	return approx(y, s.share())
}

// shares returns what of dy goes to each pixel of x.
func (s poolShape) shares(dy []float32) []Approx {
	dx := make([]sum, s.x.Len())
	s.windows(func(yi, xi, _ int) {
		if xi >= 0 {
			dx[xi].add(float64(dy[yi]))
		}
	})
	return approx(dx, s.share())
}

// share is the weight of a pixel in the mean of a window.
func (s poolShape) share() float64 { return 1 / float64(s.geometry.Window[0]*s.geometry.Window[1]) }
