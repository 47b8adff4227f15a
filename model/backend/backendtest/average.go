package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type averager interface {
	backend.Memory
	Average(e, w backend.Tensor, d float64)
}

// Average tests e = d·e + (1−d)·w to the last bit.
func Average(t T, b averager) {
	for _, s := range Lengths {
		rnd := seeded(s.String())
		es, ws := normals(rnd, s.Len(), 0, 1), normals(rnd, s.Len(), 0, 1)
		es[len(es)/2], ws[len(ws)-1] = float32(math.Inf(1)), float32(math.NaN())
		for _, d := range []float64{0.9999, 0.3, 1, 0} {
			t.Run(fmt.Sprintf("%v/%v", d, s), func(t T) {
				r := newRig(t, b)
				defer r.free()
				e, w := r.inout("e", s, es), r.in("w", s, ws)
				r.run(func() { b.Average(e.T, w.T, d) })
				equal(t, "e", s, e.floats(), averaged(es, ws, d))
			})
		}
	}

	r := newRig(t, b)
	defer r.free()
	e, w := r.out("e", backend.F32, backend.Shape{2, 3}).T, r.out("w", backend.F32, backend.Shape{3, 2}).T
	faults(t, "Average", "e is 2×3, want 3×2", func() { b.Average(e, w, 0.5) })
	faults(t, "Average", "d is 1.5, want 0 ≤ d ≤ 1", func() { b.Average(e, e, 1.5) })
	faults(t, "Average", "d is NaN, want 0 ≤ d ≤ 1", func() { b.Average(e, e, math.NaN()) })
}

// averaged returns d·e + (1−d)·w: each factor, each product and the sum
// rounded.
func averaged(e, w []float32, d float64) []float32 {
	v := make([]float32, len(e))
	for i := range v {
		v[i] = float32(float32(d)*e[i]) + float32(float32(1-d)*w[i])
	}
	return v
}
