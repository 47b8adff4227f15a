package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type geluer interface {
	backend.Memory
	GELU(y, x backend.Tensor)
	GELUBackward(dx, dy, x backend.Tensor)
}

// GELU tests y = x·Φ(x) and its gradient, in place and not.
func GELU(t T, b geluer) {
	for _, s := range Lengths {
		rnd := seeded(s.String())
		xs, dys := normals(rnd, s.Len(), 0, 2), gradientsOf(rnd, s.Len())
		special := []float32{0, float32(math.Copysign(0, -1)), 6, -6, 5.999, -5.999, 1e-30, -1e-30, 1e30, -1e30, 40, -40, 0.25, -1.5, float32(math.NaN())}
		copy(xs[len(xs)/2:], special)
		if s.Len() > 1000 { // a fine sweep of where Φ is neither 0 nor 1
			for i := range 20000 {
				xs[1000+i] = float32(i)*0.0007 - 7
			}
		}
		t.Run("y/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x, y := r.in("x", s, xs), r.out("y", backend.F32, s)
			r.run(func() { b.GELU(y.T, x.T) })
			within(t, "y", s, y.floats(), gelu(xs))
		})
		t.Run("dx/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			dy, x, dx := r.in("dy", s, dys), r.in("x", s, xs), r.out("dx", backend.F32, s)
			r.run(func() { b.GELUBackward(dx.T, dy.T, x.T) })
			within(t, "dx", s, dx.floats(), geluGradient(dys, xs))
		})
		t.Run("dx/in place/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			x, dx := r.in("x", s, xs), r.inout("dy", s, dys)
			r.run(func() { b.GELUBackward(dx.T, dx.T, x.T) })
			within(t, "dx", s, dx.floats(), geluGradient(dys, xs))
		})
	}

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("x", backend.F32, backend.Shape{2, 3}).T, r.out("y", backend.F32, backend.Shape{3, 2}).T
	faults(t, "GELU", "3×2", func() { b.GELU(y, x) })
	faults(t, "GELUBackward", "3×2", func() { b.GELUBackward(y, x, x) })
	faults(t, "GELUBackward", "3×2", func() { b.GELUBackward(x, y, x) })
}

// gelu returns x·Φ(x) with the bound of the contract.
func gelu(x []float32) []Approx {
	y := make([]Approx, len(x))
	for i, v := range x {
		v := float64(v)
		y[i] = Approx{v * normalShare(v), 0x1p-22 * max(1, math.Abs(v))}
	}
	return y
}

// geluGradient returns dy·(Φ(x) + x·φ(x)), the factor with the bound of the
// contract and the product rounded.
func geluGradient(dy, x []float32) []Approx {
	dx := make([]Approx, len(x))
	for i, v := range x {
		v, d := float64(v), float64(dy[i])
		factor := normalShare(v) + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
		dx[i] = Approx{d * factor, math.Abs(d)*0x1p-21 + unit*math.Abs(d*factor)}
	}
	return dx
}

// normalShare returns Φ(x), the share of a normal distribution below x.
func normalShare(x float64) float64 { return 0.5 * (1 + math.Erf(x/math.Sqrt2)) }
