package trainer

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model"
	"gputrain/model/backend"
)

// recordedNetwork is a network under a table, after two batches in training
// mode and one that was recorded, of which so many images count.
func recordedNetwork(t *testing.T, images string, tab *lut.Table, padding string, count int) (b backend.Backend, net *model.Network, h *lut.Histograms) {
	t.Helper()
	r := recipeFor(images)
	r.Multiplier = Multiplier{Default: "exact:6u"}
	r.Quantization.Padding = padding
	asymmetric := false // so that real 0 is not the value 0
	r.Quantization.Activation.Symmetric = &asymmetric
	p := planFor(t, r)
	p.Config.Default.Table, p.Config.Default.Gradients = tab, lut.Gradients{}
	p.Config.Rules = []model.Rule{{Pattern: "conv1", Multiplier: model.Float()}}
	b = cpuref.New()
	net, err := p.Build(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(net.Close)
	x := make([]float32, net.Input().Shape().Len())
	for round := range 3 {
		for i := range x {
			x[i] = float32(math.Sin(float64(i*(round+2)))) - 0.3
		}
		b.Write(net.Input(), x)
		net.Forward(round < 2)
	}
	rec := newRecorder(b, net)
	defer rec.close()
	if err := rec.batch(count); err != nil {
		t.Fatal(err)
	}
	if h, err = rec.histograms(); err != nil {
		t.Fatal(err)
	}
	return b, net, h
}

// TestRecorderRefuses gives a quantizer a zero point that is none, as a network
// that has diverged has.
func TestRecorderRefuses(t *testing.T) {
	b, net, _ := recordedNetwork(t, writeImages(t), lut.New("odd", lut.Unsigned(6), lut.Unsigned(6), odd), "zero-point", testBatch)
	rec := newRecorder(b, net)
	defer rec.close()
	b.Write(net.Operands()[1].QX, []float32{1, 1, float32(math.NaN())})
	if err := rec.batch(1); err == nil || !strings.Contains(err.Error(), "layer layer1.0.conv2: the zero point of its input is NaN, want 0 to 63") {
		t.Errorf("%v, want an error", err)
	}
}

// odd is a multiplier of which nothing may be assumed.
func odd(W, X int) int { return W*X - (W*3+X*5)%11 + W/7 }

// TestRecorder compares with loops over every product of every output.
func TestRecorder(t *testing.T) {
	images := writeImages(t)
	const count = testBatch - 1
	for _, padding := range []string{"zero-point", "int-zero"} {
		tab := lut.New("odd", lut.Unsigned(6), lut.Signed(5), odd)
		b, net, h := recordedNetwork(t, images, tab, padding, count)
		if h.Images != count {
			t.Errorf("%s: %d images, want %d", padding, h.Images, count)
		}
		padded, sawZ := 0, float32(0)
		for i, o := range net.Operands() {
			l := h.Layers[i]
			ws, xs := o.W.Shape(), o.X.Shape()
			w, x := make([]uint8, ws.Len()), make([]uint8, xs.Len())
			var qw, qx [3]float32
			for _, c := range []struct {
				to   any
				from backend.Tensor
			}{{w, o.W}, {x, o.X}, {qw[:], o.QW}, {qx[:], o.QX}} {
				if err := b.Read(c.to, c.from); err != nil {
					t.Fatal(err)
				}
			}
			out, err := o.Geometry.Output(ws, xs)
			if err != nil {
				t.Fatal(err)
			}
			sawZ = min(sawZ, qx[2])
			stride := max(1, o.Geometry.Stride[0])
			wantW, wantX := make([]int64, 64), make([]int64, 32)
			for _, c := range w {
				wantW[c]++
			}
			var products int64
			var sum, sq float64
			for n := range count {
				for m := range out[1] {
					for y := range out[2] * out[3] {
						var e float64
						for k := range ws[1] * ws[2] * ws[3] {
							c, p, q := k/(ws[2]*ws[3]), k/ws[3]%ws[2], k%ws[3]
							at, along := y/out[3]*stride-o.Geometry.Pad[0]+p, y%out[3]*stride-o.Geometry.Pad[1]+q
							X := 0
							switch {
							case at >= 0 && at < xs[2] && along >= 0 && along < xs[3]:
								X = tab.X().Value(int(x[((n*xs[1]+c)*xs[2]+at)*xs[3]+along]))
							case padding == "zero-point":
								X = int(qx[2])
								padded++
							default:
								padded++
							}
							W := tab.W().Value(int(w[m*ws[1]*ws[2]*ws[3]+k]))
							e += float64(odd(W, X) - W*X)
							products++
							if m == 0 {
								wantX[tab.X().Code(X)]++
							}
						}
						sum += e
						sq += e * e
					}
				}
			}
			outputs := float64(count * out.Len() / out[0])
			if !slices.Equal(l.W, wantW) || !slices.Equal(l.X, wantX) {
				t.Errorf("%s, %s: counts %v, %v, want %v, %v", padding, l.Name, l.W, l.X, wantW, wantX)
			}
			if l.Products != products || l.K != ws[1]*ws[2]*ws[3] || l.Name != o.Layer || l.SHA256 != tab.SHA256() ||
				l.WOperand != tab.W() || l.XOperand != tab.X() || l.Scale != float64(qw[0])*float64(qx[0]) {
				t.Errorf("%s, %s: %+v", padding, o.Layer, l)
			}
			near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12*math.Abs(want) }
			if !near(l.Measured.Mean, sum/outputs) || !near(l.Measured.RMS, math.Sqrt(sq/outputs)) {
				t.Errorf("%s, %s: measured %+v, want %v, %v", padding, l.Name, l.Measured, sum/outputs, math.Sqrt(sq/outputs))
			}
		}
		if padded == 0 || sawZ == 0 {
			t.Errorf("%s: %d taps outside an image, Z_x %v: the example shows nothing", padding, padded, sawZ)
		}
	}
}

