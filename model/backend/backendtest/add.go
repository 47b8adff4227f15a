package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type adder interface {
	backend.Memory
	Add(y, a, b backend.Tensor)
}

// Add tests y = a + b, y being neither, one or both of them.
func Add(t T, b adder) {
	for _, s := range Lengths {
		rnd := seeded(s.String())
		as, bs := normals(rnd, s.Len(), 0, 1), normals(rnd, s.Len(), 0, 1e-3)
		as[0], bs[len(bs)-1] = float32(math.Inf(1)), float32(math.NaN())
		want, double := make([]float32, len(as)), make([]float32, len(as))
		for i := range want {
			want[i], double[i] = as[i]+bs[i], as[i]+as[i]
		}
		run := func(name string, f func(t T, r *rig) []float32, want []float32) {
			t.Run(name+s.String(), func(t T) {
				r := newRig(t, b)
				defer r.free()
				equal(t, "y", s, f(t, r), want)
			})
		}
		run("", func(t T, r *rig) []float32 {
			a, c, y := r.in("a", s, as), r.in("b", s, bs), r.out("y", backend.F32, s)
			r.run(func() { b.Add(y.T, a.T, c.T) })
			return y.floats()
		}, want)
		run("y is a/", func(t T, r *rig) []float32 {
			a, c := r.inout("a", s, as), r.in("b", s, bs)
			r.run(func() { b.Add(a.T, a.T, c.T) })
			return a.floats()
		}, want)
		run("y is b/", func(t T, r *rig) []float32 {
			a, c := r.in("a", s, as), r.inout("b", s, bs)
			r.run(func() { b.Add(c.T, a.T, c.T) })
			return c.floats()
		}, want)
		run("y is both/", func(t T, r *rig) []float32 {
			a := r.inout("a", s, as)
			r.run(func() { b.Add(a.T, a.T, a.T) })
			return a.floats()
		}, double)
	}

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("a", backend.F32, backend.Shape{2, 3}).T, r.out("y", backend.F32, backend.Shape{3, 2}).T
	faults(t, "Add", "3×2", func() { b.Add(y, x, x) })
	faults(t, "Add", "3×2", func() { b.Add(x, x, y) })
}
