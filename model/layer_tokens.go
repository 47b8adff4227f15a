package model

import "gputrain/model/backend"

// Tokens are [N, C, 1, L]: L of C channels each, channels first as in images,
// so that a linear layer over tokens is a convolution with 1×1 filters, and
// the output of a patch embedding [N, C, H, W] is H·W tokens as it stands.

// linearTokens adds y[n,:,l] = w·x[n,:,l] + b, w [out, C], for each token. The
// weight starts from N(0, sd²), the bias from 0.
func (p *planner) linearTokens(name, joint string, x *value, out int, sd float64) *value {
	if p.err != nil {
		return x
	}
	return p.products(name, "linear", x, backend.Shape{out, x.shape[1]}, filter{out: out, kernel: 1, stride: 1, bias: true,
		joint: joint, weights: normal(sd), biases: constant(0)})
}

// An embedding puts the class token before the tokens of the patches and adds
// to each token that of its position:
//
//	y[n,c,0] = class[c] + position[0,c], y[n,c,l] = x[n,c,l−1] + position[l,c]
//
// (Dosovitskiy et al., arXiv 2010.11929, Eq. 1.) The parameters have the
// shapes of timm and torchvision, [1, 1, C] and [1, L, C].
type embedding struct {
	common
	tensors     [2]string // names of class token and position embedding
	yRows       *value    // y as [N, C·L]
	dyRows      *value
	row, rowAdd *value // [C·L]: position transposed, and its gradient
}

// embed adds the embedding of x [N, C, H, W].
func (p *planner) embed(name, class, position string, x *value) *value {
	if p.err != nil {
		return x
	}
	n, c, patches := x.shape[0], x.shape[1], x.shape[2]*x.shape[3]
	y := p.value(name, backend.F32, backend.Shape{n, c, 1, 1 + patches})
	l := &embedding{
		common:  common{b: p.b, name: name, kind: "embedding", x: x, y: y},
		tensors: [2]string{class, position},
		yRows:   p.view(y, backend.Shape{n, c * (1 + patches)}),
		row:     p.value(name, backend.F32, backend.Shape{c * (1 + patches)}),
	}
	return p.add(l, l.row)
}

func (l *embedding) allocate(s *store) {
	c, tokens := l.y.shape[1], l.y.shape[3]
	l.params = []Param{
		s.param(l.tensors[0], backend.Shape{1, 1, c}, normal(1e-6)),
		s.param(l.tensors[1], backend.Shape{1, tokens, c}, normal(0.02)),
	}
}

func (l *embedding) forward(bool) {
	y := l.patches()
	l.b.Copy(l.y.t, y.dst, l.x.t, y.src, y.size)
	n, c, tokens := l.y.shape[0], l.y.shape[1], l.y.shape[3]
	l.b.Copy(l.y.t, backend.Layout{Stride: [4]int{c * tokens, tokens}},
		l.params[0].Value, backend.Layout{Stride: [4]int{0, 1}}, [4]int{n, c, 1, 1})
	// position[l,c] stands at row[c,l].
	l.b.Copy(l.row.t, backend.Layout{Stride: [4]int{tokens, 1}},
		l.params[1].Value, backend.Layout{Stride: [4]int{1, c}}, [4]int{c, tokens, 1, 1})
	l.b.AddBias(l.yRows.t, l.row.t)
}

// A slice is where a Copy finds what belongs together in two tensors.
type slice struct {
	dst, src backend.Layout
	size     [4]int
}

// patches places the tokens of the patches in y, and in x.
func (l *embedding) patches() slice {
	n, c, tokens := l.y.shape[0], l.y.shape[1], l.y.shape[3]
	return slice{
		dst:  backend.Layout{Offset: 1, Stride: [4]int{c * tokens, tokens, 1}},
		src:  backend.Layout{Stride: [4]int{c * (tokens - 1), tokens - 1, 1}},
		size: [4]int{n, c, tokens - 1, 1},
	}
}

func (l *embedding) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	l.dyRows = p.view(l.dy, l.yRows.shape)
	l.rowAdd = p.value(l.name, backend.F32, l.row.shape)
	p.backward(l, l.dx, l.dy, l.rowAdd)
	p.contribute(l.name, l.x, l.dx)
}

// backward sums dy over the images once: that is the gradient of the position
// embedding, and its first token that of the class token.
func (l *embedding) backward() {
	c, tokens := l.y.shape[1], l.y.shape[3]
	l.b.BiasBackward(l.rowAdd.t, l.dyRows.t)
	l.b.Copy(l.params[0].Grad, backend.Layout{Stride: [4]int{1}},
		l.rowAdd.t, backend.Layout{Stride: [4]int{tokens}}, [4]int{c, 1, 1, 1})
	l.b.Copy(l.params[1].Grad, backend.Layout{Stride: [4]int{1, c}},
		l.rowAdd.t, backend.Layout{Stride: [4]int{tokens, 1}}, [4]int{c, tokens, 1, 1})
	y := l.patches()
	l.b.Copy(l.dx.t, y.src, l.dy.t, y.dst, y.size)
}

// A firstToken is y[n,c] = x[n,c,0], what the head reads.
type firstToken struct {
	common
	zero backend.Tensor // one element
}

// firstToken adds one of x [N, C, 1, L]; its result is [N, C, 1, 1].
func (p *planner) firstToken(name string, x *value) *value {
	if p.err != nil {
		return x
	}
	y := p.value(name, backend.F32, backend.Shape{x.shape[0], x.shape[1], 1, 1})
	return p.add(&firstToken{common: common{b: p.b, name: name, kind: "token", x: x, y: y}})
}

func (l *firstToken) allocate(s *store) { l.zero = s.tensor("state", backend.F32, backend.Shape{1}) }

// rows places the first token of each channel of each image.
func (l *firstToken) rows() slice {
	return slice{
		dst:  backend.Layout{Stride: [4]int{1}},
		src:  backend.Layout{Stride: [4]int{l.x.shape[3]}},
		size: [4]int{l.y.shape.Len(), 1, 1, 1},
	}
}

func (l *firstToken) forward(bool) {
	y := l.rows()
	l.b.Copy(l.y.t, y.dst, l.x.t, y.src, y.size)
}

func (l *firstToken) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	p.backward(l, l.dx, l.dy)
	p.contribute(l.name, l.x, l.dx)
}

func (l *firstToken) backward() {
	l.b.Copy(l.dx.t, backend.Layout{Stride: [4]int{1}}, l.zero, backend.Layout{}, [4]int{l.dx.shape.Len(), 1, 1, 1})
	y := l.rows()
	l.b.Copy(l.dx.t, y.src, l.dy.t, y.dst, y.size)
}
