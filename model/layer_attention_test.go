package model

import (
	"math"
	"slices"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// smallTransformer has two blocks of three heads of four channels.
var smallTransformer = transformer{patch: 4, dim: 12, depth: 2, heads: 3, mlp: 24, sd: 0.02, names: timmNames}

// smoothed is a multiplier under the gradients of LUT-2D (Eqs. 4 to 6).
func smoothed(t *testing.T, m Multiplier) Multiplier {
	t.Helper()
	g, err := lut.Estimator{Method: "lut2d", HWS: 2}.Gradients(m.Table)
	if err != nil {
		t.Fatal(err)
	}
	m.Gradients = g
	return m
}

// TestQuantizedAttention trains transformers whose products all come from a
// table, and reads the layers of attention once more in float64, from
// numerics.md and the definition of attention, each from what the layers before
// it have left: integers are equal, floats within the bound. The second step
// and the third clamp what the first range does not hold.
func TestQuantizedAttention(t *testing.T) {
	u8, s8, u4 := lut.Unsigned(8), lut.Signed(8), lut.Unsigned(4)
	percentile := DefaultQuantization()
	percentile.ActivationObserver = backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.5, Percentile: 90}
	for _, tt := range []struct {
		name string
		m    Multiplier
		q    Quantization
	}{
		{"ste", bent(u8, u8), DefaultQuantization()},
		{"lut2d", smoothed(t, bent(u8, u8)), DefaultQuantization()},
		{"signed, lut2d", smoothed(t, bent(s8, s8)), DefaultQuantization()},
		{"4×8 mixed signs, lut2d, percentile", smoothed(t, bent(u4, s8)), percentile},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := cpuref.New()
			n := mustBuildOf(t, smallTransformer.build, b, Config{Input: [3]int{3, 8, 12}, Classes: 10, Batch: 2,
				Quantization: tt.q, Default: tt.m, Seed: 4})
			widen(t, n)
			clamped, checked := 0, 0
			for s := range uint64(3) {
				fill(n, s)
				b.Write(n.Stats(), []float32{0, 0, 0})
				for _, l := range n.layers {
					switch l := l.(type) {
					case *split:
						l.forward(true)
						checkSplit(t, l)
					case *softmax:
						x := readFloats(t, b, l.x.t)
						l.forward(true)
						checkSoftmax(t, l, x)
					case *lutMatmul:
						before := [2][]float32{readFloats(t, b, l.wq.span), readFloats(t, b, l.xq.span)}
						l.forward(true)
						r := productOf(t, l)
						r.checkRange(t, "W", &l.wq, before[0], l.w.t, l.wcode.t)
						r.checkRange(t, "X", &l.xq, before[1], l.x.t, l.xcode.t)
						r.checkForward(t)
					default:
						l.forward(true)
					}
				}
				n.Loss(Loss{Scale: 1})
				for _, st := range n.steps {
					switch l := st.(type) {
					case *split:
						l.backward()
						checkSplitBackward(t, l)
						checked++
					case *softmax:
						dy := readFloats(t, b, l.dy.t)
						l.backward()
						checkSoftmaxBackward(t, l, dy)
						checked++
					case *lutMatmul:
						r := productOf(t, l)
						l.backward()
						clamped += r.checkBackward(t)
						checked++
					default:
						st.backward()
					}
				}
			}
			if checked != 3*2*4 {
				t.Errorf("%d backward passes of attention checked, want 24", checked)
			}
			if clamped == 0 {
				t.Error("no range clamps anything")
			}
		})
	}
}

// widen makes the weights before attention larger than they start, so that
// attention is not the same for all tokens.
func widen(t *testing.T, n *Network) {
	for _, l := range n.layers {
		if c := l.info(); c.kind == "linear" {
			w := readFloats(t, n.b, c.params[0].Value)
			for i := range w {
				w[i] *= 20
			}
			n.b.Write(c.params[0].Value, w)
		}
	}
}

// eachOfQKV calls f with the place of every q, k and v in the split's own
// tensors and in qkv, [N, 3, heads, dh, L].
func eachOfQKV(l *split, f func(which, own, all int)) {
	N, H, T := l.x.shape[0], l.heads, l.x.shape[3]
	dh := l.x.shape[1] / 3 / H
	for n := range N {
		for h := range H {
			for d := range dh {
				for i := range T {
					for which := range 3 {
						own := ((n*H+h)*dh+d)*T + i
						if which == 1 {
							own = ((n*H+h)*T+i)*dh + d
						}
						f(which, own, (((n*3+which)*H+h)*dh+d)*T+i)
					}
				}
			}
		}
	}
}

