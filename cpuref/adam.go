package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// AdamStep implements [backend.Optimizer]. The derived factors are β1, 1−β1,
// β2, 1−β2, lr/(1−β1^t), √(1−β2^t), eps, wd and 1−lr·wd.
func (p *Plain) AdamStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	backend.CheckStep(who, "AdamStep", w, dw, m, v)
	adam(p.f32(w), p.f32(dw), p.f32(m), p.f32(v), h)
}

func adam(w, dw, m, v []float32, h backend.Adam) {
	beta1, fresh1 := float32(h.Beta1), float32(1-h.Beta1)
	beta2, fresh2 := float32(h.Beta2), float32(1-h.Beta2)
	t := float64(h.Step)
	rate := float32(h.LR / (1 - math.Pow(h.Beta1, t)))
	root := float32(math.Sqrt(1 - math.Pow(h.Beta2, t)))
	eps := float32(h.Eps)
	coupled, decoupled := float32(h.WeightDecay), float32(1)
	if h.Decoupled {
		coupled, decoupled = 0, float32(1-float64(h.LR*h.WeightDecay))
	}
	dw, m, v = dw[:len(w)], m[:len(w)], v[:len(w)]
	for i, old := range w {
		g := dw[i] + float32(coupled*old)
		old = float32(old * decoupled)
		m[i] = float32(beta1*m[i]) + float32(fresh1*g)
		v[i] = float32(beta2*v[i]) + float32(fresh2*float32(g*g))
		deviation := float32(math.Sqrt(float64(v[i]))) / root
		w[i] = old - float32(float32(rate*m[i])/(deviation+eps))
	}
}

type adamTask struct {
	w, dw, m, v []float32
	h           backend.Adam
}

func (t *adamTask) part(i, _ int) {
	lo, hi := within(i, len(t.w))
	adam(t.w[lo:hi], t.dw[lo:hi], t.m[lo:hi], t.v[lo:hi], t.h)
}

// AdamStep implements [backend.Optimizer].
func (c *CPU) AdamStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	backend.CheckStep(who, "AdamStep", w, dw, m, v)
	W := c.f32(w)
	run(c, pieces(len(W)), adamTask{W, c.f32(dw), c.f32(m), c.f32(v), h})
}
