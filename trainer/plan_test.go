package trainer

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// TestPrepareFaults collects the faults of recipe and multipliers.
func TestPrepareFaults(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "m.npy")
	write(t, garbage, []byte("\x93NUMPY\x01\x00"))
	plain := filepath.Join(t.TempDir(), "plain.npy")
	if err := lut.Save(plain, "npy", lut.New("plain", lut.Unsigned(4), lut.Unsigned(4), func(W, X int) int { return W * X }), lut.Gradients{}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		phase      Phase
		want       []string // a part of each line
	}{
		{"widths that contradict", small + "quantization: {weight: {bits: 7}, activation: {signed: true}}\nmultiplier: {default: 'trunc:8u,cols=4'}", Pretrain, []string{
			"r.yaml:3:31: quantization.weight.bits = 7, want 8, the width of multiplier trunc:8u,cols=4, or nothing",
			"r.yaml:3:56: quantization.activation.signed = true, want false, the sign of multiplier trunc:8u,cols=4, or nothing"}},
		{"symmetric and unsigned", small + "quantization: {weight: {symmetric: true}}\nmultiplier: {default: 'exact:8ux8s'}", Pretrain, []string{
			"r.yaml:3:36: quantization.weight.symmetric = true, want false: multiplier exact:8ux8s is unsigned there"}},
		{"no such file", small + "multiplier: {default: nowhere.npy, layers: {conv1: 'trunk:8u'}}", Pretrain, []string{
			"r.yaml:3:23: multiplier.default: lut: nowhere.npy is neither a file nor a spec"}},
		{"of a layer", small + "multiplier: {default: float, layers: {conv1: 'trunk:8u', fc1: 'drum:8u'}}", Pretrain, []string{
			"r.yaml:3:46: multiplier.layers.conv1: lut: spec \"trunk:8u\": family \"trunk\"", "r.yaml:3:63: multiplier.layers.fc1: lut: spec \"drum:8u\": k is missing"}},
		{"a broken file and a broken rate", small + "optimizer: {lr: -1}\nmultiplier: {default: " + garbage + "}", Pretrain, []string{
			"r.yaml:3:17: optimizer.lr = -1, want > 0", garbage + ": "}},
		{"table without gradients", small + "multiplier: {default: " + plain + "}\ngradient: {method: table}", Pretrain, []string{
			"gradient: of " + plain + ": no file with both gradients; name one by gradient.file"}},
		{"upstream of signed", small + "multiplier: {default: 'exact:8s'}\ngradient: {method: lut2d, hws: 4, boundary: upstream}", Pretrain, []string{
			"gradient: of exact:8s: lut: lut2d: boundary upstream of a 8s×8s multiplier"}},
		{"nothing to adapt to", small + "init: x\nmultiplier: {default: float}", Retrain, []string{
			"r.yaml:4:23: multiplier.default = \"float\", want a table or exact: there is nothing to adapt to in float32"}},
		{"retrain from nothing", small, Retrain, []string{
			"init is missing, want the checkpoint to start from (--init)", "multiplier.default is missing, want a file"}},
		{"batch", "model: {name: lenet5}\ndata: {name: synthetic, train_images: 5, test_images: 2}\ntrain: {batch: 6}", Pretrain, []string{
			"r.yaml:3:16: train.batch = 6, want at most 5, the images to train on"}},
		{"classes", "model: {name: lenet5, classes: 4}\ndata: {name: synthetic, train_images: 5, test_images: 2}\ntrain: {batch: 5}", Pretrain, []string{
			"r.yaml:1:32: model.classes = 4, want at least 10, the classes of the data"}},
		{"channels", "model: {name: lenet5}\ndata: {name: synthetic, train_images: 5, test_images: 2, normalize: imagenet}\ntrain: {batch: 5}", Pretrain, []string{
			"r.yaml:2:69: data.normalize: dataset: normalize \"imagenet\" is for 3 channels, the images have 1"}},
		{"no data", "model: {name: lenet5}\ndata: {name: mnist, path: /nowhere}", Pretrain, []string{"/nowhere"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parse(tt.text)
			if err == nil {
				_, err = Prepare(context.Background(), r, tt.phase, nil)
			}
			if err == nil || !IsInput(err) {
				t.Fatalf("error %v, want one of the input", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("%d lines, want %d:\n%v", len(lines), len(tt.want), err)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %q, want it to begin with %q", lines[i], want)
				}
			}
		})
	}
}

