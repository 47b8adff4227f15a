package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type adanStepper interface {
	backend.Memory
	AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan)
}

// AdanStep tests a step of Adan: the moments and prev to the last bit, w within
// the error of a root and some quotients; then eight steps from nothing.
func AdanStep(t T, b adanStepper) {
	base := backend.Adan{LR: 1e-3, Beta1: 0.98, Beta2: 0.92, Beta3: 0.99, Eps: 1e-8}
	with := func(change func(h *backend.Adan)) backend.Adan {
		h := base
		change(&h)
		return h
	}
	variants := []struct {
		name string
		h    backend.Adan
	}{
		{"step 1", with(func(h *backend.Adan) { h.Step = 1 })},
		{"step 2", with(func(h *backend.Adan) { h.Step = 2 })},
		{"step 5000", with(func(h *backend.Adan) { h.Step = 5000 })},
		{"other betas", with(func(h *backend.Adan) { h.Step, h.Beta1, h.Beta2, h.Beta3, h.Eps = 3, 0.5, 0.7, 0.9, 1e-3 })},
		{"decay", with(func(h *backend.Adan) { h.Step, h.WeightDecay, h.LR = 7, 0.2, 0.1 })},
		{"decay, step 1", with(func(h *backend.Adan) { h.Step, h.WeightDecay = 1, 0.02 })},
	}
	for _, c := range variants {
		for _, s := range Lengths {
			t.Run(c.name+"/"+s.String(), func(t T) {
				rnd := seeded(fmt.Sprintf("%s/%v", c.name, s))
				ws, dws, prevs := normals(rnd, s.Len(), 0, 1), normals(rnd, s.Len(), 0, 0.1), normals(rnd, s.Len(), 0, 0.1)
				ms, vs, ns := normals(rnd, s.Len(), 0, 0.1), normals(rnd, s.Len(), 0, 0.1), normals(rnd, s.Len(), 0, 0.1)
				for i, v := range ns {
					ns[i] = v * v
					if i%4 == 1 { // eps is most of the denominator
						dws[i], prevs[i], ns[i] = 0, 0, 1e-17
					}
				}
				if c.h.Step == 1 {
					clear(ms)
					clear(vs)
					clear(ns)
				}
				want := adan(ws, dws, ms, vs, ns, prevs, c.h)
				r := newRig(t, b)
				defer r.free()
				w, dw, m, v, n := r.inout("w", s, ws), r.in("dw", s, dws), r.inout("m", s, ms), r.inout("v", s, vs), r.inout("n", s, ns)
				// On the first step prev has no history: it may hold NaN.
				prev := r.out("prev", backend.F32, s)
				if c.h.Step > 1 {
					prev.role, prev.data = inout, prevs
				}
				r.run(func() { b.AdanStep(w.T, dw.T, m.T, v.T, n.T, prev.T, c.h) })
				equal(t, "m", s, m.floats(), want.m)
				equal(t, "v", s, v.floats(), want.v)
				equal(t, "n", s, n.floats(), want.n)
				equal(t, "prev", s, prev.floats(), dws)
				within(t, "w", s, w.floats(), want.w)
			})
		}
	}
	h := backend.Adan{LR: 0.05, Beta1: 0.98, Beta2: 0.92, Beta3: 0.99, Eps: 1e-8, WeightDecay: 0.02}
	trajectory(t, b, 4, adanUnits, adanPath, func(w, dw backend.Tensor, state []backend.Tensor, step int) {
		h.Step = step
		b.AdanStep(w, dw, state[0], state[1], state[2], state[3], h)
	})

	r := newRig(t, b)
	defer r.free()
	w, wrong := r.out("w", backend.F32, backend.Shape{2, 3}).T, r.out("m", backend.F32, backend.Shape{3, 2}).T
	h.Step = 1
	faults(t, "AdanStep", "dw is 3×2, want 2×3", func() { b.AdanStep(w, wrong, w, w, w, w, h) })
	faults(t, "AdanStep", "is 3×2, want 2×3", func() { b.AdanStep(w, w, w, w, w, wrong, h) })
}

// adanUnits bounds the relative error of lr/(√n/c + eps)·(m·a + v·b), m·a and
// v·b of one sign, in units of 2⁻²⁴: a root of three units in the last place
// and two quotients of 2.5 (GLSL 4.50 §4.7.1), two units each; the roundings of
// lr, c and eps; of the sums, and of a product with its factor, in either
// bracket, and of the product of the two.
const adanUnits = 2*(3+2*2.5) + 3 + 1 + 3 + 1

// An adanState is what a step of Adan leaves.
type adanState struct {
	w       []Approx
	m, v, n []float32
}

func adan(w, dw, m, v, n, prev []float32, h backend.Adan) adanState {
	beta1, rest1 := float32(h.Beta1), float32(1-h.Beta1)
	beta2, rest2 := float32(h.Beta2), float32(1-h.Beta2)
	beta3, rest3 := float32(h.Beta3), float32(1-h.Beta3)
	t := float64(h.Step)
	s := adanState{make([]Approx, len(w)), make([]float32, len(w)), make([]float32, len(w)), make([]float32, len(w))}
	for i, g := range dw {
		var delta float32
		if h.Step > 1 {
			delta = g - prev[i]
		}
		s.m[i] = float32(beta1*m[i]) + float32(rest1*g)
		s.v[i] = float32(beta2*v[i]) + float32(rest2*delta)
		u := g + float32(beta2*delta)
		s.n[i] = float32(beta3*n[i]) + float32(rest3*float32(u*u))

		eta := h.LR / (math.Sqrt(float64(s.n[i])/(1-math.Pow(h.Beta3, t))) + h.Eps)
		mean, change := float64(s.m[i])/(1-math.Pow(h.Beta1, t)), h.Beta2*float64(s.v[i])/(1-math.Pow(h.Beta2, t))
		shrink := 1 + h.LR*h.WeightDecay
		value := (float64(w[i]) - eta*(mean+change)) / shrink
		// The difference is rounded, and the quotient, or its factor.
		s.w[i] = Approx{value, adanUnits*unit*eta*(math.Abs(mean)+math.Abs(change))/shrink + (1+2*2.5)*unit*math.Abs(value)}
	}
	return s
}
