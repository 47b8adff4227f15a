package model

import (
	"fmt"
	"math"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// TestExactSTE holds approximate layers with the exact product and
// straight-through gradients to the ordinary convolution of the dequantized
// operands, forward and backward, in float64. This is what numerics.md §4
// calls a free test: nothing of the layer's own formulas enters.
func TestExactSTE(t *testing.T) {
	u8, s8, u4 := lut.Unsigned(8), lut.Signed(8), lut.Unsigned(4)
	no := false
	ema := backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.1}
	clipping := backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.5, Percentile: 99}
	for _, tt := range []struct {
		name  string
		net   string
		input [3]int
		w, x  lut.Operand
		q     Quantization
	}{
		{"bottleneck", "one bottleneck", [3]int{3, 6, 6}, u8, u8, DefaultQuantization()},
		{"inverted residual", "one inverted residual", [3]int{3, 6, 6}, u8, u8, DefaultQuantization()},
		{"inverted residual, signed, per channel", "one inverted residual", [3]int{2, 5, 6}, s8, s8,
			Quantization{WeightPerChannel: true, ActivationObserver: ema}},
		{"unsigned", "lenet5", [3]int{1, 28, 28}, u8, u8, DefaultQuantization()},
		{"signed", "resnet8", [3]int{3, 6, 5}, s8, s8, DefaultQuantization()},
		{"signed, asymmetric, per channel", "resnet8", [3]int{2, 5, 6}, s8, s8,
			Quantization{WeightPerChannel: true, WeightSymmetric: &no, ActivationSymmetric: &no, ActivationObserver: ema}},
		{"8×4, symmetric int-zero", "resnet8", [3]int{1, 5, 5}, s8, lut.Signed(4),
			Quantization{Padding: backend.PadIntZero, ActivationObserver: ema}},
		{"4×8, percentile", "mlp", [3]int{1, 5, 5}, u4, u8,
			Quantization{WeightObserver: clipping, ActivationObserver: clipping}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := cpuref.New()
			c := Config{Name: tt.net, Input: tt.input, Classes: 10, Batch: 2,
				Quantization: tt.q, Default: exact(tt.w, tt.x), Seed: 5}
			var n *Network
			if construct := oneBlock[tt.net]; construct != nil {
				n = mustBuildOf(t, construct, b, c)
			} else {
				n = mustBuild(t, b, c)
			}
			for s := range uint64(2) { // the second step clamps what the first range does not hold
				fill(n, s)
				b.Write(n.Stats(), []float32{0, 0, 0})
				ys := map[string][]float32{}
				for _, l := range n.layers {
					l.forward(true)
					if l, ok := l.(*lutConv); ok {
						ys[l.name] = readFloats(t, b, l.y.t)
					}
				}
				n.Loss(Loss{Scale: 1})
				checked := 0
				for _, st := range n.steps {
					l, ok := st.(*lutConv)
					if !ok {
						st.backward()
						continue
					}
					o := operandsOf(t, l)
					dy := readFloats(t, b, l.dy.t)
					l.backward()
					o.checkForward(t, ys[l.name])
					o.checkBackward(t, dy)
					checked++
				}
				if checked < 3 {
					t.Fatalf("%d layers checked", checked)
				}
			}
		})
	}
}

// oneBlock are networks of one block of a kind, in the middle of which the
// image shrinks, between a first convolution and a linear layer.
var oneBlock = map[string]builder{
	"one bottleneck": func(p *planner, x *value, classes int) *value {
		x = p.relu("relu", p.batchNorm("bn", p.conv("conv", x, filter{out: 4, kernel: 3, stride: 1, pad: 1})))
		return p.linear("fc", p.bottleneck("block", x, 3, 2), classes)
	},
	"one replication": func(p *planner, x *value, classes int) *value {
		x = p.relu("relu", p.conv("conv", x, filter{out: 4, kernel: 4, stride: 1, bias: true}))
		x = p.relu("relu2", p.linear("fc1", p.averageTo("average", x, 3), 20))
		return p.linear("fc2", p.dropout("drop", x, 0.5), classes)
	},
	"one inverted residual": func(p *planner, x *value, classes int) *value {
		x = p.convReLU6("first", x, filter{out: 4, kernel: 3, stride: 1, pad: 1})
		x = p.inverted("block", x, 3, 5, 2)
		return p.linear("fc", p.dropout("drop", p.inverted("residual", x, 1, 5, 1), 0.2), classes)
	},
}