// TestPlan looks at how a recipe reaches the network.
func TestPlan(t *testing.T) {
	r, err := parse(`
model: {name: lenet5}
data: {name: synthetic, train_images: 20, test_images: 5}
quantization:
  weight: {granularity: channel, symmetric: false}
  activation: {observer: percentile, percentile: 99, momentum: 0.25}
  padding: int-zero
  pool_inputs: true
multiplier: {default: "trunc:7ux5s,cols=2", layers: {"fc*": exact, fc3: float, conv2: "mitchell:6u"}}
gradient: {method: lut1d}
train: {batch: 8, seed: 9}
`)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(context.Background(), r, Pretrain, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Config
	if c.Input != [3]int{1, 28, 28} || c.Classes != 10 || c.Batch != 8 || c.Seed != 9 {
		t.Errorf("network of %v, %d classes, batch %d, seed %d", c.Input, c.Classes, c.Batch, c.Seed)
	}
	q := c.Quantization
	if !q.WeightPerChannel || q.WeightObserver.Kind != backend.ObserveMinMax || q.Padding != backend.PadIntZero || !q.PoolInputs || q.Pool != lut.Signed(5) ||
		q.ActivationObserver != (backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.25, Percentile: 99}) || *q.WeightSymmetric || q.ActivationSymmetric != nil {
		t.Errorf("quantization %+v", q)
	}
	b := cpuref.NewPlain()
	net, err := p.Build(b)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	got := map[string]string{}
	for _, l := range net.Summary().Layers {
		if l.Multiplier != "" {
			got[l.Name] = l.Multiplier
		}
	}
	for layer, want := range map[string]string{"conv1": "trunc:7ux5s,cols=2", "conv2": "mitchell:6u", "fc1": "exact", "fc2": "exact", "fc3": "float"} {
		if got[layer] != want {
			t.Errorf("%s computes with %s, want %s", layer, got[layer], want)
		}
	}
	if use := p.Tables["exact"]; use.W != "7u" || use.X != "5s" || use.Gradient != "ste" {
		t.Errorf("exact is %+v, want 7u×5s of the default multiplier, under ste", use)
	}
	if use := p.Tables["mitchell:6u"]; use.Gradient != "lut1d" || use.HWS != lut.AutoHWS(c.Rules[2].Multiplier.Table) {
		t.Errorf("mitchell %+v, want lut1d at the automatic window", use)
	}
	for _, part := range []string{"model.classes not given: 10", "leaves out 4 of 20 images", "gradient.hws not given: auto", "sha256 " + p.Tables["mitchell:6u"].SHA256} {
		if !slices.ContainsFunc(p.Assumed, func(s string) bool { return strings.Contains(s, part) }) {
			t.Errorf("nothing said of %q in %q", part, p.Assumed)
		}
	}

	r.Multiplier.Layers = LayerRules{{"conv9", "exact"}}
	if _, err := Prepare(context.Background(), r, Pretrain, nil); err == nil || !IsInput(err) || !strings.Contains(err.Error(), "conv9") {
		t.Errorf("error %v, want one that names the pattern that matches nothing", err)
	}
}

// TestGradientTable reads gradients from the multiplier's file, and from one of
// their own.
func TestGradientTable(t *testing.T) {
	table := lut.New("bent", lut.Unsigned(4), lut.Unsigned(4), func(W, X int) int { return W*X ^ (1 | W&2) })
	g, err := lut.Estimator{Method: "lut2d", HWS: 2, Storage: lut.Float32}.Gradients(table)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	both, bare, wide := filepath.Join(dir, "both.npz"), filepath.Join(dir, "bare.npz"), filepath.Join(dir, "wide.npz")
	for path, save := range map[string]func(string) error{
		both: func(p string) error { return lut.Save(p, "npz", table, g) },
		bare: func(p string) error { return lut.Save(p, "npz", table, lut.Gradients{}) },
		wide: func(p string) error {
			w := lut.New("wide", lut.Unsigned(5), lut.Unsigned(5), func(W, X int) int { return W * X })
			return lut.Save(p, "npz", w, lut.Gradients{})
		},
	} {
		if err := save(path); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ multiplier, file, fault string }{
		{both, "", ""}, {bare, both, ""}, {bare, "", "no file with both gradients"},
		{wide, both, "gradients for 4u×4u operands, the multiplier is 5u×5u"},
		{bare, filepath.Join(dir, "none"), "no such file"},
	}
	for _, tt := range tests {
		r := &Recipe{Model: Model{Name: "lenet5"}, Data: Data{Name: "synthetic", TrainImages: 4, TestImages: 2}, Train: Train{Batch: 2},
			Multiplier: Multiplier{Default: tt.multiplier}, Gradient: Gradient{Estimator: Estimator{Method: "table", File: tt.file}}}
		p, err := Prepare(context.Background(), r, Pretrain, nil)
		if tt.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("%s with %s: error %v, want %q", filepath.Base(tt.multiplier), filepath.Base(tt.file), err, tt.fault)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		got := p.Config.Default.Gradients
		if !slices.Equal(got.DW.Values(), g.DW.Values()) || !slices.Equal(got.DX.Values(), g.DX.Values()) {
			t.Errorf("%s with %q: other gradients than those written", filepath.Base(tt.multiplier), tt.file)
		}
	}
	if _, err := os.Stat(both); err != nil {
		t.Error(err)
	}
}