// TestRecorderAttention compares the layers of products of activations with
// loops over every product.
func TestRecorderAttention(t *testing.T) {
	tab := lut.New("odd", lut.Unsigned(6), lut.Signed(5), odd)
	m := model.Multiplier{Name: "odd", Table: tab}
	const batch, count, heads = 3, 2, 3
	b := cpuref.New()
	net, err := model.Build(b, model.Config{Name: "vit_cifar", Input: [3]int{3, 4, 8}, Classes: 10, Batch: batch,
		Quantization: model.DefaultQuantization(), Default: model.Float(), Rules: []model.Rule{{Pattern: "*.[12].attn.*", Multiplier: m}}})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	x := make([]float32, net.Input().Shape().Len())
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	b.Write(net.Input(), x)
	net.Forward(true)
	rec := newRecorder(b, net)
	defer rec.close()
	for range 2 { // the same images twice
		if err := rec.batch(count); err != nil {
			t.Fatal(err)
		}
	}
	h, err := rec.histograms()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, o := range net.Operands() {
		if !o.Batched() {
			continue
		}
		checked++
		l := h.Layers[i]
		M, K, N := o.W.Shape()[1], o.W.Shape()[2], o.X.Shape()[2]
		w, x := make([]uint8, o.W.Shape().Len()), make([]uint8, o.X.Shape().Len())
		for _, c := range []struct {
			to   []uint8
			from backend.Tensor
		}{{w, o.W}, {x, o.X}} {
			if err := b.Read(c.to, c.from); err != nil {
				t.Fatal(err)
			}
		}
		// How often an operand takes part in a product is N times the count for W,
		// M times for X.
		products, wantW, wantX := int64(0), make([]int64, 64), make([]int64, 32)
		var sum, sq float64
		for p := range count * heads * M * N {
			at, row, column := p/(M*N), p/N%M, p%N
			var e float64
			for k := range K {
				cw, cx := w[(at*M+row)*K+k], x[(at*K+k)*N+column]
				W, X := tab.W().Value(int(cw)), tab.X().Value(int(cx))
				wantW[cw] += 2
				wantX[cx] += 2
				products += 2
				e += float64(odd(W, X) - W*X)
			}
			sum += e
			sq += e * e
		}
		for c := range wantW {
			wantW[c] /= int64(N)
		}
		for c := range wantX {
			wantX[c] /= int64(M)
		}
		if !slices.Equal(l.W, wantW) || !slices.Equal(l.X, wantX) {
			t.Errorf("%s: counts %v, %v, want %v, %v", l.Name, l.W, l.X, wantW, wantX)
		}
		if l.Name != o.Layer || l.K != K || l.Products != products {
			t.Errorf("%s: %+v, want %d products in sums of %d", o.Layer, l, products, K)
		}
		outputs := float64(count * heads * M * N)
		near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12*math.Abs(want) }
		if !near(l.Measured.Mean, sum/outputs) || !near(l.Measured.RMS, math.Sqrt(sq/outputs)) {
			t.Errorf("%s: measured %+v, want %v, %v", l.Name, l.Measured, sum/outputs, math.Sqrt(sq/outputs))
		}
	}
	if checked != 4 {
		t.Errorf("%d products of activations recorded, want those of two blocks", checked)
	}
}

