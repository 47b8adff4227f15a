package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type reluer interface {
	backend.Memory
	ReLU(y, x backend.Tensor)
	ReLUBackward(dx, dy, y backend.Tensor)
}

// ReLU tests y = max(x, 0) and its gradient, in place and not.
func ReLU(t T, b reluer) {
	for _, s := range Lengths {
		rnd := seeded(s.String())
		xs, dys := normals(rnd, s.Len(), 0, 1), gradientsOf(rnd, s.Len())
		special := []float32{float32(math.NaN()), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)),
			math.SmallestNonzeroFloat32}
		copy(xs[len(xs)/2:], special)
		dys[len(dys)-1] = float32(math.NaN())

		ys, dxs := make([]float32, len(xs)), make([]float32, len(xs))
		for i, x := range xs {
			if x > 0 || x != x {
				ys[i] = x
			}
			if ys[i] > 0 {
				dxs[i] = dys[i]
			}
		}
		t.Run("y/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x, y := r.in("x", s, xs), r.out("y", backend.F32, s)
			r.run(func() { b.ReLU(y.T, x.T) })
			equal(t, "y", s, y.floats(), ys)
		})
		t.Run("y/in place/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x := r.inout("x", s, xs)
			r.run(func() { b.ReLU(x.T, x.T) })
			equal(t, "y", s, x.floats(), ys)
		})
		t.Run("dx/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			dy, y, dx := r.in("dy", s, dys), r.in("y", s, ys), r.out("dx", backend.F32, s)
			r.run(func() { b.ReLUBackward(dx.T, dy.T, y.T) })
			equal(t, "dx", s, dx.floats(), dxs)
		})
		t.Run("dx/in place/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			y, dx := r.in("y", s, ys), r.inout("dx", s, dys)
			r.run(func() { b.ReLUBackward(dx.T, dx.T, y.T) })
			equal(t, "dx", s, dx.floats(), dxs)
		})
	}

	// One element more than 65,535 work groups of 256 have invocations: an
	// OpenGL device need not take more of them in one axis.
	t.Run("more than a grid", func(t T) {
		n := 65535*256 + 1
		x := b.NewTensor(backend.F32, backend.Shape{n})
		defer b.Free(x)
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(i%3 - 1)
		}
		b.Write(x, data)
		b.ReLU(x, x)
		for i, v := range read(t, b, x).([]float32) {
			if want := max(0, float32(i%3-1)); v != want {
				t.Fatalf("y[%d] = %v, want %v", i, v, want)
			}
		}
	})

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("x", backend.F32, backend.Shape{2, 3}).T, r.out("y", backend.F32, backend.Shape{3, 2}).T
	faults(t, "ReLU", "3×2", func() { b.ReLU(y, x) })
	faults(t, "ReLUBackward", "3×2", func() { b.ReLUBackward(x, x, y) })
}
