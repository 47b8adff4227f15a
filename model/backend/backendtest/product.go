package backendtest

import (
	"math"
	"math/rand/v2"
	"strings"

	"gputrain/lut"
	"gputrain/model/backend"
)

// terms calls f once for every term of every output of a product or a
// convolution: the indices of the output, the weight and the activation that
// meet in it, x being −1 for a tap outside the image. All oracles of products
// are one statement inside these loops.
type terms func(f func(y, w, x int))

// terms of Y[b,m,n] = Σ_k W[b,m,k]·X[b,k,n].
func (s MatMulShape) terms() terms {
	return func(f func(y, w, x int)) {
		for b := range max(1, s.Batch) {
			for m := range s.M {
				for n := range s.N {
					for k := range s.K {
						f((b*s.M+m)*s.N+n, (b*s.M+m)*s.K+k, (b*s.K+k)*s.N+n)
					}
				}
			}
		}
	}
}

// shapes returns the shapes of y, w and x.
func (s MatMulShape) shapes() (y, w, x backend.Shape) {
	y, w, x = backend.Shape{s.M, s.N}, backend.Shape{s.M, s.K}, backend.Shape{s.K, s.N}
	if s.Batch > 0 {
		y = append(backend.Shape{s.Batch}, y...)
		w = append(backend.Shape{s.Batch}, w...)
		x = append(backend.Shape{s.Batch}, x...)
	}
	return y, w, x
}

// output returns OH and OW by counting the positions of the filter.
func (s ConvShape) output() (oh, ow int) {
	count := func(size, kernel, stride, pad, dilation int) int {
		n := 0
		for top := -pad; top+(kernel-1)*max(1, dilation) < size+pad; top += max(1, stride) {
			n++
		}
		return n
	}
	g := s.Geometry
	return count(s.H, s.KH, g.Stride[0], g.Pad[0], g.Dilation[0]),
		count(s.W, s.KW, g.Stride[1], g.Pad[1], g.Dilation[1])
}

// terms of Y[n,o,i,j] = Σ W[o,c,p,q]·X[n,c',i·sh−ph+p·dh,j·sw−pw+q·dw].
func (s ConvShape) terms() terms {
	g := s.Geometry
	groups := max(1, g.Groups)
	sh, sw := max(1, g.Stride[0]), max(1, g.Stride[1])
	dh, dw := max(1, g.Dilation[0]), max(1, g.Dilation[1])
	cin, cout := s.Cin/groups, s.Cout/groups
	oh, ow := s.output()
	return func(f func(y, w, x int)) {
		for n := range s.N {
			for o := range s.Cout {
				for i := range oh {
					for j := range ow {
						y := ((n*s.Cout+o)*oh+i)*ow + j
						for c := range cin {
							for p := range s.KH {
								for q := range s.KW {
									w := ((o*cin+c)*s.KH+p)*s.KW + q
									h, v := i*sh-g.Pad[0]+p*dh, j*sw-g.Pad[1]+q*dw
									if h < 0 || h >= s.H || v < 0 || v >= s.W {
										f(y, w, -1)
										continue
									}
									f(y, w, ((n*s.Cin+o/cout*cin+c)*s.H+h)*s.W+v)
								}
							}
						}
					}
				}
			}
		}
	}
}

// shapes returns the shapes of y, w and x.
func (s ConvShape) shapes() (y, w, x backend.Shape) {
	oh, ow := s.output()
	return backend.Shape{s.N, s.Cout, oh, ow}, s.Filters(), s.Images()
}

// A quantizer is {s, inv, Z} with a column for each channel, or one for all.
type quantizer struct{ s, inv, z []float32 }

// newQuantizer returns random columns for op. Z is never 0 but where that is
// the only choice, unless zero is set, as of a symmetric quantizer.
func newQuantizer(rnd *rand.Rand, op lut.Operand, columns int, zero bool) quantizer {
	q := quantizer{make([]float32, columns), make([]float32, columns), make([]float32, columns)}
	for c := range columns {
		s := 0.001 + 0.02*rnd.Float64()
		q.s[c], q.inv[c] = float32(s), float32(1/s)
		for !zero && q.z[c] == 0 {
			q.z[c] = float32(op.Value(rnd.IntN(op.Count())))
		}
	}
	return q
}

