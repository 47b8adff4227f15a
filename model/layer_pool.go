package model

import "gputrain/model/backend"

// A maxPool takes the greatest x of each window.
type maxPool struct {
	common
	geo   backend.Pool2D
	index *value // where each y stood
}

func (p *planner) maxPool(name string, x *value, geo backend.Pool2D) *value {
	x, out := p.poolInput(name, x, geo)
	if p.err != nil {
		return x
	}
	l := &maxPool{common{b: p.b, name: name, kind: "maxpool", x: x, y: p.value(name, backend.F32, out)}, geo,
		p.value(name, backend.I32, out)}
	return p.add(l, l.index)
}

// poolInput returns x, quantized if the configuration wants it, and the shape
// of its pooling.
func (p *planner) poolInput(name string, x *value, geo backend.Pool2D) (*value, backend.Shape) {
	if p.err != nil {
		return x, nil
	}
	out, err := geo.Output(x.shape)
	if err != nil {
		p.fail(name, "%w", err)
		return x, nil
	}
	if q := p.config.Quantization; q.PoolInputs {
		x = p.fakeQuantize(name+".input_quantizer", x, q.Pool)
	}
	return x, out
}

func (l *maxPool) forward(bool) { l.b.MaxPool2D(l.y.t, l.index.t, l.x.t, l.geo) }

func (l *maxPool) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	p.backward(l, l.dx, l.dy, l.index)
	p.contribute(l.name, l.x, l.dx)
}

func (l *maxPool) backward() { l.b.MaxPool2DBackward(l.dx.t, l.dy.t, l.index.t, l.geo) }

// An avgPool takes the mean of each window.
type avgPool struct {
	common
	geo backend.Pool2D
}

func (p *planner) avgPool(name string, x *value, geo backend.Pool2D) *value {
	x, out := p.poolInput(name, x, geo)
	if p.err != nil {
		return x
	}
	return p.add(&avgPool{common{b: p.b, name: name, kind: "avgpool", x: x, y: p.value(name, backend.F32, out)}, geo})
}

func (l *avgPool) forward(bool) { l.b.AvgPool2D(l.y.t, l.x.t, l.geo) }

func (l *avgPool) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	p.backward(l, l.dx, l.dy)
	p.contribute(l.name, l.x, l.dx)
}

func (l *avgPool) backward() { l.b.AvgPool2DBackward(l.dx.t, l.dy.t, l.geo) }
