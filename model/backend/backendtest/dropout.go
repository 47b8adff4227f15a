package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type dropouter interface {
	backend.Memory
	Dropout(y, x backend.Tensor, p float64, seed uint64)
}

// Dropout tests which elements drop and how the others are scaled, to the last
// bit, in place and not.
func Dropout(t T, b dropouter) {
	for i, s := range Lengths {
		rnd := seeded(s.String())
		x := normals(rnd, s.Len(), 0, 1)
		x[0], x[len(x)/2] = float32(math.NaN()), float32(math.NaN())
		p := []float64{0, 0.1, 0.5, 0.999, 0.25, 1e-12}[i%6]
		seed := []uint64{0, 1, 0xffffffff, 0xdeadbeefffffffff, 7 << 32}[i%5]
		want := dropped(x, p, seed)
		name := fmt.Sprintf("%v/p=%v", s, p)
		t.Run(name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			tx, y := r.in("x", s, x), r.out("y", backend.F32, s)
			r.run(func() { b.Dropout(y.T, tx.T, p, seed) })
			equal(t, "y", s, y.floats(), want)
		})
		t.Run("in place/"+name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			y := r.inout("x", s, x)
			r.run(func() { b.Dropout(y.T, y.T, p, seed) })
			equal(t, "y", s, y.floats(), want)
		})
	}

	// The share that drops is p, and another seed drops others.
	t.Run("share", func(t T) {
		const n, p = 100000, 0.3
		shape := backend.Shape{n}
		r := newRig(t, b)
		defer r.free()
		x, y, z := r.in("x", shape, fill[float32](n, 1)), r.out("y", backend.F32, shape), r.out("z", backend.F32, shape)
		r.run(func() {
			b.Dropout(y.T, x.T, p, 1)
			b.Dropout(z.T, x.T, p, 1<<32)
		})
		zeros, both := 0, 0
		for i, v := range y.floats() {
			if v == 0 {
				zeros++
				if z.floats()[i] == 0 {
					both++
				}
			}
		}
		// Five standard deviations of a binomial distribution.
		limit := func(p float64) float64 { return 5 * math.Sqrt(n*p*(1-p)) }
		if d := math.Abs(float64(zeros) - n*p); d > limit(p) {
			t.Errorf("%d of %d elements drop, want about %v", zeros, n, n*p)
		}
		if d := math.Abs(float64(both) - n*p*p); d > limit(p*p) {
			t.Errorf("%d of %d elements drop under both seeds, want about %v", both, n, n*p*p)
		}
	})

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("x", backend.F32, backend.Shape{2, 3}).T, r.out("y", backend.F32, backend.Shape{3, 2}).T
	faults(t, "Dropout", "y is 3×2, want 2×3", func() { b.Dropout(y, x, 0.5, 0) })
	for _, p := range []float64{1, -0.5, math.NaN()} {
		faults(t, "Dropout", fmt.Sprintf("p is %v, want 0 ≤ p < 1", p), func() { b.Dropout(x, x, p, 0) })
	}
}

// dropped returns x·float32(1/(1−p)) where h(i) ≥ ⌊p·2³²⌋, and 0 elsewhere.
func dropped(x []float32, p float64, seed uint64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		if uint64(dropHash(uint64(i), seed)) >= uint64(p*(1<<32)) {
			y[i] = v * float32(1/(1-p))
		}
	}
	return y
}

// dropHash returns h(i), in 64 bits of which the lower half counts.
func dropHash(i, seed uint64) uint32 {
	const low = 1<<32 - 1
	mix := func(a uint64) uint64 {
		a ^= a >> 16
		a = a * 0x21f0aaad & low
		a ^= a >> 15
		a = a * 0x735a2d97 & low
		return a ^ a>>15
	}
	return uint32(mix(mix((i+seed)&low) ^ seed>>32))
}