func checkSplit(t *testing.T, l *split) {
	t.Helper()
	all := readFloats(t, l.b, l.x.t)
	own := [][]float32{readFloats(t, l.b, l.y.t), readFloats(t, l.b, l.k.t), readFloats(t, l.b, l.v.t)}
	eachOfQKV(l, func(which, i, j int) {
		if own[which][i] != all[j] {
			t.Fatalf("%s: element %d of tensor %d is %v, want %v", l.name, i, which, own[which][i], all[j])
		}
	})
}

func checkSplitBackward(t *testing.T, l *split) {
	t.Helper()
	all := readFloats(t, l.b, l.dx.t)
	own := [][]float32{readFloats(t, l.b, l.dy.t), readFloats(t, l.b, l.dk.t), readFloats(t, l.b, l.dv.t)}
	eachOfQKV(l, func(which, i, j int) {
		if own[which][i] != all[j] {
			t.Fatalf("%s: gradient %d is %v, want %v of tensor %d", l.name, j, all[j], own[which][i], which)
		}
	})
}

// columns returns the weights of the tokens that each token attends to, one
// after another: element j of column i of matrix m.
func columns(l *softmax, x []float32) [][]float64 {
	rows, cols := l.x.shape[1], l.x.shape[2]
	var list [][]float64
	for m := range l.x.shape[0] {
		for i := range cols {
			c := make([]float64, rows)
			for j := range c {
				c[j] = float64(x[(m*rows+j)*cols+i])
			}
			list = append(list, c)
		}
	}
	return list
}

func checkSoftmax(t *testing.T, l *softmax, x []float32) {
	t.Helper()
	a := 1 / math.Sqrt(4) // heads of four channels
	got := columns(l, readFloats(t, l.b, l.y.t))
	for i, s := range columns(l, x) {
		sum := 0.0
		for _, v := range s {
			sum += math.Exp(a * v)
		}
		for j, v := range s {
			// The exponent a·s − max rounds twice, then exp, the sum, the quotient.
			top := math.Abs(slices.Max(s)) + math.Abs(slices.Min(s))
			if want := math.Exp(a*v) / sum; !(math.Abs(got[i][j]-want) <= 2*(float64(len(s))+4+2*a*top)*0x1p-24*want) {
				t.Fatalf("%s: token %d attends to %d by %v, want %v", l.name, i, j, got[i][j], want)
			}
		}
	}
}

func checkSoftmaxBackward(t *testing.T, l *softmax, dy []float32) {
	t.Helper()
	a := 1 / math.Sqrt(4)
	got, dys := columns(l, readFloats(t, l.b, l.dx.t)), columns(l, dy)
	for i, y := range columns(l, readFloats(t, l.b, l.y.t)) {
		for j := range y {
			// The Jacobian of softmax, ∂y[k]/∂x[j] = a·y[k]·([j = k] − y[j]).
			want, S := 0.0, 0.0
			for k, d := range dys[i] {
				jacobian := -a * y[k] * y[j]
				if j == k {
					jacobian += a * y[k]
				}
				want += d * jacobian
				S += math.Abs(d) * a * y[j] * y[k]
			}
			S += math.Abs(dys[i][j]) * a * y[j]
			if d := math.Abs(got[i][j] - want); !(d <= 2*float64(len(y)+4)*0x1p-24*S) {
				t.Fatalf("%s: gradient of token %d by %d is %v, want %v", l.name, i, j, got[i][j], want)
			}
		}
	}
}

// A product is a lutMatmul as numerics.md §3 and §4 have it, from the codes and
// quantizers that the layer has left.
type product struct {
	l              *lutMatmul
	B, M, K, N     int
	w, x           []uint8
	sw, zw, sx, zx float64
}

func productOf(t *testing.T, l *lutMatmul) product {
	t.Helper()
	qw, qx := readFloats(t, l.b, l.wq.q), readFloats(t, l.b, l.xq.q)
	return product{
		l: l, B: l.w.shape[0], M: l.w.shape[1], K: l.w.shape[2], N: l.x.shape[2],
		w: readCodes(t, l.b, l.wcode.t), x: readCodes(t, l.b, l.xcode.t),
		sw: float64(qw[0]), zw: float64(qw[2]), sx: float64(qx[0]), zx: float64(qx[2]),
	}
}

