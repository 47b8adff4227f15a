package model

import "gputrain/model/backend"

// A matmul is a batch of products of activations, y[b] = w[b]·x[b], in
// float32. Both operands come from layers with weights, so both have
// gradients.
type matmul struct {
	common
	w, dw *value // [B, M, K]; x is [B, K, N]
}

// matmul adds the products of w [B, M, K] and x [B, K, N], of the multiplier
// that the configuration gives them. roles says what the operands are.
func (p *planner) matmul(name, roles string, w, x *value) *value {
	if p.err != nil {
		return x
	}
	m := p.multiplier(name, "matmul")
	batch, M, K, N := w.shape[0], w.shape[1], w.shape[2], x.shape[2]
	y := p.value(name, backend.F32, backend.Shape{batch, M, N})
	f := matmul{common: common{b: p.b, name: name, kind: "matmul", x: x, y: y, multiplier: m.Name, roles: roles}, w: w}
	f.macs = int64(K) * int64(y.shape.Len()/p.config.Batch)
	if m.Table == nil {
		return p.add(&f, w)
	}
	if !p.summable(name, m, K) {
		return x
	}
	// W has the sign that the table gives weights, but ranges that move as
	// those of activations do.
	cfg := p.config.Quantization
	l := &lutMatmul{matmul: f, m: m}
	var err error
	l.xq, err = p.newQuantizer(name+".input_quantizer", m.Table.X(), cfg.ActivationSymmetric, cfg.ActivationObserver)
	if err != nil {
		p.fail(name, "input: %w", err)
		return x
	}
	l.wq, err = p.newQuantizer(name+".weight_quantizer", m.Table.W(), cfg.WeightSymmetric, cfg.ActivationObserver)
	if err != nil {
		p.fail(name, "weight: %w", err)
		return x
	}
	l.wcode, l.xcode = p.value(name, backend.U8, w.shape), p.value(name, backend.U8, x.shape)
	l.acc = p.value(name, backend.I32, y.shape)
	return p.add(l, w, l.wcode, l.xcode, l.acc)
}

func (l *matmul) forward(bool) { l.b.MatMul(l.y.t, l.w.t, l.x.t) }

func (l *matmul) differentiate(p *planner) {
	l.gradients(p)
	p.backward(l, l.dw, l.dx, l.dy, l.w, l.x)
	l.contribute(p)
}

func (l *matmul) gradients(p *planner) {
	l.dy, l.dw, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.w), p.gradientFor(l.name, l.x)
}

func (l *matmul) contribute(p *planner) {
	p.contribute(l.name, l.w, l.dw)
	p.contribute(l.name, l.x, l.dx)
}

func (l *matmul) backward() {
	l.b.MatMulBackwardW(l.dw.t, l.dy.t, l.x.t)
	l.b.MatMulBackwardX(l.dx.t, l.dy.t, l.w.t)
}

// A lutMatmul is a matmul whose products come from a table. Of the forward
// pass it keeps the codes of both operands, and the operands themselves for the
// masks of quantization.
type lutMatmul struct {
	matmul
	m      Multiplier
	tables backend.Tables
	xq, wq quantizer

	xcode, wcode *value
	acc          *value // I32: the sums of products
}

func (l *lutMatmul) allocate(s *store) {
	l.wq.allocate(s)
	l.xq.allocate(s)
	l.tables = s.resident(l.m)
}

func (l *lutMatmul) forward(train bool) {
	l.xq.quantize(l.xcode.t, l.x.t, train)
	l.wq.quantize(l.wcode.t, l.w.t, train)
	w, x := l.wq.with(l.wcode.t), l.xq.with(l.xcode.t)
	l.b.LUTMatMul(l.acc.t, w, x, l.tables)
	l.b.DequantizeMatMul(l.y.t, l.acc.t, w, x, l.tables)
}

func (l *lutMatmul) differentiate(p *planner) {
	l.gradients(p)
	p.backward(l, l.dw, l.dx, l.dy, l.wcode, l.xcode, l.w, l.x)
	l.contribute(p)
}

func (l *lutMatmul) backward() {
	w, x := l.wq.with(l.wcode.t), l.xq.with(l.xcode.t)
	l.b.LUTMatMulBackwardW(l.dw.t, l.dy.t, w, x, l.tables)
	l.wq.mask(l.dw.t, l.w.t)
	l.b.LUTMatMulBackwardX(l.dx.t, l.dy.t, w, x, l.tables)
	l.xq.mask(l.dx.t, l.x.t)
}