// layerOperands are the real operands of a layer, dequantized by real =
// s·(int − Z), and the masks of what was not clamped.
type layerOperands struct {
	l            *lutConv
	w, x         *array
	zw, zx       []float64 // s·|Z| of each element: what cancels in the sums
	maskW, maskX []bool
}

func operandsOf(t *testing.T, l *lutConv) layerOperands {
	o := layerOperands{l: l}
	ws, xs := l.w4, l.x.shape
	o.w, o.x = newArray(ws[0], ws[1], ws[2], ws[3]), newArray(xs[0], xs[1], xs[2], xs[3])
	o.zw, o.maskW = dequantize(t, &l.wq, l.wcode, l.w, o.w.v)
	// The range of x may be read, and x itself where its mask is needed.
	x := l.x.t
	if l.dx == nil {
		x = nil
	}
	o.zx, o.maskX = dequantize(t, &l.xq, l.xcode.t, x, o.x.v)
	return o
}

func dequantize(t *testing.T, z *quantizer, code, real backend.Tensor, out []float64) (sz []float64, mask []bool) {
	q := readFloats(t, z.b, z.q)
	columns := len(q) / 3
	each := len(out) / columns
	codes := readCodes(t, z.b, code)
	sz, mask = make([]float64, len(out)), make([]bool, len(out))
	for i, c := range codes {
		s, Z := float64(q[i/each]), float64(q[2*columns+i/each])
		out[i] = s * (float64(z.op.Value(int(c))) - Z)
		sz[i] = s * math.Abs(Z)
	}
	if real != nil {
		for i, r := range readFloats(t, z.b, real) {
			v := math.RoundToEven(float64(float32(r*q[columns+i/each]))) + float64(q[2*columns+i/each])
			mask[i] = v >= float64(z.op.Min()) && v <= float64(z.op.Max())
			if got := math.Abs(float64(r) - out[i]); mask[i] && got > 0.5001*float64(q[i/each]) {
				t.Errorf("%s: %v became %v, further than half of %v", z.name, r, out[i], q[i/each])
			}
		}
	}
	return sz, mask
}

// conv returns the reference's convolution of w and x, after its backward pass
// from dy if there is one.
func (o layerOperands) conv(w, x *array, dy []float32) *array {
	r := &reference{p: map[string]*array{"l.weight": w}}
	y := r.conv("l", x, max(o.l.geo.Stride[0], 1), o.l.geo.Pad[0])
	for i, g := range dy {
		y.g[i] = float64(g)
	}
	r.backward()
	return y
}

func (o layerOperands) checkForward(t *testing.T, got []float32) {
	y := o.conv(o.w, o.x, nil)
	sums := o.conv(magnitudes(o.w, nil), magnitudes(o.x, nil), nil)
	var bias []float32
	if o.l.bias {
		bias = readFloats(t, o.l.b, o.l.params[1].Value)
	}
	for i, want := range y.v {
		S := sums.v[i]
		if bias != nil {
			c := i / (y.h * y.w) % y.c
			want += float64(bias[c])
			S += math.Abs(float64(bias[c]))
		}
		// The sum is exact; two scales, their product and the bias round.
		if d := math.Abs(float64(got[i]) - want); !(d <= 8*0x1p-24*S) {
			t.Fatalf("%s: y[%d] = %v, want %v", o.l.name, i, got[i], want)
		}
	}
}

func (o layerOperands) checkBackward(t *testing.T, dy []float32) {
	abs := make([]float32, len(dy))
	for i, g := range dy {
		abs[i] = float32(math.Abs(float64(g)))
	}
	o.conv(o.w, o.x, dy)
	w, x := magnitudes(o.w, o.zw), magnitudes(o.x, o.zx)
	y := o.conv(w, x, abs) // gradients: sums of absolute terms before cancellation
	b := o.l.b
	o.compare(t, "dw", readFloats(t, b, o.l.dw), o.w.g, w.g, y.n*y.h*y.w, o.maskW)
	if o.l.dx != nil {
		o.compare(t, "dx", readFloats(t, b, o.l.dx.t), o.x.g, x.g, o.w.n/o.l.geo.Groups*o.w.h*o.w.w, o.maskX)
	}
}

// compare applies the bound of numerics.md §5, T terms of absolute sum S, to
// the elements that are not masked, and wants 0 of the others.
func (o layerOperands) compare(t *testing.T, what string, got []float32, want, S []float64, T int, mask []bool) {
	t.Helper()
	for i, g := range got {
		w, bound := want[i], 2*float64(T+2)*0x1p-24*S[i]
		if !mask[i] {
			w, bound = 0, 0
		}
		if d := math.Abs(float64(g) - w); !(d <= bound) {
			t.Fatalf("%s: %s[%d] = %v, want %v within %v", o.l.name, what, i, g, w, bound)
		}
	}
}