// data is the content of the tensor, of shape [3, columns], or [3].
func (q quantizer) data() []float32 {
	return append(append(append([]float32(nil), q.s...), q.inv...), q.z...)
}

func (q quantizer) column(channel int) int { return min(channel, len(q.s)-1) }

// scale returns s of a channel.
func (q quantizer) scale(channel int) float32 { return q.s[q.column(channel)] }

// zero returns Z of a channel.
func (q quantizer) zero(channel int) int { return int(q.z[q.column(channel)]) }

// A product is a product or convolution of codes: the data, and the oracles of
// the operations on it.
type product struct {
	am         *lut.Table
	g          lut.Gradients
	ys, ws, xs backend.Shape
	terms      terms
	row        int // weights of one output channel
	padding    backend.Padding
	w, x       []uint8
	qw, qx     quantizer
	perChannel bool
}

// An options says which of the ways to quantize a product uses.
type options struct {
	perChannel bool // of the weight
	symmetric  bool // Z = 0 for both
	padding    backend.Padding
}

// newProduct returns a product of random codes.
func newProduct(rnd *rand.Rand, am *lut.Table, g lut.Gradients, ys, ws, xs backend.Shape, row int, t terms, o options) *product {
	columns := 1
	if o.perChannel {
		columns = ws.Len() / row
	}
	return &product{
		am: am, g: g, ys: ys, ws: ws, xs: xs, terms: t, row: row, padding: o.padding, perChannel: o.perChannel,
		w: codes(rnd, ws.Len(), am.W()), x: codes(rnd, xs.Len(), am.X()),
		qw: newQuantizer(rnd, am.W(), columns, o.symmetric), qx: newQuantizer(rnd, am.X(), 1, o.symmetric),
	}
}

// product returns the product of random codes of a shape.
func (s MatMulShape) product(rnd *rand.Rand, am *lut.Table, g lut.Gradients, o options) *product {
	y, w, x := s.shapes()
	return newProduct(rnd, am, g, y, w, x, s.K, s.terms(), o)
}

// product returns the convolution of random codes of a shape.
func (s ConvShape) product(rnd *rand.Rand, am *lut.Table, g lut.Gradients, o options) *product {
	y, w, x := s.shapes()
	return newProduct(rnd, am, g, y, w, x, w.Len()/s.Cout, s.terms(), o)
}

// weight returns the value W of weight i.
func (p *product) weight(i int) int { return p.am.W().Value(int(p.w[i])) }

// activation returns the value X of activation i, or of the tap outside the
// image that i = −1 stands for.
func (p *product) activation(i int) int {
	switch {
	case i >= 0:
		return p.am.X().Value(int(p.x[i]))
	case p.padding == backend.PadIntZero:
		return 0
	}
	return p.qx.zero(0)
}

// alone reports whether activation i is a tap of which only AM and its
// gradient count, and no zero point: the value 0 outside the image.
func (p *product) alone(i int) bool { return i < 0 && p.padding == backend.PadIntZero }

// sums returns Y = Σ AM(W, X).
func (p *product) sums() []int32 {
	y := make([]int64, p.ys.Len())
	p.terms(func(yi, wi, xi int) {
		y[yi] += int64(p.am.At(p.weight(wi), p.activation(xi)))
	})
	return narrow(y)
}

// narrow converts to int32, wrapping.
func narrow(v []int64) []int32 {
	n := make([]int32, len(v))
	for i, v := range v {
		n[i] = int32(v)
	}
	return n
}

// dequantized returns the real product of the sums acc. Each term of a sum
// brings −Z_x·W − Z_w·X + Z_w·Z_x into the bracket of Eq. 8.
func (p *product) dequantized(acc []int32) []float32 {
	bracket, scale := make([]int64, len(acc)), make([]float32, len(acc))
	for i, v := range acc {
		bracket[i] = int64(v)
	}
	p.terms(func(yi, wi, xi int) {
		m := wi / p.row
		scale[yi] = p.qw.scale(m) * p.qx.scale(0)
		if p.alone(xi) {
			return
		}
		W, X, Zw, Zx := p.weight(wi), p.activation(xi), p.qw.zero(m), p.qx.zero(0)
		bracket[yi] += int64(-Zx*W - Zw*X + Zw*Zx)
	})
	y := make([]float32, len(acc))
	for i, b := range narrow(bracket) {
		y[i] = float32(b) * scale[i]
	}
	return y
}

