package backendtest

import "gputrain/model/backend"

// BatchNormFrozenBackward implements [backend.Layers].
func (p *Pair) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, b backend.BatchNormParams, h backend.BatchNormHyper) {
	const op = "BatchNormFrozenBackward"
	wantX, wantGamma, wantBeta := frozenGradients(x.Shape(), p.floats(dy), p.floats(x), p.floats(b.Gamma), p.floats(b.Mean), p.floats(b.Variance), h)
	p.both(op, func(s side) {
		s.BatchNormFrozenBackward(s.of(dx), s.of(dgamma), s.of(dbeta), s.of(dy), s.of(x), s.params(b), h)
	})
	p.near(op, "dbeta", dbeta, wantBeta)
	p.near(op, "dgamma", dgamma, wantGamma)
	p.near(op, "dx", dx, wantX)
}

// ReLU6 implements [backend.Layers].
func (p *Pair) ReLU6(y, x backend.Tensor) {
	p.force(x)
	p.both("ReLU6", func(s side) { s.ReLU6(s.of(y), s.of(x)) })
	p.same("ReLU6", "y", y)
}

// ReLU6Backward implements [backend.Layers].
func (p *Pair) ReLU6Backward(dx, dy, y backend.Tensor) {
	p.force(dy)
	p.force(y)
	p.both("ReLU6Backward", func(s side) { s.ReLU6Backward(s.of(dx), s.of(dy), s.of(y)) })
	p.same("ReLU6Backward", "dx", dx)
}

// Dropout implements [backend.Layers].
func (p *Pair) Dropout(y, x backend.Tensor, rate float64, seed uint64) {
	p.force(x)
	p.both("Dropout", func(s side) { s.Dropout(s.of(y), s.of(x), rate, seed) })
	p.same("Dropout", "y", y)
}
