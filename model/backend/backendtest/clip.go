package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type clipper interface {
	backend.Memory
	AddSquares(sum, x backend.Tensor)
	ClipNorm(x, sum backend.Tensor, limit float32)
}

// AddSquares tests that Σ x² is added to what was there.
func AddSquares(t T, b clipper) {
	one := backend.Shape{1}
	run := func(name string, s backend.Shape, x []float32, before float32) {
		t.Run(name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			tx, total := r.in("x", s, x), r.inout("sum", one, []float32{before})
			r.run(func() { b.AddSquares(total.T, tx.T) })
			within(t, "sum", one, total.floats(), []Approx{squares(before, x)})
		})
	}
	for i, s := range Lengths {
		rnd := seeded(s.String())
		run(s.String(), s, normals(rnd, s.Len(), 0, 1), []float32{0, 3, 1e4}[i%3])
		x := normals(rnd, s.Len(), 0, 1e-3)
		x[len(x)-1] = float32(math.NaN())
		run("NaN/"+s.String(), s, x, 1)
		x[len(x)-1] = float32(math.Inf(-1))
		run("infinite/"+s.String(), s, x, 1)
	}

	r := newRig(t, b)
	defer r.free()
	x, total := r.out("x", backend.F32, backend.Shape{2, 3}).T, r.out("sum", backend.F32, one).T
	faults(t, "AddSquares", "sum is 2×3, want 1", func() { b.AddSquares(x, x) })
	faults(t, "AddSquares", "x is 2×3 i32, want f32", func() { b.AddSquares(total, r.out("", backend.I32, backend.Shape{2, 3}).T) })
}

// squares returns before + Σ x².
func squares(before float32, x []float32) Approx {
	var s sum
	s.add(float64(before))
	for _, v := range x {
		s.add(float64(v) * float64(v))
	}
	return s.approx()
}

// ClipNorm tests that x is scaled to the limit where the norm exceeds it, and
// stays bit by bit where it does not.
func ClipNorm(t T, b clipper) {
	one := backend.Shape{1}
	for _, s := range Lengths {
		xs := normals(seeded(s.String()), s.Len(), 0, 1)
		for _, c := range []struct{ sum, limit float32 }{
			{100, 1}, {0.25, 0.1}, {1e-12, 1e-7}, {4, 8}, {0, 1}, {3e38, 5},
			{float32(math.Inf(1)), 1}, {float32(math.NaN()), 1}, {9, float32(math.Inf(1))},
		} {
			t.Run(fmt.Sprintf("%v to %v/%v", c.sum, c.limit, s), func(t T) {
				r := newRig(t, b)
				defer r.free()
				x, total := r.inout("x", s, xs), r.in("sum", one, []float32{c.sum})
				r.run(func() { b.ClipNorm(x.T, total.T, c.limit) })
				within(t, "x", s, x.floats(), clipped(xs, c.sum, c.limit))
			})
		}
	}

	// The norm of three tensors, as PyTorch 1.13 clips it in float64:
	//
	//	p = [torch.zeros(n, dtype=torch.float64) for n in (3, 1, 2)]
	//	for k, t in enumerate(p): t.grad = torch.tensor([((5*i + 3*k) % 7 - 3) / 4 for i in range(len(t))], dtype=torch.float64)
	//	torch.nn.utils.clip_grad_norm_(p, limit)
	for _, c := range []struct {
		limit float32
		want  []float64
	}{
		{1, []float64{-0.62554272, 0.41702848, 0, 0, 0.62554272, 0.20851424}},
		{0.25, []float64{-0.15638568, 0.10425712, 0, 0, 0.15638568, 0.05212856}},
		{100, []float64{-0.75, 0.5, 0, 0, 0.75, 0.25}},
	} {
		t.Run(fmt.Sprintf("PyTorch/%v", c.limit), func(t T) {
			r := newRig(t, b)
			defer r.free()
			var parts []*arg
			for k, n := range []int{3, 1, 2} {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32((5*i+3*k)%7-3) / 4
				}
				parts = append(parts, r.inout("x", backend.Shape{n}, x))
			}
			total := r.inout("sum", one, []float32{0})
			r.run(func() {
				for _, x := range parts {
					b.AddSquares(total.T, x.T)
				}
				for _, x := range parts {
					b.ClipNorm(x.T, total.T, c.limit)
				}
			})
			at := 0
			for _, x := range parts {
				n := x.T.Shape().Len()
				want := make([]Approx, n)
				for i, v := range c.want[at : at+n] { // half of the root's error is that of the sum; nine digits
					want[i] = Approx{v, (clipUnits+6)*unit*math.Abs(v) + 1e-9}
				}
				within(t, "x", x.T.Shape(), x.floats(), want)
				at += n
			}
		})
	}

	r := newRig(t, b)
	defer r.free()
	x, total := r.out("x", backend.F32, backend.Shape{2, 3}).T, r.out("sum", backend.F32, one).T
	faults(t, "ClipNorm", "sum is 2×3, want 1", func() { b.ClipNorm(x, x, 1) })
	faults(t, "ClipNorm", "limit is 0, want a positive number", func() { b.ClipNorm(x, total, 0) })
	faults(t, "ClipNorm", "limit is NaN, want a positive number", func() { b.ClipNorm(x, total, float32(math.NaN())) })
}

// clipUnits bounds the relative error of x·limit/(√sum + 1e-6) in units of
// 2⁻²⁴: a root of three units in the last place and a quotient of 2.5 (GLSL
// 4.50 §4.7.1), two units each, the constant, the sum and the product.
const clipUnits = 2*(3+2.5) + 3

// clipped returns x·min(1, limit/(√sum + 1e-6)).
func clipped(x []float32, sum, limit float32) []Approx {
	factor := float64(limit) / (math.Sqrt(float64(sum)) + 1e-6)
	want := make([]Approx, len(x))
	for i, v := range x {
		want[i] = Approx{Value: float64(v)}
		if !(factor >= 1) {
			want[i] = Approx{float64(v) * factor, clipUnits * unit * math.Abs(float64(v)*factor)}
		}
	}
	return want
}
