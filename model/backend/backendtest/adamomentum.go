package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type adaMomentumStepper interface {
	backend.Memory
	AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam)
}

// AdaMomentumStep tests a step of AdaMomentum: the moments to the last bit, w
// within the error of a root and two quotients; then eight steps from nothing.
func AdaMomentumStep(t T, b adaMomentumStepper) {
	base := backend.Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	with := func(change func(h *backend.Adam)) backend.Adam {
		h := base
		change(&h)
		return h
	}
	variants := []struct {
		name string
		h    backend.Adam
	}{
		{"step 1", with(func(h *backend.Adam) { h.Step = 1 })},
		{"step 2", with(func(h *backend.Adam) { h.Step = 2 })},
		{"step 5000", with(func(h *backend.Adam) { h.Step = 5000 })},
		{"other betas", with(func(h *backend.Adam) { h.Step, h.Beta1, h.Beta2, h.Eps = 3, 0.5, 0.9, 1e-3 })},
		{"decay", with(func(h *backend.Adam) { h.Step, h.WeightDecay = 7, 0.01 })},
	}
	for _, c := range variants {
		for _, s := range Lengths {
			t.Run(c.name+"/"+s.String(), func(t T) {
				rnd := seeded(fmt.Sprintf("%s/%v", c.name, s))
				ws, dws := normals(rnd, s.Len(), 0, 1), normals(rnd, s.Len(), 0, 0.1)
				ms, vs := normals(rnd, s.Len(), 0, 0.1), normals(rnd, s.Len(), 0, 0.1)
				for i, v := range vs {
					vs[i] = v * v
					if i%4 == 1 { // eps is most of v
						dws[i], ms[i], vs[i] = 0, 1e-6, 0
					}
				}
				if c.h.Step == 1 {
					clear(ms)
					clear(vs)
				}
				wantW, wantM, wantV := adaMomentum(ws, dws, ms, vs, c.h)
				r := newRig(t, b)
				defer r.free()
				w, dw, m, v := r.inout("w", s, ws), r.in("dw", s, dws), r.inout("m", s, ms), r.inout("v", s, vs)
				r.run(func() { b.AdaMomentumStep(w.T, dw.T, m.T, v.T, c.h) })
				equal(t, "m", s, m.floats(), wantM)
				equal(t, "v", s, v.floats(), wantV)
				within(t, "w", s, w.floats(), wantW)
			})
		}
	}
	h := backend.Adam{LR: 0.05, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01}
	trajectory(t, b, 2, adamUnits, adaMomentumPath, func(w, dw backend.Tensor, state []backend.Tensor, step int) {
		h.Step = step
		b.AdaMomentumStep(w, dw, state[0], state[1], h)
	})

	r := newRig(t, b)
	defer r.free()
	w, wrong := r.out("w", backend.F32, backend.Shape{2, 3}).T, r.out("m", backend.F32, backend.Shape{3, 2}).T
	h.Step = 1
	faults(t, "AdaMomentumStep", "dw is 3×2, want 2×3", func() { b.AdaMomentumStep(w, wrong, w, w, h) })
	faults(t, "AdaMomentumStep", "is 3×2, want 2×3", func() { b.AdaMomentumStep(w, w, w, wrong, h) })
	h.Decoupled = true
	faults(t, "AdaMomentumStep", "decoupled decay", func() { b.AdaMomentumStep(w, w, w, w, h) })
}

// adaMomentum returns w and the moments after a step.
func adaMomentum(w, dw, m, v []float32, h backend.Adam) (wantW []Approx, wantM, wantV []float32) {
	beta1, rest1 := float32(h.Beta1), float32(1-h.Beta1)
	beta2, rest2 := float32(h.Beta2), float32(1-h.Beta2)
	rate := h.LR / (1 - math.Pow(h.Beta1, float64(h.Step)))
	correction := 1 - math.Pow(h.Beta2, float64(h.Step))
	wantW, wantM, wantV = make([]Approx, len(w)), make([]float32, len(w)), make([]float32, len(w))
	for i := range w {
		g := dw[i] + float32(float32(h.WeightDecay)*w[i])
		wantM[i] = float32(beta1*m[i]) + float32(rest1*g)
		wantV[i] = float32(beta2*v[i]) + float32(rest2*float32(wantM[i]*wantM[i])) + float32(h.Eps)
		step := rate * float64(wantM[i]) / math.Sqrt(float64(wantV[i])/correction)
		wantW[i].Value = float64(w[i]) - step
		wantW[i].Bound = adamUnits*unit*math.Abs(step) + unit*math.Abs(wantW[i].Value)
	}
	return wantW, wantM, wantV
}
