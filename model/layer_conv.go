package model

import (
	"path"
	"slices"

	"gputrain/lut"
	"gputrain/model/backend"
)

// A filter is the size of a convolution's weight and its geometry.
type filter struct {
	out, kernel, stride, pad int
	groups                   int // 0 for 1
	bias                     bool

	joint           string      // between the names of layer and tensor, if not "."
	weights, biases initializer // if not kaimingUniform
}

// conv adds a convolution with square filters of x [N, Cin, H, W].
func (p *planner) conv(name string, x *value, f filter) *value {
	if p.err != nil {
		return x
	}
	return p.products(name, "conv2d", x, backend.Shape{f.out, x.shape[1] / max(f.groups, 1), f.kernel, f.kernel}, f)
}

// linear adds y = w·x + b, w [out, in], for each image of x, all dimensions
// but the first taken as one. It is a convolution of 1×1 images.
func (p *planner) linear(name string, x *value, out int) *value {
	return p.linearFrom(name, x, filter{out: out})
}

// linearFrom is linear with the initial values of f.
func (p *planner) linearFrom(name string, x *value, f filter) *value {
	if p.err != nil {
		return x
	}
	f.kernel, f.stride, f.bias = 1, 1, true
	in := x.shape.Len() / x.shape[0]
	x = p.view(x, backend.Shape{x.shape[0], in, 1, 1})
	y := p.products(name, "linear", x, backend.Shape{f.out, in}, f)
	if p.err != nil {
		return y
	}
	return p.view(y, backend.Shape{x.shape[0], f.out})
}

// products adds a layer of the multiplier that the configuration gives it.
func (p *planner) products(name, kind string, x *value, weight backend.Shape, f filter) *value {
	m := p.multiplier(name, kind)
	geo := backend.Conv2D{
		Stride: [2]int{f.stride, f.stride}, Pad: [2]int{f.pad, f.pad},
		Groups: max(f.groups, 1), Padding: p.config.Quantization.Padding,
	}
	w4 := backend.Shape{f.out, x.shape[1] / geo.Groups, f.kernel, f.kernel}
	out, err := geo.Output(w4, x.shape)
	if err != nil {
		p.fail(name, "%w", err)
		return x
	}
	c := conv{
		common: common{b: p.b, name: name, kind: kind, x: x, y: p.value(name, backend.F32, out), multiplier: m.Name},
		weight: weight, w4: w4, bias: f.bias, geo: geo, joint: f.joint, weights: f.weights, biases: f.biases,
	}
	fanIn := w4[1] * w4[2] * w4[3]
	if c.joint == "" {
		c.joint = "."
	}
	if c.weights == nil {
		c.weights = kaimingUniform(fanIn)
	}
	if c.biases == nil {
		c.biases = kaimingUniform(fanIn)
	}
	K := fanIn
	c.macs = int64(K) * int64(out.Len()/out[0])
	if m.Table == nil {
		return p.add(&c)
	}
	if !p.summable(name, m, K) {
		return x
	}
	cfg := p.config.Quantization
	l := &lutConv{conv: c, m: m}
	l.xq, err = p.newQuantizer(name+".input_quantizer", m.Table.X(), cfg.ActivationSymmetric, cfg.ActivationObserver)
	if err != nil {
		p.fail(name, "input: %w", err)
		return x
	}
	l.wq, err = p.newQuantizer(name+".weight_quantizer", m.Table.W(), cfg.WeightSymmetric, cfg.WeightObserver)
	if err != nil {
		p.fail(name, "weight: %w", err)
		return x
	}
	if cfg.WeightPerChannel {
		l.wq.columns = f.out
	}
	l.xcode = p.value(name, backend.U8, x.shape)
	l.acc = p.value(name, backend.I32, out)
	return p.add(l, l.xcode, l.acc)
}

// summable reports whether int32 holds every sum of K products of m, which has
// a table, and blames the layer if not.
func (p *planner) summable(name string, m Multiplier, K int) bool {
	limit := m.Table.MaxK()
	if K > limit {
		p.fail(name, "sums of %d products of %s may overflow int32, want at most %d: keep the layer in float", K, m.Name, limit)
	}
	return K <= limit
}

// multiplier returns that of the last rule that matches the name, else that of
// the ends for one of them, else that of its kind, else the default.
func (p *planner) multiplier(name, kind string) Multiplier {
	m := p.config.Default
	if kind == "linear" && p.config.Linear != nil {
		m = *p.config.Linear
	}
	if slices.Contains(p.ends, name) {
		m = *p.config.Ends
	}
	for i, r := range p.config.Rules {
		if ok, _ := path.Match(r.Pattern, name); ok { // Build has checked the pattern
			m, p.matched[i] = r.Multiplier, true
		}
	}
	switch {
	case m.Table == nil:
		m.Name = "float"
		return m
	case m.Name == "":
		m.Name = m.Table.Name()
	}
	for _, g := range []struct {
		name string
		*lut.Gradient
	}{{"W", m.Gradients.DW}, {"X", m.Gradients.DX}} {
		if g.Gradient != nil && (g.W() != m.Table.W() || g.X() != m.Table.X()) {
			p.fail(name, "∂AM/∂%s is for %v×%v operands, %s is %v×%v",
				g.name, g.W(), g.X(), m.Name, m.Table.W(), m.Table.X())
		}
	}
	return m
}

// A conv is a convolution in float32, or a linear layer.
type conv struct {
	common
	weight backend.Shape // as saved: [Cout, Cin, KH, KW] or [out, in]
	w4     backend.Shape // [Cout, Cin, KH, KW] in either case
	bias   bool
	geo    backend.Conv2D

	joint           string // of layer and tensor in names
	weights, biases initializer

	w, dw backend.Tensor // of shape w4
}

func (l *conv) allocate(s *store) {
	w := s.param(l.name+l.joint+"weight", l.weight, l.weights)
	l.params = []Param{w}
	l.w, l.dw = w.Value, w.Grad
	if l.kind == "linear" {
		l.w, l.dw = s.b.View(w.Value, l.w4), s.b.View(w.Grad, l.w4)
	}
	if l.bias {
		l.params = append(l.params, s.param(l.name+l.joint+"bias", backend.Shape{l.w4[0]}, l.biases))
	}
}

func (l *conv) forward(bool) {
	l.b.Conv2D(l.y.t, l.w, l.x.t, l.geo)
	if l.bias {
		l.b.AddBias(l.y.t, l.params[1].Value)
	}
}

func (l *conv) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	p.backward(l, l.dx, l.dy, l.x)
	p.contribute(l.name, l.x, l.dx)
}

func (l *conv) backward() {
	l.b.Conv2DBackwardW(l.dw, l.dy.t, l.x.t, l.geo)
	l.biasBackward()
	if l.dx != nil {
		l.b.Conv2DBackwardX(l.dx.t, l.dy.t, l.w, l.geo)
	}
}

func (l *conv) biasBackward() {
	if l.bias {
		l.b.BiasBackward(l.params[1].Grad, l.dy.t)
	}
}