// spread adds d·g(W, X) to s, one term for a Full gradient and one for each
// rank of a Factored one.
func spread(s *sum, d float64, g *lut.Gradient, w, x int) {
	if g.Form() == lut.Full {
		s.add(d * float64(g.Values()[w*g.X().Count()+x]))
		return
	}
	rank, u, v := g.Factors()
	for r := range rank {
		s.add(d * float64(u[r*g.W().Count()+w]) * float64(v[r*g.X().Count()+x]))
	}
}

// backwardW returns dw = s_x·Σ dY·(g_W − Z_x).
func (p *product) backwardW(dy []float32) []Approx {
	dw := make([]sum, len(p.w))
	p.terms(func(yi, wi, xi int) {
		d, s := float64(dy[yi]), &dw[wi]
		spread(s, d, p.g.DW, int(p.w[wi]), p.am.X().Code(p.activation(xi)))
		if !p.alone(xi) {
			s.add(-d * float64(p.qx.zero(0)))
		}
	})
	return approx(dw, float64(p.qx.scale(0)))
}

// backwardX returns dx = Σ D·(g_X − Z_w), D = s_w·dY rounded to float32.
func (p *product) backwardX(dy []float32) []Approx {
	dx := make([]sum, len(p.x))
	p.terms(func(yi, wi, xi int) {
		if xi < 0 {
			return
		}
		m := wi / p.row
		d, s := float64(p.qw.scale(m)*dy[yi]), &dx[xi]
		spread(s, d, p.g.DX, int(p.w[wi]), int(p.x[xi]))
		s.add(-d * float64(p.qw.zero(m)))
	})
	return approx(dx, 1)
}

// quantized makes the operands of p arguments of an operation.
func (p *product) quantized(r *rig) (w, x backend.Quantized) {
	shape := backend.Shape{3}
	if p.perChannel {
		shape = backend.Shape{3, len(p.qw.s)}
	}
	w = backend.Quantized{Code: r.in("w", p.ws, p.w).T, Q: r.in("the quantizer of w", shape, p.qw.data()).T}
	x = backend.Quantized{Code: r.in("x", p.xs, p.x).T, Q: r.in("the quantizer of x", backend.Shape{3}, p.qx.data()).T}
	return w, x
}

// tabler is what makes a multiplier resident.
type tabler interface {
	backend.Memory
	NewTables(t *lut.Table, g lut.Gradients) backend.Tables
	FreeTables(t backend.Tables)
}

// A productCase is a product with its name.
type productCase struct {
	name string
	*product
	geometry backend.Conv2D // of a convolution
}

// with runs f on the arguments of the case, its tables resident in b.
func (c productCase) with(t T, b tabler, f func(t T, r *rig, w, x backend.Quantized, tables backend.Tables)) {
	t.Run(c.name, func(t T) {
		r := newRig(t, b)
		defer r.free()
		tables := b.NewTables(c.am, c.g)
		defer b.FreeTables(tables)
		w, x := c.quantized(r)
		f(t, r, w, x, tables)
	})
}

// matMulCases calls f with all products under test: all shapes with two
// multipliers, those of attention with both forms of gradient, then few shapes
// with every multiplier and kind of gradient. A forward pass asks for one only.
func matMulCases(forward bool, f func(productCase)) {
	add := func(am *lut.Table, k gradientKind, s MatMulShape, o options) {
		if s.Batch > 0 && o.perChannel {
			return
		}
		name := am.Name() + "/" + k.name + o.suffix() + "/" + s.String()
		f(productCase{name: name, product: s.product(seeded(name), am, k.gradients(am), o)})
	}
	all := Multipliers()
	for i, s := range MatMulShapes {
		add(all[0], gradientKinds[i%len(gradientKinds)], s, options{})
		add(all[1], gradientKinds[(i+3)%len(gradientKinds)], s, options{perChannel: true})
	}
	for _, s := range AttentionShapes {
		for _, k := range gradientKinds {
			if k.name == "int16" || k.name == "rank3" && !forward {
				add(all[0], k, s, options{})
			}
		}
	}
	for _, am := range all {
		for i, k := range gradientKinds {
			if forward && i > 0 {
				break
			}
			for _, s := range fewMatMulShapes {
				add(am, k, s, options{})
				add(am, k, s, options{perChannel: true, symmetric: am.W().Signed})
			}
		}
	}
}