// magnitudes returns |v| + extra.
func magnitudes(a *array, extra []float64) *array {
	m := newArray(a.n, a.c, a.h, a.w)
	for i, v := range a.v {
		m.v[i] = math.Abs(v)
		if extra != nil {
			m.v[i] += extra[i]
		}
	}
	return m
}

// TestPoolInputs looks at what a network does to the inputs of its pooling:
// they become multiples of a scale, no further away than half of it unless the
// range clamps them, and gradients pass where it does not.
func TestPoolInputs(t *testing.T) {
	for _, name := range []string{"lenet5", "resnet8"} {
		b := cpuref.New()
		q := DefaultQuantization()
		q.PoolInputs, q.Pool = true, lut.Unsigned(4)
		n := mustBuild(t, b, Config{Name: name, Input: [3]int{1, 28, 28}, Classes: 10, Batch: 2, Quantization: q})
		fill(n, 1)
		n.Forward(true)
		x, _ := fill(n, 1)
		for i := range x {
			x[i] *= 2 // beyond the range, which moves by a tenth
		}
		n.b.Write(n.Input(), x)
		clamped := map[string][]bool{}
		for _, l := range n.layers {
			x := readFloats(t, b, l.info().x.t)
			l.forward(true)
			f, ok := l.(*fakeQuantize)
			if !ok {
				continue
			}
			// With Z a whole number of steps, the range holds 0 and 15 steps.
			r := readFloats(t, b, f.q.span)
			lo, hi := min(0, float64(r[0])), max(0, float64(r[1]))
			s := (hi - lo) / 15
			lo = math.RoundToEven(lo/s) * s
			clamped[f.name] = make([]bool, len(x))
			for i, y := range readFloats(t, b, f.y.t) {
				want := math.RoundToEven(float64(x[i])/s) * s
				limited := max(lo, min(lo+15*s, want))
				clamped[f.name][i] = math.Abs(limited-want) > s/2
				if d := math.Abs(float64(y) - limited); d > 1e-4*s && math.Abs(d-s) > 1e-4*s || math.Abs(float64(y)-float64(x[i])) > 0.501*s && !clamped[f.name][i] {
					t.Fatalf("%s: %v became %v, want %v, s = %v", f.name, x[i], y, limited, s)
				}
			}
		}
		if want := map[string]int{"lenet5": 2, "resnet8": 1}[name]; len(clamped) != want {
			t.Errorf("%s quantizes %d inputs of pooling, want %d", name, len(clamped), want)
		}
		n.Loss(Loss{Scale: 1})
		total := 0
		for _, st := range n.steps {
			f, ok := st.(*fakeQuantize)
			if !ok {
				st.backward()
				continue
			}
			dy := readFloats(t, b, f.dy.t)
			f.backward()
			for i, dx := range readFloats(t, b, f.dx.t) {
				want := dy[i]
				if clamped[f.name][i] {
					want = 0
					total++
				}
				if dx != want {
					t.Fatalf("%s: dx[%d] = %v of dy = %v, clamped: %v", f.name, i, dx, dy[i], clamped[f.name][i])
				}
			}
		}
		if total == 0 && name == "lenet5" {
			t.Error("the range clamps nothing")
		}
	}
}

// TestPaddingReachesBackend trains nothing: where Z ≠ 0 the two kinds of
// padding must differ, where it is 0 they must not.
func TestPaddingReachesBackend(t *testing.T) {
	logits := func(o lut.Operand, p backend.Padding) string {
		b := cpuref.New()
		q := DefaultQuantization()
		q.Padding = p
		n := mustBuild(t, b, Config{Name: "resnet8", Input: [3]int{1, 8, 8}, Classes: 3, Batch: 2,
			Quantization: q, Default: bent(o, o)})
		fill(n, 1)
		n.Forward(true)
		return fmt.Sprint(readFloats(t, b, n.Logits()))
	}
	if logits(lut.Unsigned(8), backend.PadZeroPoint) == logits(lut.Unsigned(8), backend.PadIntZero) {
		t.Error("unsigned: both paddings give the same logits")
	}
	if logits(lut.Signed(8), backend.PadZeroPoint) != logits(lut.Signed(8), backend.PadIntZero) {
		t.Error("symmetric: the paddings give different logits")
	}
}
