package model

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// TestTransformerKeys compares parameters, names and shapes with those of timm
// and torchvision, and products with the "GFLOPS" of torchvision's
// documentation, which counts multiplications with accumulation.
func TestTransformerKeys(t *testing.T) {
	gmacs := map[string]float64{"vit_b_16": 17.56, "vit_b_32": 4.41}
	published := map[string]int64{ // by torchvision's documentation and timm's table of results
		"vit_b_16": 86567656, "vit_b_32": 88224232,
		"vit_tiny_patch16_224": 5717416, "vit_small_patch16_224": 22050664, "vit_base_patch16_224": 86567656,
		"deit_tiny_patch16_224": 5717416, "deit_small_patch16_224": 22050664, "deit_base_patch16_224": 86567656,
	}
	heads := map[string]int{"tiny": 3, "small": 6, "base": 12, "b": 12} // which change no shape of a tensor
	networks := readKeys(t, "testdata/vit/keys.txt.gz")
	if len(networks) != len(published) {
		t.Fatalf("%d networks, want %d", len(networks), len(published))
	}
	for _, want := range networks {
		n := mustBuild(t, paper{}, Config{Name: want.name, Input: [3]int{3, 224, 224}, Classes: 1000, Batch: 1})
		s := n.Summary()
		if s.Params != want.params || want.params != published[want.name] {
			t.Errorf("%s: %d parameters, want %d, published %d", want.name, s.Params, want.params, published[want.name])
		}
		if g, ok := gmacs[want.name]; ok && math.Abs(float64(s.MACs)/1e9-g) > 0.0051 {
			t.Errorf("%s: %d MACs, published %.2f billion", want.name, s.MACs, g)
		}
		tokens := 197
		if want.name == "vit_b_32" {
			tokens = 50
		}
		size := strings.Split(want.name, "_")[1]
		i := slices.IndexFunc(s.Layers, func(l LayerSummary) bool { return strings.HasSuffix(l.Name, ".qk") })
		if out := s.Layers[i].Output; !out.Equal(backend.Shape{heads[size], tokens, tokens}) {
			t.Errorf("%s: products of queries and keys are %v, want those of %d heads and %d tokens", want.name, out, heads[size], tokens)
		}
		// The patch embedding comes before the tokens here; the libraries register
		// some of these tensors first.
		got := keysOf(n)
		slices.Sort(got)
		slices.Sort(want.keys)
		if !slices.Equal(got, want.keys) {
			t.Errorf("%s: tensors %q, want %q", want.name, got, want.keys)
		}
	}
}

// TestTransformerFaults has images that do not fit, and products of attention
// that cannot be.
func TestTransformerFaults(t *testing.T) {
	u8 := lut.Unsigned(8)
	yes := true
	// Sums of at most 127 products; at 64×64 there are 257 tokens.
	huge := withSTE(lut.New("huge", u8, u8, func(W, X int) int { return W*X + 1<<24 - 255*255 }))
	symmetric := DefaultQuantization()
	symmetric.WeightSymmetric = &yes
	for _, tt := range []struct {
		c    Config
		want []string
	}{
		{Config{Name: "deit_tiny_patch16_224", Input: [3]int{3, 32, 32}}, []string{"pos_embed", "32×32", "want 224×224", "197 tokens"}},
		{Config{Name: "vit_b_32", Input: [3]int{3, 224, 256}}, []string{"encoder.pos_embedding", "224×256", "want 224×224", "50 tokens"}},
		{Config{Name: "vit_cifar", Input: [3]int{3, 32, 30}}, []string{"patch_embed.proj", "32×30", "multiples of 4"}},
		{Config{Name: "vit_cifar", Input: [3]int{3, 64, 64}, Rules: []Rule{{"*.attn.av", huge}}},
			[]string{"blocks.0.attn.av", "257 products of huge", "at most 127"}},
		{Config{Name: "vit_cifar", Input: [3]int{3, 32, 32}, Quantization: symmetric, Rules: []Rule{{"*.2.attn.qk", bent(u8, u8)}}},
			[]string{"blocks.2.attn.qk: weight: symmetric", "8u"}},
		{Config{Name: "vit_cifar", Input: [3]int{3, 32, 32}, Rules: []Rule{{"*.softmax", Float()}}},
			[]string{`"*.softmax" matches none of patch_embed.proj, blocks.0.attn.qkv, blocks.0.attn.qk, blocks.0.attn.av, blocks.0.attn.proj, blocks.0.mlp.fc1`}},
	} {
		tt.c.Classes, tt.c.Batch, tt.c.Default = 10, 2, Float()
		if tt.c.Quantization.ActivationObserver.Momentum == 0 {
			tt.c.Quantization = DefaultQuantization()
		}
		_, err := Describe(tt.c)
		wantError(t, err, append(tt.want, "model: ")...)
	}
}