// convCases calls f with all convolutions under test: all shapes under both
// paddings, per tensor and per channel, then few shapes with every multiplier
// and form of gradient.
func convCases(forward bool, f func(productCase)) {
	add := func(am *lut.Table, k gradientKind, s ConvShape, o options) {
		name := am.Name() + "/" + k.name + o.suffix() + "/" + o.padding.String() + "/" + s.String()
		g := s.Geometry
		g.Padding = o.padding
		f(productCase{name, s.product(seeded(name), am, k.gradients(am), o), g})
	}
	all := Multipliers()
	paddings := []backend.Padding{backend.PadZeroPoint, backend.PadIntZero}
	for i, s := range ConvShapes {
		for j, padding := range paddings {
			for k, perChannel := range []bool{false, true} {
				add(all[(i+k)%3], gradientKinds[(i+3*j+5*k)%len(gradientKinds)], s, options{perChannel: perChannel, padding: padding})
			}
		}
	}
	for i, am := range all {
		for j, k := range gradientKinds {
			if forward && j > 0 {
				break
			}
			for _, s := range fewConvShapes {
				for _, padding := range paddings {
					add(am, k, s, options{perChannel: (i+j)%2 == 0, padding: padding})
				}
			}
		}
	}
}

// backwardMatMulCases calls f with the products of matMulCases and a dY for
// each, and then with two more: of one tables that hold only ∂AM/∂name, of the
// other a dY with a NaN, which must reach what it is summed into and nothing
// else.
func backwardMatMulCases(name string, f func(c productCase, dy []float32)) {
	matMulCases(false, func(c productCase) { f(c, gradientsOf(seeded(c.name+"/dy"), c.ys.Len())) })
	s := MatMulShape{M: 17, K: 9, N: 18}
	for _, c := range specialCases(name, s.product) {
		c.name += s.String()
		f(c, withNaN(c))
	}
}

// backwardConvCases is backwardMatMulCases for convolutions.
func backwardConvCases(name string, f func(c productCase, dy []float32)) {
	convCases(false, func(c productCase) { f(c, gradientsOf(seeded(c.name+"/dy"), c.ys.Len())) })
	s := conv(2, 4, 5, 6, 6, 3, 2, square(1, 1, 1, 2))
	for _, c := range specialCases(name, s.product) {
		c.name, c.geometry = c.name+s.String(), s.Geometry
		f(c, withNaN(c))
	}
}

func specialCases(name string, product func(*rand.Rand, *lut.Table, lut.Gradients, options) *product) []productCase {
	var all []productCase
	am := Multipliers()[0]
	for _, k := range gradientKinds {
		g := k.gradients(am)
		all = append(all, productCase{name: "NaN in dy/" + k.name + "/", product: product(seeded(k.name), am, g, options{})})
		if name == "W" {
			g.DX = nil
		} else {
			g.DW = nil
		}
		all = append(all, productCase{name: "only ∂AM/∂" + name + "/" + k.name + "/", product: product(seeded(k.name), am, g, options{})})
	}
	return all
}

// withNaN returns a dY for c, with a NaN if the case's name says so.
func withNaN(c productCase) []float32 {
	dy := gradientsOf(seeded(c.name), c.ys.Len())
	if strings.HasPrefix(c.name, "NaN") {
		dy[len(dy)*2/3] = float32(math.NaN())
	}
	return dy
}

func (o options) suffix() string {
	s := ""
	if o.perChannel {
		s += ",per-channel"
	}
	if o.symmetric {
		s += ",Z=0"
	}
	return s
}
