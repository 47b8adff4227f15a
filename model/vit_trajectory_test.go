package model

import (
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// toTorchvision renames a tensor of timm.
var toTorchvision = strings.NewReplacer(
	"cls_token", "class_token", "pos_embed", "encoder.pos_embedding", "patch_embed.proj", "conv_proj",
	"blocks.", "encoder.layers.encoder_layer_", ".norm1", ".ln_1", ".norm2", ".ln_2",
	"attn.qkv.", "self_attention.in_proj_", "attn.proj", "self_attention.out_proj",
	"mlp.fc1", "mlp.0", "mlp.fc2", "mlp.3", "head", "heads.head")

func torchvisionName(timm string) string {
	if last, ok := strings.CutPrefix(timm, "norm"); ok {
		return "encoder.ln" + last
	}
	return toTorchvision.Replace(timm)
}

// uniform is that of testdata/vit/make.py: multiples of 2⁻²³ in [−1, 1).
func uniform(name string, n int) []float32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	out := make([]float32, n)
	for i := range out {
		a := uint32(i) + h.Sum32()
		a = (a ^ a>>16) * 0x21f0aaad
		a = (a ^ a>>15) * 0x735a2d97
		a ^= a >> 15
		out[i] = float32(a>>8)/(1<<23) - 1
	}
	return out
}

// initialOf draws a tensor as make.py does; its name is torchvision's.
func initialOf(name string, shape []int) []float32 {
	v := uniform(name, backend.Shape(shape).Len())
	offset, scale := float32(0), float32(0.25)
	switch {
	case strings.Contains(name, "ln") && strings.HasSuffix(name, "weight"):
		offset = 1
	case strings.HasSuffix(name, "bias"):
		scale = 0.125
	case len(shape) == 3:
		scale = 0.5
	}
	for i := range v {
		v[i] = offset + scale*v[i]
	}
	return v
}

// TestTransformerTrajectory trains a small network for ten steps beside
// PyTorch's float64 results, which testdata/vit/make.py made. (Measured: X in
// the losses.)
func TestTransformerTrajectory(t *testing.T) {
	golden, err := weights.ReadFile(filepath.Join("testdata", "vit", "trajectory.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []float64 {
		tensor, ok := golden.Get(name)
		if !ok {
			t.Fatalf("no %s among the results", name)
		}
		v, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float64, len(v))
		for i, f := range v {
			out[i] = float64(f)
		}
		return out
	}
	const batch, classes = 4, 10
	for _, tt := range []struct {
		name   string
		names  transformerNames
		rename func(string) string // to torchvision's
	}{
		{"timm", timmNames, torchvisionName},
		{"torchvision", torchvisionNames, func(s string) string { return s }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := cpuref.New()
			small := transformer{image: 32, patch: 4, dim: 48, depth: 2, heads: 3, mlp: 96, names: tt.names}
			n := mustBuildOf(t, small.build, b, Config{Input: [3]int{3, 32, 32}, Classes: classes, Batch: batch})
			var start []weights.Tensor
			var velocity []backend.Tensor
			for _, p := range n.Params() {
				start = append(start, weights.FromFloat32(p.Name, p.Shape, initialOf(tt.rename(p.Name), p.Shape)))
				velocity = append(velocity, b.NewTensor(backend.F32, p.Shape))
			}
			if _, err := n.LoadState(&weights.File{Tensors: start}, true); err != nil {
				t.Fatal(err)
			}
			write := func(step int) {
				x := uniform(fmt.Sprint("images ", step%3), batch*3*32*32)
				for i := range x {
					x[i] *= 2
				}
				b.Write(n.Input(), x)
				labels := make([]int32, batch)
				for i, u := range uniform(fmt.Sprint("labels ", step%3), batch) {
					labels[i] = int32((u + 1) / 2 * classes)
				}
				b.Write(n.Labels(), labels)
			}
			worst := 0.0
			losses := read("losses")
			for s, want := range losses[:min(trajectorySteps, len(losses))] {
				write(s)
				b.Write(n.Stats(), []float32{0, 0, 0})
				n.Forward(true)
				n.Loss(Loss{Scale: 1.0 / batch})
				n.Backward()
				got := float64(readFloats(t, b, n.Stats())[0]) / batch
				worst = max(worst, math.Abs(got/want-1))
				if !(math.Abs(got-want) <= 1e-4*want) {
					t.Fatalf("step %d: loss %.8f, want %.8f", s, got, want)
				}
				if s == 0 {
					nearly(t, "logits", readFloats(t, b, n.Logits()), read("logits"), 1e-4)
				}
				for i, p := range n.Params() {
					if s == 0 {
						nearly(t, "gradient of "+p.Name, readFloats(t, b, p.Grad), read("gradient."+tt.rename(p.Name)), 1e-3)
					}
					b.SGDStep(p.Value, p.Grad, velocity[i], backend.SGD{LR: 0.02, Momentum: 0.9, WeightDecay: 5e-4, Nesterov: true, First: s == 0})
				}
			}
			t.Logf("losses within %.1g relative", worst)
			if trajectorySteps < len(losses) {
				return
			}
			write(0)
			n.Forward(false)
			nearly(t, "logits in evaluation", readFloats(t, b, n.Logits()), read("evaluation"), 1e-3)
		})
	}
}

// mustBuildOf is mustBuild of a network that has no name.
func mustBuildOf(t testing.TB, construct builder, b backend.Backend, c Config) *Network {
	t.Helper()
	p, n, err := planOf(construct, b, c)
	if err != nil {
		t.Fatal(err)
	}
	n.allocate(p, true)
	t.Cleanup(n.Close)
	return n
}
