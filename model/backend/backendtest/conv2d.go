package backendtest

import (
	"math"
	"testing"

	"gputrain/model/backend"
)

type conv2Der interface {
	backend.Memory
	Conv2D(y, w, x backend.Tensor, c backend.Conv2D)
}

// Conv2D tests y = Σ w·x.
func Conv2D(t T, b conv2Der) {
	eachConv(t, func(t T, s ConvShape, w, x, _ []float32) { conv2D(t, b, s, w, x) })

	// One NaN reaches the outputs that read it and no other.
	s := conv(2, 4, 9, 9, 6, 3, 3, square(2, 1, 1, 2))
	xs := s.Images()
	for _, i := range []int{0, xs.Len()/2 + 40, xs.Len() - 1} {
		t.Run("NaN in x"+at(xs, i), func(t T) {
			rnd := seeded("NaN")
			w, x := normals(rnd, s.Filters().Len(), 0, 1), normals(rnd, xs.Len(), 0, 1)
			x[i] = float32(math.NaN())
			conv2D(t, b, s, w, x)
		})
	}

	floatConvFaults(t, b, "Conv2D", func(y, w, x backend.Tensor, g backend.Conv2D) { b.Conv2D(y, w, x, g) })
}

func conv2D(t T, b conv2Der, s ConvShape, w, x []float32) {
	ys, ws, xs := s.shapes()
	r := newRig(t, b)
	defer r.free()
	tw, tx, y := r.in("w", ws, w), r.in("x", xs, x), r.out("y", backend.F32, ys)
	r.run(func() { b.Conv2D(y.T, tw.T, tx.T, s.Geometry) })
	within(t, "y", ys, y.floats(), approx(s.floats(w, x), 1))
}

// floats returns Σ w·x of each output, taps outside the image left out.
func (s ConvShape) floats(w, x []float32) []sum {
	ys, _, _ := s.shapes()
	y := make([]sum, ys.Len())
	s.terms()(func(yi, wi, xi int) {
		if xi >= 0 {
			y[yi].add(float64(w[wi]) * float64(x[xi]))
		}
	})
	return y
}

// floatsW returns Σ dy·x of each weight.
func (s ConvShape) floatsW(dy, x []float32) []sum {
	dw := make([]sum, s.Filters().Len())
	s.terms()(func(yi, wi, xi int) {
		if xi >= 0 {
			dw[wi].add(float64(dy[yi]) * float64(x[xi]))
		}
	})
	return dw
}

// floatsX returns Σ dy·w of each pixel.
func (s ConvShape) floatsX(dy, w []float32) []sum {
	dx := make([]sum, s.Images().Len())
	s.terms()(func(yi, wi, xi int) {
		if xi >= 0 {
			dx[xi].add(float64(dy[yi]) * float64(w[wi]))
		}
	})
	return dx
}

// eachConv runs f with random w, x and dy of every shape.
func eachConv(t T, f func(t T, s ConvShape, w, x, dy []float32)) {
	for _, s := range ConvShapes {
		t.Run(s.String(), func(t T) {
			ys, ws, xs := s.shapes()
			rnd := seeded(s.String())
			f(t, s, normals(rnd, ws.Len(), 0, 1), normals(rnd, xs.Len(), 0.2, 1), gradientsOf(rnd, ys.Len()))
		})
	}
}

func floatConvFaults(t T, b backend.Memory, op string, f func(y, w, x backend.Tensor, g backend.Conv2D)) {
	r := newRig(t, b)
	defer r.free()
	tensor := func(dt backend.DType, d ...int) backend.Tensor { return r.out("", dt, d).T }
	w, x := tensor(backend.F32, 4, 2, 3, 3), tensor(backend.F32, 1, 2, 5, 5)
	faults(t, op, "y is 1×4×5×5, want 1×4×3×3", func() { f(tensor(backend.F32, 1, 4, 5, 5), w, x, backend.Conv2D{}) })
	faults(t, op, "y is 1×4×3×3 i32, want f32", func() { f(tensor(backend.I32, 1, 4, 3, 3), w, x, backend.Conv2D{}) })
	faults(t, op, "in 2 groups: channels do not divide", func() { f(tensor(backend.F32, 1, 4, 3, 3), w, x, backend.Conv2D{Groups: 2}) })
}

type floatBackwarderW interface {
	backend.Memory
	Conv2DBackwardW(dw, dy, x backend.Tensor, c backend.Conv2D)
}

// Conv2DBackwardW tests dw = Σ dy·x over the taps of each weight.
func Conv2DBackwardW(t T, b floatBackwarderW) {
	eachConv(t, func(t T, s ConvShape, _, x, dy []float32) {
		ys, ws, xs := s.shapes()
		r := newRig(t, b)
		defer r.free()
		tdy, tx, dw := r.in("dy", ys, dy), r.in("x", xs, x), r.out("dw", backend.F32, ws)
		r.run(func() { b.Conv2DBackwardW(dw.T, tdy.T, tx.T, s.Geometry) })
		within(t, "dw", ws, dw.floats(), approx(s.floatsW(dy, x), 1))
	})
	floatConvFaults(t, b, "Conv2DBackwardW", func(y, w, x backend.Tensor, g backend.Conv2D) { b.Conv2DBackwardW(w, y, x, g) })
}