// TestPredictedMean holds the predicted mean error of every layer to the
// measured one. For an error f(W) + g(X) the two are the same, whatever
// depends on what.
func TestPredictedMean(t *testing.T) {
	images := writeImages(t)
	tab := lut.New("separate", lut.Unsigned(6), lut.Unsigned(6), func(W, X int) int { return W*X - (W*7)%13 + (X*X)%17 })
	for _, padding := range []string{"zero-point", "int-zero"} {
		_, _, h := recordedNetwork(t, images, tab, padding, testBatch)
		for _, l := range h.Layers {
			got, err := l.Predict(tab)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got.Sum.Mean-l.Measured.Mean) > 1e-9*float64(l.K) {
				t.Errorf("%s, %s: predicted %v, measured %v", padding, l.Name, got.Sum.Mean, l.Measured.Mean)
			}
		}
	}
}

// TestEvaluateRecording records a trained network, whose weights and
// activations depend on each other: predicted and measured mean still agree
// within a twentieth of the error of that many products, and recording changes no
// figure of the evaluation.
func TestEvaluateRecording(t *testing.T) {
	images := writeImages(t)
	last := filepath.Join(finished(t, images), "last.safetensors")
	r, err := FromCheckpoint(last)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(context.Background(), r, Eval, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Evaluate(context.Background(), cpuref.New(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, h, err := EvaluateRecording(context.Background(), cpuref.New(), p, nil, Recording{Histograms: true})
	if err != nil {
		t.Fatal(err)
	}
	if e.Accuracy != plain.Accuracy || e.Loss != plain.Loss || e.Images != plain.Images {
		t.Errorf("recording goes from %+v to %+v", plain, e)
	}
	if h.Images != testTestImages {
		t.Errorf("%d images, want %d", h.Images, testTestImages)
	}
	var names []string
	for _, l := range h.Layers {
		names = append(names, l.Name)
		if l.Name == "fc" {
			if l.Multiplier != "exact" || l.Measured != (lut.SumError{}) {
				t.Errorf("fc under %s errs by %+v", l.Multiplier, l.Measured)
			}
			continue
		}
		got, err := l.Predict(p.Config.Default.Table)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: predicted %+v, measured %+v", l.Name, got.Sum, l.Measured)
		if math.Abs(got.Sum.Mean-l.Measured.Mean) > 0.05*float64(l.K)*got.MED {
			t.Errorf("%s: predicted mean %v, measured %v", l.Name, got.Sum.Mean, l.Measured.Mean)
		}
	}
	if len(names) < 8 || slices.Contains(names, "conv1") || !slices.Contains(names, "fc") {
		t.Errorf("layers %v, want all but conv1, which is in float32", names)
	}

	r.Multiplier = Multiplier{Default: "float"}
	if p, err = Prepare(context.Background(), r, Eval, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := EvaluateRecording(context.Background(), cpuref.New(), p, nil, Recording{Histograms: true}); err == nil || !IsInput(err) ||
		!strings.Contains(err.Error(), "float32 has no codes to count") {
		t.Errorf("in float32: %v", err)
	}
}

// TestGradientHistograms weights the gradients of a run by a file, and compares
// with those of the estimator under the histograms of the same layers.
func TestGradientHistograms(t *testing.T) {
	images := writeImages(t)
	tab := lut.New("trunc", lut.Unsigned(6), lut.Unsigned(6), func(W, X int) int { return W * X &^ 15 })
	_, _, h := recordedNetwork(t, images, tab, "zero-point", testBatch)
	path := filepath.Join(t.TempDir(), "h.json")
	if err := h.Save(path); err != nil {
		t.Fatal(err)
	}
	r := recipeFor(images)
	r.Gradient = Gradient{Estimator: Estimator{Method: "lowrank", Rank: 2, HWS: 2, Histograms: path}}
	p := planFor(t, r)
	hw, hx, err := h.For(p.Config.Default.Table, "")
	if err != nil {
		t.Fatal(err)
	}
	want, err := lut.Estimator{Method: "lowrank", Rank: 2, HWS: 2, HistW: hw, HistX: hx}.Gradients(p.Config.Default.Table)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := lut.Estimator{Method: "lowrank", Rank: 2, HWS: 2}.Gradients(p.Config.Default.Table)
	if err != nil {
		t.Fatal(err)
	}
	factors := func(g *lut.Gradient) []float32 { _, u, v := g.Factors(); return slices.Concat(u, v) }
	got := p.Config.Default.Gradients
	if !slices.Equal(factors(got.DW), factors(want.DW)) || !slices.Equal(factors(got.DX), factors(want.DX)) {
		t.Error("the gradients are not those under the histograms")
	}
	if slices.Equal(factors(got.DX), factors(plain.DX)) {
		t.Error("the histograms change nothing")
	}
	use := p.Tables["trunc:6u,cols=4"]
	if _, digest, err := lut.LoadHistograms(path); err != nil || use.Histograms != digest {
		t.Errorf("digest %q, want %q, %v", use.Histograms, digest, err)
	}
	one := recipeFor(images) // of one layer alone
	one.Gradient.Layers = EstimatorRules{{"layer2.0.conv1", r.Gradient.Estimator}}
	if got := planFor(t, one).Tables["trunc:6u,cols=4"].Histograms; got != use.Histograms {
		t.Errorf("weighted for a layer: digest %q, want %q", got, use.Histograms)
	}
	if exact := p.Tables["exact"]; exact.Histograms != "" || exact.Gradient != "ste" {
		t.Errorf("exact: %+v", exact)
	}

	// A run does not go on under other histograms.
	out := filepath.Join(t.TempDir(), "run")
	r.Train.Epochs = 1
	if _, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	h.Layers[0].W[5]++
	if err := h.Save(path); err != nil {
		t.Fatal(err)
	}
	_, err = Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: out, Resume: true})
	if err == nil || !strings.Contains(err.Error(), "the histograms of multiplier trunc:6u,cols=4 have digest") {
		t.Errorf("resumed under other histograms: %v", err)
	}

	for _, c := range []struct {
		g    Gradient
		want string
	}{
		{Gradient{Estimator: Estimator{Method: "lowrank", HWS: 2, Histograms: path + "x"}}, "gradient.histograms: lut: open"},
		{Gradient{Estimator: Estimator{Method: "lowrank", HWS: 2, Histograms: filepath.Join(out, "recipe.yaml")}}, "recipe.yaml:1: not JSON"},
	} {
		r.Gradient = c.g
		if _, err := Prepare(context.Background(), r, Pretrain, nil); err == nil || !IsInput(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q in it", c.g, err, c.want)
		}
	}
	r.Gradient = Gradient{Estimator: Estimator{Method: "lut2d", HWS: 2, Histograms: path}}
	r.place = map[string]place{"gradient.histograms": {}}
	if _, err := Prepare(context.Background(), r, Pretrain, nil); err == nil || !strings.Contains(err.Error(), "gradient.histograms") {
		t.Errorf("histograms of lut2d: %v, want a refusal", err)
	}
}
