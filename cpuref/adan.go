package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// AdanStep implements [backend.Optimizer]. The derived factors are β1, 1−β1,
// β2, 1−β2, β3, 1−β3, 1/(1−β1^t), β2/(1−β2^t), √(1−β3^t), eps, lr and
// 1/(1+lr·wd).
func (p *Plain) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	backend.CheckStep(who, "AdanStep", w, dw, m, v, n, prev)
	adan(p.f32(w), p.f32(dw), p.f32(m), p.f32(v), p.f32(n), p.f32(prev), h)
}

func adan(w, dw, m, v, n, prev []float32, h backend.Adan) {
	beta1, fresh1 := float32(h.Beta1), float32(1-h.Beta1)
	beta2, fresh2 := float32(h.Beta2), float32(1-h.Beta2)
	beta3, fresh3 := float32(h.Beta3), float32(1-h.Beta3)
	t := float64(h.Step)
	mean := float32(1 / (1 - math.Pow(h.Beta1, t)))
	change := float32(h.Beta2 / (1 - math.Pow(h.Beta2, t)))
	root := float32(math.Sqrt(1 - math.Pow(h.Beta3, t)))
	rate, eps, shrink := float32(h.LR), float32(h.Eps), float32(1/(1+float64(h.LR*h.WeightDecay)))
	first := h.Step == 1
	w, m, v, n, prev = w[:len(dw)], m[:len(dw)], v[:len(dw)], n[:len(dw)], prev[:len(dw)]
	for i, g := range dw {
		delta := g - prev[i]
		if first {
			delta = 0
		}
		u := g + float32(beta2*delta)
		m[i] = float32(beta1*m[i]) + float32(fresh1*g)
		v[i] = float32(beta2*v[i]) + float32(fresh2*delta)
		n[i] = float32(beta3*n[i]) + float32(fresh3*float32(u*u))
		eta := rate / (float32(math.Sqrt(float64(n[i])))/root + eps)
		w[i] = (w[i] - float32(eta*(float32(m[i]*mean)+float32(v[i]*change)))) * shrink
		prev[i] = g
	}
}

type adanTask struct {
	w, dw, m, v, n, prev []float32
	h                    backend.Adan
}

func (t *adanTask) part(i, _ int) {
	lo, hi := within(i, len(t.w))
	adan(t.w[lo:hi], t.dw[lo:hi], t.m[lo:hi], t.v[lo:hi], t.n[lo:hi], t.prev[lo:hi], t.h)
}

// AdanStep implements [backend.Optimizer].
func (c *CPU) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	backend.CheckStep(who, "AdanStep", w, dw, m, v, n, prev)
	W := c.f32(w)
	run(c, pieces(len(W)), adanTask{W, c.f32(dw), c.f32(m), c.f32(v), c.f32(n), c.f32(prev), h})
}
