package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type sgdStepper interface {
	backend.Memory
	SGDStep(w, dw, v backend.Tensor, h backend.SGD)
}

// SGDStep tests a step of every variant of SGD to the last bit: each factor is
// rounded to float32 once, then each operation.
func SGDStep(t T, b sgdStepper) {
	variants := []struct {
		name string
		h    backend.SGD
	}{
		{"plain", backend.SGD{LR: 0.1}},
		{"decay", backend.SGD{LR: 0.1, WeightDecay: 5e-4}},
		{"momentum, first", backend.SGD{LR: 0.1, Momentum: 0.9, First: true}},
		{"momentum", backend.SGD{LR: 0.1, Momentum: 0.9}},
		{"dampening, first", backend.SGD{LR: 0.03, Momentum: 0.9, Dampening: 0.3, First: true}},
		{"dampening", backend.SGD{LR: 0.03, Momentum: 0.9, Dampening: 0.3}},
		{"Nesterov, first", backend.SGD{LR: 0.01, Momentum: 0.8, Nesterov: true, First: true, WeightDecay: 1e-4}},
		{"Nesterov", backend.SGD{LR: 0.01, Momentum: 0.8, Nesterov: true, WeightDecay: 1e-4}},
	}
	for _, c := range variants {
		for _, s := range Lengths {
			t.Run(c.name+"/"+s.String(), func(t T) {
				rnd := seeded(c.name + s.String())
				ws, dws, vs := normals(rnd, s.Len(), 0, 1), normals(rnd, s.Len(), 0, 0.1), normals(rnd, s.Len(), 0, 0.1)
				wantW, wantV := sgd(ws, dws, vs, c.h)
				r := newRig(t, b)
				defer r.free()
				w, dw := r.inout("w", s, ws), r.in("dw", s, dws)
				if c.h.Momentum == 0 {
					r.run(func() { b.SGDStep(w.T, dw.T, nil, c.h) })
					equal(t, "w", s, w.floats(), wantW)
					return
				}
				// On the first step v has no history: it may hold NaN.
				v := r.out("v", backend.F32, s)
				if !c.h.First {
					v.role, v.data = inout, vs
				}
				r.run(func() { b.SGDStep(w.T, dw.T, v.T, c.h) })
				equal(t, "w", s, w.floats(), wantW)
				equal(t, "v", s, v.floats(), wantV)
			})
		}
	}

	r := newRig(t, b)
	defer r.free()
	w, dw := r.out("w", backend.F32, backend.Shape{2, 3}).T, r.out("dw", backend.F32, backend.Shape{3, 2}).T
	faults(t, "SGDStep", "dw is 3×2, want 2×3", func() { b.SGDStep(w, dw, nil, backend.SGD{LR: 1}) })
	faults(t, "SGDStep", "is 3×2, want 2×3", func() { b.SGDStep(w, w, dw, backend.SGD{LR: 1, Momentum: 0.9}) })
}

// sgd returns w and v after a step.
func sgd(w, dw, v []float32, h backend.SGD) (wantW, wantV []float32) {
	decay, momentum, rate := float32(h.WeightDecay), float32(h.Momentum), float32(h.LR)
	keep := float32(1 - h.Dampening)
	wantW, wantV = make([]float32, len(w)), make([]float32, len(w))
	for i := range w {
		g := dw[i]
		if decay != 0 {
			g += float32(decay * w[i])
		}
		if momentum != 0 {
			wantV[i] = g
			if !h.First {
				wantV[i] = float32(momentum*v[i]) + float32(keep*g)
			}
			if h.Nesterov {
				g += float32(momentum * wantV[i])
			} else {
				g = wantV[i]
			}
		}
		wantW[i] = w[i] - float32(rate*g)
	}
	return wantW, wantV
}

type adamStepper interface {
	backend.Memory
	AdamStep(w, dw, m, v backend.Tensor, h backend.Adam)
}

