package model

import "gputrain/model/backend"

// layerNormEps is the ε of vision transformers, in timm and torchvision alike.
// (That of torch.nn.LayerNorm is 1e-5.)
const layerNormEps = 1e-6

// A layerNorm normalises each token over its channels, in training and
// evaluation alike (Ba, Kiros and Hinton, arXiv 1607.06450).
type layerNorm struct {
	common
	saved *value // [2, N, L]: μ and 1/σ of each token
}

// layerNorm adds one of x [N, C, 1, L].
func (p *planner) layerNorm(name string, x *value) *value {
	if p.err != nil {
		return x
	}
	l := &layerNorm{
		common{b: p.b, name: name, kind: "layernorm", x: x, y: p.value(name, backend.F32, x.shape)},
		p.value(name, backend.F32, backend.Shape{2, x.shape[0], x.shape[3]}),
	}
	return p.add(l, l.saved)
}

func (l *layerNorm) allocate(s *store) {
	c := backend.Shape{l.x.shape[1]}
	l.params = []Param{s.param(l.name+".weight", c, constant(1)), s.param(l.name+".bias", c, constant(0))}
}

func (l *layerNorm) forward(bool) {
	l.b.LayerNorm(l.y.t, l.x.t, l.params[0].Value, l.params[1].Value, l.saved.t, layerNormEps)
}

func (l *layerNorm) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	p.backward(l, l.dx, l.dy, l.x, l.saved)
	p.contribute(l.name, l.x, l.dx)
}

func (l *layerNorm) backward() {
	gamma, beta := l.params[0], l.params[1]
	l.b.LayerNormBackward(l.dx.t, gamma.Grad, beta.Grad, l.dy.t, l.x.t, gamma.Value, l.saved.t)
}
