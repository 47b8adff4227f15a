package model

import "gputrain/model/backend"

// A relu is y = max(x, 0), or y = min(max(x, 0), 6) with six. It works in place
// where nothing else reads x.
type relu struct {
	common
	six bool
}

func (p *planner) relu(name string, x *value) *value  { return p.rectify(name, "relu", x, false) }
func (p *planner) relu6(name string, x *value) *value { return p.rectify(name, "relu6", x, true) }

func (p *planner) rectify(name, kind string, x *value, six bool) *value {
	if p.err != nil {
		return x
	}
	y := p.value(name, backend.F32, x.shape)
	y.inPlace = []*value{x}
	return p.add(&relu{common{b: p.b, name: name, kind: kind, x: x, y: y}, six})
}

func (l *relu) forward(bool) {
	if l.six {
		l.b.ReLU6(l.y.t, l.x.t)
	} else {
		l.b.ReLU(l.y.t, l.x.t)
	}
}

func (l *relu) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy, l.y)
	p.contribute(l.name, l.x, l.dx)
}

func (l *relu) backward() {
	if l.six {
		l.b.ReLU6Backward(l.dx.t, l.dy.t, l.y.t)
	} else {
		l.b.ReLUBackward(l.dx.t, l.dy.t, l.y.t)
	}
}
