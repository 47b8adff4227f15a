package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// AdaMomentumStep implements [backend.Optimizer]. The derived factors are β1,
// 1−β1, β2, 1−β2, lr/(1−β1^t), √(1−β2^t), eps and wd.
func (p *Plain) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	backend.CheckAdaMomentum(who, w, dw, m, v, h)
	adaMomentum(p.f32(w), p.f32(dw), p.f32(m), p.f32(v), h)
}

func adaMomentum(w, dw, m, v []float32, h backend.Adam) {
	beta1, fresh1 := float32(h.Beta1), float32(1-h.Beta1)
	beta2, fresh2 := float32(h.Beta2), float32(1-h.Beta2)
	t := float64(h.Step)
	rate := float32(h.LR / (1 - math.Pow(h.Beta1, t)))
	root := float32(math.Sqrt(1 - math.Pow(h.Beta2, t)))
	eps, decay := float32(h.Eps), float32(h.WeightDecay)
	dw, m, v = dw[:len(w)], m[:len(w)], v[:len(w)]
	for i, old := range w {
		g := dw[i] + float32(decay*old)
		m[i] = float32(beta1*m[i]) + float32(fresh1*g)
		v[i] = float32(beta2*v[i]) + float32(fresh2*float32(m[i]*m[i])) + eps
		w[i] = old - float32(float32(rate*m[i])/(float32(math.Sqrt(float64(v[i])))/root))
	}
}

type adaMomentumTask struct {
	w, dw, m, v []float32
	h           backend.Adam
}

func (t *adaMomentumTask) part(i, _ int) {
	lo, hi := within(i, len(t.w))
	adaMomentum(t.w[lo:hi], t.dw[lo:hi], t.m[lo:hi], t.v[lo:hi], t.h)
}

// AdaMomentumStep implements [backend.Optimizer].
func (c *CPU) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	backend.CheckAdaMomentum(who, w, dw, m, v, h)
	W := c.f32(w)
	run(c, pieces(len(W)), adaMomentumTask{W, c.f32(dw), c.f32(m), c.f32(v), h})
}
