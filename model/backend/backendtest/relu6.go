package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type relu6er interface {
	backend.Memory
	ReLU6(y, x backend.Tensor)
	ReLU6Backward(dx, dy, y backend.Tensor)
}

// ReLU6 tests y = min(max(x, 0), 6) and its gradient, in place and not.
func ReLU6(t T, b relu6er) {
	for _, s := range Lengths {
		rnd := seeded(s.String())
		xs, dys := normals(rnd, s.Len(), 3, 4), gradientsOf(rnd, s.Len())
		inf := float32(math.Inf(1))
		special := []float32{float32(math.NaN()), -inf, 0, float32(math.Copysign(0, -1)), inf, math.SmallestNonzeroFloat32,
			6, math.Nextafter32(6, 0), math.Nextafter32(6, 7), -6}
		copy(xs[len(xs)/2:], special)
		dys[len(dys)-1] = float32(math.NaN())

		ys, dxs := make([]float32, len(xs)), make([]float32, len(xs))
		for i, x := range xs {
			switch {
			case x > 6:
				ys[i] = 6
			case x > 0 || x != x:
				ys[i] = x
			}
			if ys[i] > 0 && ys[i] < 6 {
				dxs[i] = dys[i]
			}
		}
		t.Run("y/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x, y := r.in("x", s, xs), r.out("y", backend.F32, s)
			r.run(func() { b.ReLU6(y.T, x.T) })
			equal(t, "y", s, y.floats(), ys)
		})
		t.Run("y/in place/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x := r.inout("x", s, xs)
			r.run(func() { b.ReLU6(x.T, x.T) })
			equal(t, "y", s, x.floats(), ys)
		})
		t.Run("dx/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			dy, y, dx := r.in("dy", s, dys), r.in("y", s, ys), r.out("dx", backend.F32, s)
			r.run(func() { b.ReLU6Backward(dx.T, dy.T, y.T) })
			equal(t, "dx", s, dx.floats(), dxs)
		})
		t.Run("dx/in place/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			y, dx := r.in("y", s, ys), r.inout("dx", s, dys)
			r.run(func() { b.ReLU6Backward(dx.T, dx.T, y.T) })
			equal(t, "dx", s, dx.floats(), dxs)
		})
	}

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("x", backend.F32, backend.Shape{2, 3}).T, r.out("y", backend.F32, backend.Shape{3, 2}).T
	faults(t, "ReLU6", "3×2", func() { b.ReLU6(y, x) })
	faults(t, "ReLU6Backward", "3×2", func() { b.ReLU6Backward(x, x, y) })
}