type floatBackwarderX interface {
	backend.Memory
	Conv2DBackwardX(dx, dy, w backend.Tensor, c backend.Conv2D)
}

// Conv2DBackwardX tests dx = Σ dy·w over the taps that read each pixel.
func Conv2DBackwardX(t T, b floatBackwarderX) {
	eachConv(t, func(t T, s ConvShape, w, _, dy []float32) {
		ys, ws, xs := s.shapes()
		r := newRig(t, b)
		defer r.free()
		tdy, tw, dx := r.in("dy", ys, dy), r.in("w", ws, w), r.out("dx", backend.F32, xs)
		r.run(func() { b.Conv2DBackwardX(dx.T, tdy.T, tw.T, s.Geometry) })
		within(t, "dx", xs, dx.floats(), approx(s.floatsX(dy, w), 1))
	})
	floatConvFaults(t, b, "Conv2DBackwardX", func(y, w, x backend.Tensor, g backend.Conv2D) { b.Conv2DBackwardX(x, y, w, g) })
}

type biaser interface {
	backend.Memory
	AddBias(y, b backend.Tensor)
	BiasBackward(db, dy backend.Tensor)
}

// channelShapes are [N, C, …] of the operations by channel.
var channelShapes = []backend.Shape{
	{1, 1}, {3, 1}, {1, 3}, {17, 16}, {5, 65}, {2, 3, 5, 5}, {1, 1, 1, 257}, {3, 33, 7, 9}, {16, 2, 16, 16}, {2, 3, 65}, {4, 1, 64, 65}, {1, 3, 100, 100},
}

// Bias tests the sum with a bias, and the sums of its gradient.
func Bias(t T, b biaser) {
	for _, s := range channelShapes {
		rnd := seeded(s.String())
		C, each := s[1], s[2:].Len()
		ys, bias := gradientsOf(rnd, s.Len()), normals(rnd, C, 0, 1)
		t.Run("AddBias/"+s.String(), func(t T) {
			want := make([]float32, len(ys))
			for i, v := range ys {
				want[i] = v + bias[i/each%C]
			}
			r := newRig(t, b)
			defer r.free()
			y, tb := r.inout("y", s, ys), r.in("b", backend.Shape{C}, bias)
			r.run(func() { b.AddBias(y.T, tb.T) })
			equal(t, "y", s, y.floats(), want)
		})
		t.Run("BiasBackward/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			dy, db := r.in("dy", s, ys), r.out("db", backend.F32, backend.Shape{C})
			r.run(func() { b.BiasBackward(db.T, dy.T) })
			within(t, "db", backend.Shape{C}, db.floats(), approx(channelSums(s, ys), 1))
		})
	}
	r := newRig(t, b)
	defer r.free()
	y, bias := r.out("y", backend.F32, backend.Shape{2, 3, 4}).T, r.out("b", backend.F32, backend.Shape{4}).T
	faults(t, "AddBias", "is 4, want 3", func() { b.AddBias(y, bias) })
	faults(t, "BiasBackward", "is 4, want 3", func() { b.BiasBackward(bias, y) })
	faults(t, "AddBias", "is 4, want [N, C, …]", func() { b.AddBias(bias, bias) })
}

// channelSums returns Σ v of each channel of [N, C, …].
func channelSums(s backend.Shape, v []float32) []sum {
	C, each := s[1], s[2:].Len()
	sums := make([]sum, C)
	for i, v := range v {
		sums[i/each%C].add(float64(v))
	}
	return sums
}

// BenchmarkConv2D reports billions of multiplications a second of the float
// convolution and its two gradients.
func BenchmarkConv2D(bb *testing.B, b interface {
	conv2Der
	floatBackwarderW
	floatBackwarderX
}, shapes []ConvShape) {
	for _, s := range shapes {
		ys, ws, xs := s.shapes()
		run := func(name string, f func(y, w, x backend.Tensor)) {
			bb.Run(name+"/"+s.String(), func(bb *testing.B) {
				y, w, x := b.NewTensor(backend.F32, ys), b.NewTensor(backend.F32, ws), b.NewTensor(backend.F32, xs)
				defer func() {
					for _, t := range []backend.Tensor{y, w, x} {
						b.Free(t)
					}
				}()
				rnd := seeded(s.String())
				b.Write(y, normals(rnd, ys.Len(), 0, 1))
				b.Write(w, normals(rnd, ws.Len(), 0, 1))
				b.Write(x, normals(rnd, xs.Len(), 0, 1))
				for bb.Loop() {
					f(y, w, x)
					if err := b.Sync(); err != nil {
						bb.Fatal(err)
					}
				}
				macs := float64(ys.Len()) * float64(ws.Len()/s.Cout) * float64(bb.N)
				bb.ReportMetric(macs/bb.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
		run("y", func(y, w, x backend.Tensor) { b.Conv2D(y, w, x, s.Geometry) })
		run("dw", func(y, w, x backend.Tensor) { b.Conv2DBackwardW(w, y, x, s.Geometry) })
		run("dx", func(y, w, x backend.Tensor) { b.Conv2DBackwardX(x, y, w, s.Geometry) })
	}
}
