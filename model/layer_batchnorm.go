package model

import "gputrain/model/backend"

// torchBatchNorm are PyTorch's defaults.
var torchBatchNorm = backend.BatchNormHyper{Eps: 1e-5, Momentum: 0.1}

// A batchNorm normalises each channel over the batch, and in evaluation, or
// when it is frozen, by the running statistics.
type batchNorm struct {
	common
	t       backend.BatchNormParams
	saved   backend.Tensor // μ and 1/σ of the batch
	batches int64          // num_batches_tracked
	store   *store
	frozen  bool // in the last forward pass of training
}

func (p *planner) batchNorm(name string, x *value) *value {
	if p.err != nil {
		return x
	}
	if n := x.shape.Len() / x.shape[1]; n < 2 {
		p.fail(name, "%d element a channel in %v, want at least 2: a larger batch or image", n, x.shape)
		return x
	}
	return p.add(&batchNorm{common: common{b: p.b, name: name, kind: "batchnorm", x: x, y: p.value(name, backend.F32, x.shape)}})
}

func (l *batchNorm) allocate(s *store) {
	l.store = s
	c := backend.Shape{l.x.shape[1]}
	gamma := s.param(l.name+".weight", c, constant(1))
	beta := s.param(l.name+".bias", c, constant(0))
	l.params = []Param{gamma, beta}
	l.t = backend.BatchNormParams{Gamma: gamma.Value, Beta: beta.Value,
		Mean:     s.buffer(l.name+".running_mean", c, 0),
		Variance: s.buffer(l.name+".running_var", c, 1)}
	s.counter(l.name+".num_batches_tracked", &l.batches)
	l.saved = s.tensor("activations", backend.F32, backend.Shape{2, c[0]})
}

func (l *batchNorm) forward(train bool) {
	if train {
		l.frozen = l.store.frozenNorm
	}
	if !train || l.frozen {
		l.b.BatchNormInference(l.y.t, l.x.t, l.t, torchBatchNorm)
		return
	}
	l.b.BatchNorm(l.y.t, l.x.t, l.t, l.saved, torchBatchNorm)
	l.batches++
}

func (l *batchNorm) differentiate(p *planner) {
	l.dy = p.gradient(l.y)
	l.dx = p.value(l.name, backend.F32, l.x.shape) // computed with dγ and dβ, wanted or not
	p.backward(l, l.dx, l.dy, l.x)
	p.contribute(l.name, l.x, l.dx)
}

func (l *batchNorm) backward() {
	if l.frozen {
		l.b.BatchNormFrozenBackward(l.dx.t, l.params[0].Grad, l.params[1].Grad, l.dy.t, l.x.t, l.t, torchBatchNorm)
		return
	}
	l.b.BatchNormBackward(l.dx.t, l.params[0].Grad, l.params[1].Grad, l.dy.t, l.x.t, l.t.Gamma, l.saved)
}
