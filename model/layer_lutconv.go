package model

import "gputrain/model/backend"

// A lutConv is a convolution, or a linear layer, whose products come from a
// table. Of the forward pass it keeps the codes of x, and x itself only where
// the gradient of x needs the mask of quantization.
type lutConv struct {
	conv
	m      Multiplier
	tables backend.Tables
	xq, wq quantizer

	xcode *value
	wcode backend.Tensor
	acc   *value // I32: the sums of products
}

func (l *lutConv) allocate(s *store) {
	l.conv.allocate(s)
	l.wq.allocate(s)
	l.xq.allocate(s)
	l.wcode = s.tensor("state", backend.U8, l.w4)
	l.tables = s.resident(l.m)
}

func (l *lutConv) forward(train bool) {
	l.xq.quantize(l.xcode.t, l.x.t, train)
	l.wq.quantize(l.wcode, l.w, train)
	w, x := l.wq.with(l.wcode), l.xq.with(l.xcode.t)
	l.b.LUTConv2D(l.acc.t, w, x, l.geo, l.tables)
	l.b.DequantizeConv2D(l.y.t, l.acc.t, w, x, l.geo, l.tables)
	if l.bias {
		l.b.AddBias(l.y.t, l.params[1].Value)
	}
}

func (l *lutConv) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx != nil {
		p.backward(l, l.dx, l.dy, l.xcode, l.x)
	} else {
		p.backward(l, l.dy, l.xcode)
	}
	p.contribute(l.name, l.x, l.dx)
}

func (l *lutConv) backward() {
	w, x := l.wq.with(l.wcode), l.xq.with(l.xcode.t)
	l.b.LUTConv2DBackwardW(l.dw, l.dy.t, w, x, l.geo, l.tables)
	l.wq.mask(l.dw, l.w)
	l.biasBackward()
	if l.dx != nil {
		l.b.LUTConv2DBackwardX(l.dx.t, l.dy.t, w, x, l.geo, l.tables)
		l.xq.mask(l.dx.t, l.x.t)
	}
}