// checkRange holds range, quantizer and codes of one operand to numerics.md §2.
func (p product) checkRange(t *testing.T, what string, z *quantizer, before []float32, real, code backend.Tensor) {
	t.Helper()
	name := p.l.name + ": " + what
	v := readFloats(t, z.b, real)
	lo, hi := slices.Min(v), slices.Max(v)
	if z.observer.Kind == backend.ObservePercentile {
		// The percentile itself is an operation with a test of its own; here it
		// suffices that it clips, and that it is used at all.
		after := readFloats(t, z.b, z.span)
		if before[2] == 0 && !(after[0] >= lo && after[1] <= hi && (after[0] > lo || after[1] < hi)) {
			t.Errorf("%s: range %v of values from %v to %v is not clipped", name, after, lo, hi)
		}
		before = after
	} else if m := z.observer.Momentum; before[2] == 0 {
		before = []float32{lo, hi, 1}
	} else {
		before = []float32{float32((1-m)*before[0]) + float32(m*lo), float32((1-m)*before[1]) + float32(m*hi), 1}
	}
	if got := readFloats(t, z.b, z.span); !slices.Equal(got, before) {
		t.Fatalf("%s: range %v, want %v", name, got, before)
	}
	a, c := min(0, float64(before[0])), max(0, float64(before[1]))
	n, qmin, qmax := float64(z.op.Count()), float64(z.op.Min()), float64(z.op.Max())
	s, Z := (c-a)/(n-1), qmin+math.RoundToEven(-a*(n-1)/(c-a))
	if z.op.Signed {
		s, Z = max(-a, c)/(n/2-1), 0
	}
	q := readFloats(t, z.b, z.q)
	if q[0] != float32(s) || q[1] != float32(1/s) || q[2] != float32(Z) {
		t.Fatalf("%s: quantizer %v, want %v, %v, %v", name, q, s, 1/s, Z)
	}
	for i, c := range readCodes(t, z.b, code) {
		value := math.RoundToEven(float64(float32(v[i]*q[1]))) + Z
		if want := max(qmin, min(qmax, value)) - qmin; float64(c) != want {
			t.Fatalf("%s: code %d of %v is %d, want %v", name, i, v[i], c, want)
		}
	}
}

// each calls f for every product, with the places of y, w and x.
func (p product) each(f func(y, w, x int)) {
	for b := range p.B {
		for m := range p.M {
			for n := range p.N {
				for k := range p.K {
					f((b*p.M+m)*p.N+n, (b*p.M+m)*p.K+k, (b*p.K+k)*p.N+n)
				}
			}
		}
	}
}

func (p product) checkForward(t *testing.T) {
	t.Helper()
	table := p.l.m.Table
	sums, bracket := make([]int64, p.B*p.M*p.N), make([]int64, p.B*p.M*p.N)
	p.each(func(y, w, x int) {
		W, X := table.W().Value(int(p.w[w])), table.X().Value(int(p.x[x]))
		sums[y] += int64(table.At(W, X))
		bracket[y] += int64(table.At(W, X)) - int64(p.zx)*int64(W) - int64(p.zw)*int64(X) + int64(p.zw)*int64(p.zx)
	})
	acc := make([]int32, len(sums))
	if err := p.l.b.Read(acc, p.l.acc.t); err != nil {
		t.Fatal(err)
	}
	for i, y := range readFloats(t, p.l.b, p.l.y.t) {
		if int64(acc[i]) != sums[i] {
			t.Fatalf("%s: sum %d is %d, want %d", p.l.name, i, acc[i], sums[i])
		}
		// The integer, the product of scales and that of both round.
		if want := p.sw * p.sx * float64(bracket[i]); !(math.Abs(float64(y)-want) <= 4*0x1p-24*math.Abs(want)) {
			t.Fatalf("%s: y[%d] = %v, want %v", p.l.name, i, y, want)
		}
	}
}