// AdamStep tests a step of Adam and AdamW: the moments to the last bit, w
// within the error of a root and two quotients.
func AdamStep(t T, b adamStepper) {
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
		{"decoupled decay", with(func(h *backend.Adam) { h.Step, h.WeightDecay, h.Decoupled = 7, 0.01, true })},
		{"decoupled decay, step 1", with(func(h *backend.Adam) { h.Step, h.WeightDecay, h.Decoupled, h.LR = 1, 0.1, true, 0.1 })},
	}
	for _, c := range variants {
		for _, s := range Lengths {
			t.Run(c.name+"/"+s.String(), func(t T) {
				name := fmt.Sprintf("%s/%v", c.name, s)
				rnd := seeded(name)
				ws, dws := normals(rnd, s.Len(), 0, 1), normals(rnd, s.Len(), 0, 0.1)
				ms, vs := normals(rnd, s.Len(), 0, 0.1), normals(rnd, s.Len(), 0, 0.1)
				for i, v := range vs {
					vs[i] = v * v
					// So small that eps outside the root is most of the
					// denominator, and inside it something else.
					if i%4 == 1 {
						dws[i], vs[i] = 0, 1e-17
					}
				}
				if c.h.Step == 1 {
					clear(ms)
					clear(vs)
				}
				wantW, wantM, wantV := adam(ws, dws, ms, vs, c.h)
				r := newRig(t, b)
				defer r.free()
				w, dw, m, v := r.inout("w", s, ws), r.in("dw", s, dws), r.inout("m", s, ms), r.inout("v", s, vs)
				r.run(func() { b.AdamStep(w.T, dw.T, m.T, v.T, c.h) })
				equal(t, "m", s, m.floats(), wantM)
				equal(t, "v", s, v.floats(), wantV)
				within(t, "w", s, w.floats(), wantW)
			})
		}
	}

	r := newRig(t, b)
	defer r.free()
	w, wrong := r.out("w", backend.F32, backend.Shape{2, 3}).T, r.out("m", backend.F32, backend.Shape{3, 2}).T
	faults(t, "AdamStep", "dw is 3×2, want 2×3", func() { b.AdamStep(w, wrong, w, w, with(func(h *backend.Adam) { h.Step = 1 })) })
	faults(t, "AdamStep", "is 3×2, want 2×3", func() { b.AdamStep(w, w, w, wrong, with(func(h *backend.Adam) { h.Step = 1 })) })
}

// adamUnits bounds the relative error of a·m/(√v/c + eps) in units of 2⁻²⁴:
// a root of three units in the last place and two quotients of 2.5 (GLSL 4.50
// §4.7.1), two units each, and the roundings of the product, the sum and the
// three factors.
const adamUnits = 2*(3+2*2.5) + 5

// adam returns w and the moments after a step.
func adam(w, dw, m, v []float32, h backend.Adam) (wantW []Approx, wantM, wantV []float32) {
	beta1, rest1 := float32(h.Beta1), float32(1-h.Beta1)
	beta2, rest2 := float32(h.Beta2), float32(1-h.Beta2)
	rate := h.LR / (1 - math.Pow(h.Beta1, float64(h.Step)))
	root := math.Sqrt(1 - math.Pow(h.Beta2, float64(h.Step)))
	shrink, decay := float32(1-h.LR*h.WeightDecay), float32(h.WeightDecay)
	wantW, wantM, wantV = make([]Approx, len(w)), make([]float32, len(w)), make([]float32, len(w))
	for i := range w {
		g, old := dw[i], w[i]
		if h.Decoupled {
			old *= shrink
		} else if decay != 0 {
			g += float32(decay * w[i])
		}
		wantM[i] = float32(beta1*m[i]) + float32(rest1*g)
		wantV[i] = float32(beta2*v[i]) + float32(rest2*float32(g*g))
		step := rate * float64(wantM[i]) / (math.Sqrt(float64(wantV[i]))/root + h.Eps)
		wantW[i].Value = float64(old) - step
		wantW[i].Bound = adamUnits*unit*math.Abs(step) + unit*math.Abs(wantW[i].Value)
	}
	return wantW, wantM, wantV
}
