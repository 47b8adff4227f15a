package model

import "gputrain/model/backend"

// A relu is y = max(x, 0). It works in place where nothing else reads x.
type relu struct{ common }

func (p *planner) relu(name string, x *value) *value {
	if p.err != nil {
		return x
	}
	y := p.value(name, backend.F32, x.shape)
	y.inPlace = []*value{x}
	return p.add(&relu{common{b: p.b, name: name, kind: "relu", x: x, y: y}})
}

func (l *relu) forward(bool) { l.b.ReLU(l.y.t, l.x.t) }

func (l *relu) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy, l.y)
	p.contribute(l.name, l.x, l.dx)
}

func (l *relu) backward() { l.b.ReLUBackward(l.dx.t, l.dy.t, l.y.t) }
