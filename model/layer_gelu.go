package model

import "gputrain/model/backend"

// A gelu is y = x·Φ(x), Φ being the distribution function of the standard
// normal (Hendrycks and Gimpel, arXiv 1606.08415).
type gelu struct{ common }

func (p *planner) gelu(name string, x *value) *value {
	if p.err != nil {
		return x
	}
	return p.add(&gelu{common{b: p.b, name: name, kind: "gelu", x: x, y: p.value(name, backend.F32, x.shape)}})
}

func (l *gelu) forward(bool) { l.b.GELU(l.y.t, l.x.t) }

func (l *gelu) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy, l.x)
	p.contribute(l.name, l.x, l.dx)
}

func (l *gelu) backward() { l.b.GELUBackward(l.dx.t, l.dy.t, l.x.t) }
