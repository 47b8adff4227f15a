package model

import (
	"math"

	"gputrain/model/backend"
)

// attention adds multi-head self-attention (Vaswani et al., arXiv 1706.03762,
// section 3.2) of x [N, C, 1, L], but for the linear layers before and after
// it: x is qkv [N, 3C, 1, L], queries, keys and values one after another, each
// in heads of dh = C/heads channels. For each image and head
//
//	s[j,i] = Σ_d k[d,j]·q[d,i], W the keys and X the queries
//	a[j,i] = softmax of s[j,i]/√dh over the tokens j that i attends to
//	o[d,i] = Σ_j v[d,j]·a[j,i], W the values and X the attention weights
//
// Both products are layers of their own, NAME.qk and NAME.av.
func (p *planner) attention(name string, x *value, heads int) *value {
	if p.err != nil {
		return x
	}
	n, c, tokens := x.shape[0], x.shape[1]/3, x.shape[3]
	q, k, v := p.splitHeads(name+".split", x, heads)
	s := p.matmul(name+".qk", "W = keys, X = queries", k, q)
	a := p.softmax(name+".softmax", s, float32(1/math.Sqrt(float64(c/heads))))
	o := p.matmul(name+".av", "W = values, X = attention weights", v, a)
	if p.err != nil {
		return x
	}
	return p.view(o, backend.Shape{n, c, 1, tokens})
}

// A split takes queries, keys and values out of the output of one linear
// layer: q and v [N·heads, dh, L], k transposed, [N·heads, L, dh].
type split struct {
	common // y is q
	heads  int
	k, v   *value
	dk, dv *value
}

func (p *planner) splitHeads(name string, x *value, heads int) (q, k, v *value) {
	batch, dh, tokens := x.shape[0]*heads, x.shape[1]/3/heads, x.shape[3]
	q = p.value(name, backend.F32, backend.Shape{batch, dh, tokens})
	k = p.value(name, backend.F32, backend.Shape{batch, tokens, dh})
	v = p.value(name, backend.F32, q.shape)
	k.needsGrad, v.needsGrad = true, true
	l := &split{common: common{b: p.b, name: name, kind: "split", x: x, y: q}, heads: heads, k: k, v: v}
	return p.add(l, k, v), k, v
}

// place returns where q (0), k (1) or v (2) stands in its own tensor, and in
// qkv.
func (l *split) place(which int) slice {
	n, c, tokens := l.x.shape[0], l.x.shape[1]/3, l.x.shape[3]
	src := backend.Layout{Offset: which * c * tokens}
	if which != 1 {
		src.Stride = [4]int{3 * c * tokens, 1}
		return slice{backend.Layout{Stride: [4]int{c * tokens, 1}}, src, [4]int{n, c * tokens, 1, 1}}
	}
	dh := c / l.heads
	src.Stride = [4]int{3 * c * tokens, dh * tokens, tokens, 1}
	return slice{backend.Layout{Stride: [4]int{c * tokens, tokens * dh, 1, dh}}, src, [4]int{n, l.heads, dh, tokens}}
}

func (l *split) forward(bool) {
	for i, y := range [...]*value{l.y, l.k, l.v} {
		at := l.place(i)
		l.b.Copy(y.t, at.dst, l.x.t, at.src, at.size)
	}
}

func (l *split) differentiate(p *planner) {
	l.dy, l.dk, l.dv, l.dx = p.gradient(l.y), p.gradient(l.k), p.gradient(l.v), p.gradientFor(l.name, l.x)
	p.backward(l, l.dx, l.dy, l.dk, l.dv)
	p.contribute(l.name, l.x, l.dx)
}

func (l *split) backward() {
	for i, dy := range [...]*value{l.dy, l.dk, l.dv} {
		at := l.place(i)
		l.b.Copy(l.dx.t, at.src, dy.t, at.dst, at.size)
	}
}

// A softmax is y[n,c,l] = exp(a·x[n,c,l]) / Σ_c exp(a·x[n,c,l]). It works in
// place where nothing else reads x.
type softmax struct {
	common
	a float32
}

func (p *planner) softmax(name string, x *value, a float32) *value {
	if p.err != nil {
		return x
	}
	y := p.value(name, backend.F32, x.shape)
	y.inPlace = []*value{x}
	return p.add(&softmax{common{b: p.b, name: name, kind: "softmax", x: x, y: y}, a})
}

func (l *softmax) forward(bool) { l.b.Softmax(l.y.t, l.x.t, l.a) }

func (l *softmax) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	l.dx.inPlace = []*value{l.dy}
	p.backward(l, l.dx, l.dy, l.y)
	p.contribute(l.name, l.x, l.dx)
}

func (l *softmax) backward() { l.b.SoftmaxBackward(l.dx.t, l.dy.t, l.y.t, l.a) }