// TestTransformerProducts gives the products of attention a multiplier of their
// own, and counts them.
func TestTransformerProducts(t *testing.T) {
	u8, s8 := lut.Unsigned(8), lut.Signed(8)
	n := mustBuild(t, cpuref.New(), Config{Name: "vit_cifar", Input: [3]int{3, 8, 12}, Classes: 10, Batch: 2,
		Quantization: DefaultQuantization(), Default: Float(),
		Rules: []Rule{{"*.attn.q?", bent(u8, s8)}, {"*.3.*", exact(u8, u8)}}})
	// Patches 48·96+96, tokens 96+7·96, blocks 4·(96·288+288 + 96·96+96 + 2·96·192+192+96 + 4·96),
	// norm 2·96, head 96·10+10.
	if got := n.Summary().Params; got != 4704+768+4*74784+192+970 {
		t.Errorf("%d parameters", got)
	}
	roles := map[string]string{"qk": "W = keys, X = queries", "av": "W = values, X = attention weights"}
	// 7 tokens of 96 channels.
	macs := map[string]int64{"qk": 7 * 7 * 96, "av": 7 * 7 * 96, "qkv": 7 * 96 * 288, "proj": 7 * 96 * 96, "fc1": 7 * 96 * 192, "fc2": 7 * 192 * 96}
	seen := 0
	for _, l := range n.Summary().Layers {
		last := l.Name[strings.LastIndex(l.Name, ".")+1:]
		if want := roles[last]; l.Roles != want || want != "" && l.Kind != "matmul" {
			t.Errorf("%s: %s of roles %q, want %q", l.Name, l.Kind, l.Roles, want)
		}
		if !strings.HasPrefix(l.Name, "blocks.") || macs[last] == 0 {
			continue
		}
		seen++
		want := "float"
		switch {
		case strings.HasPrefix(l.Name, "blocks.3."):
			want = "exact"
		case last == "qk":
			want = "bent"
		}
		if l.Multiplier != want || l.MACs != macs[last] {
			t.Errorf("%s: %d MACs by %s, want %d by %s", l.Name, l.MACs, l.Multiplier, macs[last], want)
		}
	}
	if seen != 4*6 {
		t.Errorf("%d layers with products in 4 blocks, want 24", seen)
	}
	var layers []string
	for _, o := range n.Operands() {
		layers = append(layers, o.Layer)
		if batched := strings.HasSuffix(o.Layer, "k") || strings.HasSuffix(o.Layer, "v") && !strings.HasSuffix(o.Layer, "qkv"); o.Batched() != batched {
			t.Errorf("%s: W is %v", o.Layer, o.W.Shape())
		}
	}
	if want := []string{"blocks.0.attn.qk", "blocks.1.attn.qk", "blocks.2.attn.qk", "blocks.3.attn.qkv", "blocks.3.attn.qk",
		"blocks.3.attn.av", "blocks.3.attn.proj", "blocks.3.mlp.fc1", "blocks.3.mlp.fc2"}; !slices.Equal(layers, want) {
		t.Errorf("Operands of %v, want %v", layers, want)
	}
	names := map[string]bool{}
	for _, tensor := range mustState(t, n) {
		names[tensor.Name] = true
	}
	for _, name := range []string{"blocks.0.attn.qk.weight_quantizer.range", "blocks.0.attn.qk.input_quantizer.range", "blocks.3.attn.av.weight_quantizer.range"} {
		if !names[name] {
			t.Errorf("the state has no %s", name)
		}
	}
}

// TestTransformerStart looks at initial values: timm's of transformers, those of
// every convolution in the patch embedding, and what the small network has in
// place of timm's.
func TestTransformerStart(t *testing.T) {
	timm := cifarTransformer
	timm.sd = imageNet(16, 192, timmNames).sd
	checkStart(t, timm, func(int) float64 { return 0.02 })
	checkStart(t, cifarTransformer, func(in int) float64 { return 1 / math.Sqrt(float64(in)) })
}

func checkStart(t *testing.T, net transformer, linear func(in int) float64) {
	t.Helper()
	c := Config{Input: [3]int{3, 32, 32}, Classes: 10, Batch: 1, Seed: 1}
	n := mustBuildOf(t, net.build, cpuref.New(), c)
	c.Seed = 2
	other := mustState(t, mustBuildOf(t, net.build, cpuref.New(), c))
	for i, x := range mustState(t, n) {
		v, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		mean, sd := 0.0, 0.02
		switch {
		case x.Name == "cls_token":
			sd = 1e-6
		case strings.HasPrefix(x.Name, "patch_embed"):
			sd = 1 / math.Sqrt(3*48) // uniform of bound 1/√48
		case strings.HasSuffix(x.Name, "bias"):
			sd = 0
		case strings.Contains(x.Name, "norm"):
			mean, sd = 1, 0
		case len(x.Shape) == 2:
			sd = linear(x.Shape[1])
		}
		var sum, squares float64
		for _, f := range v {
			sum += float64(f)
			squares += (float64(f) - mean) * (float64(f) - mean)
		}
		// Of n normal numbers: mean within 4 of its standard deviations, variance
		// within 4 of its own; those of uniform ones are smaller.
		count := float64(len(v))
		if m := sum / count; math.Abs(m-mean) > 4*sd/math.Sqrt(count) {
			t.Errorf("%s: mean %v of %v numbers, want %v of deviation %v", x.Name, m, count, mean, sd)
		}
		if va := squares / count; math.Abs(va-sd*sd) > 4*sd*sd*math.Sqrt(2/count) {
			t.Errorf("%s: variance %v of %v numbers, want %v", x.Name, va, count, sd*sd)
		}
		if same := string(x.Data) == string(other[i].Data); same != (sd == 0) {
			t.Errorf("%s: the same under two seeds: %v", x.Name, same)
		}
	}
}
