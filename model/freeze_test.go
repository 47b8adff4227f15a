package model

import (
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/weights"
)

// stateNamed returns the tensors whose name contains part.
func stateNamed(t *testing.T, n *Network, part string) []weights.Tensor {
	t.Helper()
	return slices.DeleteFunc(mustState(t, n), func(s weights.Tensor) bool { return !strings.Contains(s.Name, part) })
}

// TestFreeze looks at what of the state a step moves.
func TestFreeze(t *testing.T) {
	u8 := lut.Unsigned(8)
	n := mustBuild(t, cpuref.New(), Config{Name: "resnet8", Input: [3]int{3, 8, 8}, Classes: 10, Batch: 4,
		Quantization: DefaultQuantization(), Default: exact(u8, u8)})
	fill(n, 1)
	step(t, n, 0.01)
	parts := []string{"input_quantizer", "weight_quantizer", "running_", "num_batches", "conv1.weight", "bn1.weight", "bn1.bias"}
	for s, tt := range []struct {
		observers, norm bool
		moves           []bool // for each part
	}{
		{false, false, []bool{true, true, true, true, true, true, true}},
		{true, false, []bool{false, false, true, true, true, true, true}},
		{false, true, []bool{true, true, false, false, true, true, true}},
		{true, true, []bool{false, false, false, false, true, true, true}},
		{false, false, []bool{true, true, true, true, true, true, true}},
	} {
		n.Freeze(tt.observers, tt.norm)
		fill(n, uint64(s)+2)
		var before [][]weights.Tensor
		for _, part := range parts {
			before = append(before, stateNamed(t, n, part))
		}
		step(t, n, 0.5)
		for i, part := range parts {
			after := stateNamed(t, n, part)
			moved := slices.ContainsFunc(after, func(a weights.Tensor) bool {
				return !slices.ContainsFunc(before[i], func(b weights.Tensor) bool { return a.Name == b.Name && string(a.Data) == string(b.Data) })
			})
			if len(after) == 0 || moved != tt.moves[i] {
				t.Errorf("Freeze(%v, %v): %d tensors %s, moved: %v, want %v", tt.observers, tt.norm, len(after), part, moved, tt.moves[i])
			}
		}
	}
}

// TestFrozenGradients compares a step with frozen statistics with the float64
// implementation.
func TestFrozenGradients(t *testing.T) {
	const batch = 4
	input := [3]int{3, 6, 6}
	n := mustBuild(t, cpuref.New(), Config{Name: "resnet8", Input: input, Classes: 10, Batch: batch, Seed: 2})
	fill(n, 1)
	step(t, n, 0.01) // so that statistics are those of something
	n.Freeze(false, true)
	ref := referenceOf(t, n)
	ref.train = false
	x, labels := fill(n, 2)
	n.b.Write(n.Stats(), []float32{0, 0, 0})
	n.Forward(true)
	n.Loss(Loss{Scale: 1.0 / batch})
	n.Backward()
	logits := ref.forward("resnet8", images(batch, input, x))
	nearly(t, "logits", readFloats(t, n.b, n.Logits()), logits.v, 1e-4)
	crossEntropy(logits, labels)
	ref.backward()
	for _, p := range n.Params() {
		nearly(t, "gradient of "+p.Name, readFloats(t, n.b, p.Grad), ref.p[p.Name].g, 1e-3)
	}
}

// TestLinear names the layers that Config.Linear reaches, and what wins over it.
func TestLinear(t *testing.T) {
	u8 := lut.Unsigned(8)
	linear, ends := bent(u8, u8), Float()
	want := map[string]string{
		"patch_embed.proj": "float", "head": "float", "blocks.1.attn.qkv": "exact",
		"blocks.0.attn.qk": "exact", "blocks.0.attn.av": "exact", "blocks.0.attn.qkv": "bent", "blocks.0.mlp.fc2": "bent",
	}
	s, err := Describe(Config{Name: "vit_cifar", Input: [3]int{3, 8, 8}, Classes: 10, Batch: 2,
		Quantization: DefaultQuantization(), Default: exact(u8, u8), Linear: &linear, Ends: &ends,
		Rules: []Rule{{"blocks.1.*", exact(u8, u8)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Layers {
		if w, ok := want[l.Name]; ok && l.Multiplier != w {
			t.Errorf("%s has %s, want %s", l.Name, l.Multiplier, w)
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("no layers %v", want)
	}
}

// TestEnds names the layers that Config.Ends reaches, and the rules that win.
func TestEnds(t *testing.T) {
	u8 := lut.Unsigned(8)
	ends := bent(u8, u8)
	for _, tt := range []struct {
		name  string
		rules []Rule
		want  map[string]string // exceptions to the default
	}{
		{"resnet18", nil, map[string]string{"conv1": "bent", "fc": "bent"}},
		{"resnet18", []Rule{{"fc", Float()}}, map[string]string{"conv1": "bent", "fc": "float"}},
		{"vgg11", nil, map[string]string{"features.0": "bent", "classifier": "bent"}},
		{"mobilenet_v2", []Rule{{"*.1.0", Float()}, {"features.1.*", exact(u8, u8)}}, nil},
		{"mlp", nil, map[string]string{"fc1": "bent", "fc3": "bent"}},
	} {
		s, err := Describe(Config{Name: tt.name, Input: [3]int{3, 32, 32}, Classes: 10, Batch: 2,
			Quantization: DefaultQuantization(), Default: exact(u8, u8), Ends: &ends, Rules: tt.rules})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, l := range s.Layers {
			want := "exact"
			if e, ok := tt.want[l.Name]; ok {
				want = e
			}
			if tt.name == "mobilenet_v2" {
				switch {
				case l.Name == "features.0.0", l.Name == "classifier.1":
					want = "bent"
				case strings.HasSuffix(l.Name, ".1.0") && l.Name != "features.1.0":
					want = "float"
				}
			}
			if l.Multiplier != "" && l.Multiplier != want {
				t.Errorf("%s: %s has %s, want %s", tt.name, l.Name, l.Multiplier, want)
			}
		}
	}
}