// checkBackward returns how many elements the masks have taken.
func (p product) checkBackward(t *testing.T) (clamped int) {
	t.Helper()
	l := p.l
	dy := readFloats(t, l.b, l.dy.t)
	g := l.m.Gradients
	dw, dx := make([]float64, len(p.w)), make([]float64, len(p.x))
	Sw, Sx := make([]float64, len(p.w)), make([]float64, len(p.x))
	p.each(func(y, w, x int) {
		d := float64(dy[y])
		gw, gx := float64(g.DW.At(int(p.w[w]), int(p.x[x]))), float64(g.DX.At(int(p.w[w]), int(p.x[x])))
		dw[w] += p.sx * d * (gw - p.zx)
		dx[x] += p.sw * d * (gx - p.zw)
		Sw[w] += p.sx * math.Abs(d) * (math.Abs(gw) + math.Abs(p.zx))
		Sx[x] += p.sw * math.Abs(d) * (math.Abs(gx) + math.Abs(p.zw))
	})
	for _, o := range []struct {
		what          string
		z             *quantizer
		grad          *value
		real          *value
		want, S       []float64
		terms, masked int
	}{{"dw", &l.wq, l.dw, l.w, dw, Sw, p.N, 0}, {"dx", &l.xq, l.dx, l.x, dx, Sx, p.M, 0}} {
		q, real := readFloats(t, l.b, o.z.q), readFloats(t, l.b, o.real.t)
		for i, got := range readFloats(t, l.b, o.grad.t) {
			want, bound := o.want[i], 2*float64(o.terms+2)*0x1p-24*o.S[i]
			value := math.RoundToEven(float64(float32(real[i]*q[1]))) + float64(q[2])
			if value < float64(o.z.op.Min()) || value > float64(o.z.op.Max()) {
				want, bound = 0, 0
				clamped++
			}
			if d := math.Abs(float64(got) - want); !(d <= bound) {
				t.Fatalf("%s: %s[%d] = %v, want %v within %v", l.name, o.what, i, got, want, bound)
			}
		}
	}
	return clamped
}

// TestExactSTEAttention holds approximate attention with the exact product and
// straight-through gradients to the ordinary products of the dequantized
// operands, and the linear layers over tokens to those convolutions: the free
// test of numerics.md §4.
func TestExactSTEAttention(t *testing.T) {
	u8, s8 := lut.Unsigned(8), lut.Signed(8)
	for _, m := range []Multiplier{exact(u8, u8), exact(s8, u8), exact(s8, lut.Signed(6))} {
		b := cpuref.New()
		n := mustBuildOf(t, smallTransformer.build, b, Config{Input: [3]int{3, 8, 8}, Classes: 10, Batch: 2,
			Quantization: DefaultQuantization(), Default: m, Seed: 4})
		widen(t, n)
		for s := range uint64(2) {
			fill(n, s)
			b.Write(n.Stats(), []float32{0, 0, 0})
			ys := map[string][]float32{}
			for _, l := range n.layers {
				l.forward(true)
				ys[l.info().name] = readFloats(t, b, l.info().y.t)
			}
			n.Loss(Loss{Scale: 1})
			convolutions, matmuls := 0, 0
			for _, st := range n.steps {
				switch l := st.(type) {
				case *lutConv:
					o := operandsOf(t, l)
					dy := readFloats(t, b, l.dy.t)
					l.backward()
					o.checkForward(t, ys[l.name])
					o.checkBackward(t, dy)
					convolutions++
				case *lutMatmul:
					l.backward()
					checkExactMatmul(t, l, ys[l.name])
					matmuls++
				default:
					st.backward()
				}
			}
			if convolutions != 2*4+2 || matmuls != 2*2 {
				t.Fatalf("%d convolutions and %d products of attention checked, want 10 and 4", convolutions, matmuls)
			}
		}
	}
}

func checkExactMatmul(t *testing.T, l *lutMatmul, y []float32) {
	t.Helper()
	p := productOf(t, l)
	w, x := make([]float64, len(p.w)), make([]float64, len(p.x))
	zw, maskW := dequantize(t, &l.wq, l.wcode.t, l.w.t, w)
	zx, maskX := dequantize(t, &l.xq, l.xcode.t, l.x.t, x)
	dy := readFloats(t, l.b, l.dy.t)
	want, S := make([]float64, len(y)), make([]float64, len(y))
	dw, Sw := make([]float64, len(w)), make([]float64, len(w))
	dx, Sx := make([]float64, len(x)), make([]float64, len(x))
	p.each(func(iy, iw, ix int) {
		d := float64(dy[iy])
		want[iy] += w[iw] * x[ix]
		S[iy] += math.Abs(w[iw] * x[ix])
		dw[iw] += d * x[ix]
		dx[ix] += d * w[iw]
		Sw[iw] += math.Abs(d) * (math.Abs(x[ix]) + 2*zx[ix])
		Sx[ix] += math.Abs(d) * (math.Abs(w[iw]) + 2*zw[iw])
	})
	for i, got := range y {
		if d := math.Abs(float64(got) - want[i]); !(d <= 8*0x1p-24*S[i]) {
			t.Fatalf("%s: y[%d] = %v, want %v", l.name, i, got, want[i])
		}
	}
	o := layerOperands{l: &lutConv{conv: conv{common: l.common}}}
	o.compare(t, "dw", readFloats(t, l.b, l.dw.t), dw, Sw, p.N, maskW)
	o.compare(t, "dx", readFloats(t, l.b, l.dx.t), dx, Sx, p.M, maskX)
}
