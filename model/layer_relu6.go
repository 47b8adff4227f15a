package model

import "gputrain/model/backend"

// A relu6 is y = min(max(x, 0), 6). It works in place where nothing else reads
// x.
type relu6 struct{ common }

func (p *planner) relu6(name string, x *value) *value {
	if p.err != nil {
		return x
	}
	y := p.value(name, backend.F32, x.shape)
	y.inPlace = []*value{x}
	return p.add(&relu6{common{b: p.b, name: name, kind: "relu6", x: x, y: y}})
}

func (l *relu6) forward(bool) { l.b.ReLU6(l.y.t, l.x.t) }

func (l *relu6) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy, l.y)
	p.contribute(l.name, l.x, l.dx)
}

func (l *relu6) backward() { l.b.ReLU6Backward(l.dx.t, l.dy.t, l.y.t) }
