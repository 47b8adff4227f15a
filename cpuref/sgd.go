package cpuref

import "gputrain/model/backend"

// SGDStep implements [backend.Optimizer].
func (p *Plain) SGDStep(w, dw, v backend.Tensor, h backend.SGD) {
	if v == nil && h.Momentum == 0 {
		backend.CheckStep(who, "SGDStep", w, dw)
		sgd(p.f32(w), p.f32(dw), h)
		return
	}
	backend.CheckStep(who, "SGDStep", w, dw, v)
	sgdMomentum(p.f32(w), p.f32(dw), p.f32(v), h)
}

// sgd makes a step without momentum.
func sgd(w, dw []float32, h backend.SGD) {
	lr, decay := float32(h.LR), float32(h.WeightDecay)
	dw = dw[:len(w)]
	for i, old := range w {
		g := dw[i] + float32(decay*old)
		w[i] = old - float32(lr*g)
	}
}

// sgdMomentum makes a step with momentum.
func sgdMomentum(w, dw, v []float32, h backend.SGD) {
	lr, decay := float32(h.LR), float32(h.WeightDecay)
	mu, fresh := float32(h.Momentum), float32(1-h.Dampening)
	dw, v = dw[:len(w)], v[:len(w)]
	for i, old := range w {
		g := dw[i] + float32(decay*old)
		velocity := g
		if !h.First {
			velocity = float32(mu*v[i]) + float32(fresh*g)
		}
		v[i] = velocity
		if h.Nesterov {
			g += float32(mu * velocity)
		} else {
			g = velocity
		}
		w[i] = old - float32(lr*g)
	}
}

type sgdTask struct {
	w, dw, v []float32 // v is nil without momentum
	h        backend.SGD
}

func (t *sgdTask) part(i, _ int) {
	lo, hi := within(i, len(t.w))
	if t.v == nil {
		sgd(t.w[lo:hi], t.dw[lo:hi], t.h)
	} else {
		sgdMomentum(t.w[lo:hi], t.dw[lo:hi], t.v[lo:hi], t.h)
	}
}

// SGDStep implements [backend.Optimizer].
func (c *CPU) SGDStep(w, dw, v backend.Tensor, h backend.SGD) {
	var V []float32
	if v == nil && h.Momentum == 0 {
		backend.CheckStep(who, "SGDStep", w, dw)
	} else {
		backend.CheckStep(who, "SGDStep", w, dw, v)
		V = c.f32(v)
	}
	W := c.f32(w)
	run(c, pieces(len(W)), sgdTask{W, c.f32(dw), V, h})
}
