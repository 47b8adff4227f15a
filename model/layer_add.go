package model

import "gputrain/model/backend"

// An add is y = a + x, the end of a residual block. Both gradients are that
// of y, so its backward pass computes nothing.
type add struct {
	common
	a *value
}

func (p *planner) sum(name string, a, x *value) *value {
	if p.err != nil {
		return x
	}
	if !a.shape.Equal(x.shape) {
		p.fail(name, "sum of %v and %v", a.shape, x.shape)
		return x
	}
	y := p.value(name, backend.F32, x.shape)
	y.inPlace = []*value{a, x}
	return p.add(&add{common{b: p.b, name: name, kind: "add", x: x, y: y}, a}, a)
}

func (l *add) forward(bool) { l.b.Add(l.y.t, l.a.t, l.x.t) }

func (l *add) differentiate(p *planner) {
	dy := p.gradient(l.y)
	p.contribute(l.name, l.a, dy)
	p.contribute(l.name, l.x, dy)
}
