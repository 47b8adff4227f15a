package model

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// A fakeQuantize rounds x to the values of an operand, y = s·(q(x) − Z), and
// passes gradients straight through where it did not clamp.
type fakeQuantize struct {
	common
	q    quantizer
	code *value
}

func (p *planner) fakeQuantize(name string, x *value, op lut.Operand) *value {
	cfg := p.config.Quantization
	q, err := p.newQuantizer(name, op, cfg.ActivationSymmetric, cfg.ActivationObserver)
	if err != nil {
		p.fail(name, "%w", err)
		return x
	}
	l := &fakeQuantize{common{b: p.b, name: name, kind: "quantize", x: x, y: p.value(name, backend.F32, x.shape)}, q,
		p.value(name, backend.U8, x.shape)}
	return p.add(l, l.code)
}

func (l *fakeQuantize) allocate(s *store) { l.q.allocate(s) }

func (l *fakeQuantize) forward(train bool) {
	l.q.quantize(l.code.t, l.x.t, train)
	l.b.Dequantize(l.y.t, l.code.t, l.q.q, l.q.op)
}

func (l *fakeQuantize) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy, l.x)
	p.contribute(l.name, l.x, l.dx)
}

func (l *fakeQuantize) backward() {
	l.b.QuantizeBackward(l.dx.t, l.dy.t, l.x.t, l.q.q, l.q.op)
}
