package model

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/weights"
)

func quantizedResNet(perChannel bool) Config {
	q := DefaultQuantization()
	q.WeightPerChannel = perChannel
	u8 := lut.Unsigned(8)
	return Config{Name: "resnet8", Input: [3]int{3, 5, 5}, Classes: 10, Batch: 3, Seed: 1,
		Quantization: q, Default: bent(u8, u8), Rules: []Rule{{"fc", Float()}}}
}

// TestStateNames pins the names that checkpoints of torchvision have.
func TestStateNames(t *testing.T) {
	n := mustBuild(t, cpuref.New(), quantizedResNet(true))
	shapes := map[string][]int{}
	for _, tensor := range mustState(t, n) {
		shapes[tensor.Name] = tensor.Shape
		if want := strings.HasSuffix(tensor.Name, "num_batches_tracked"); want != (tensor.DType == "I64") {
			t.Errorf("%s is %s", tensor.Name, tensor.DType)
		}
	}
	for name, want := range map[string][]int{
		"conv1.weight": {16, 3, 3, 3}, "bn1.weight": {16}, "bn1.bias": {16}, "bn1.running_mean": {16},
		"bn1.running_var": {16}, "bn1.num_batches_tracked": {}, "layer1.0.conv1.weight": {16, 16, 3, 3},
		"layer2.0.downsample.0.weight": {32, 16, 1, 1}, "layer2.0.downsample.1.running_var": {32},
		"layer3.0.bn2.bias": {64}, "fc.weight": {10, 64}, "fc.bias": {10},
		"conv1.weight_quantizer.range": {3, 16}, "layer3.0.conv2.input_quantizer.range": {3},
	} {
		if got, ok := shapes[name]; !ok || !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	// 8 convolutions without bias and their quantizers, 9 batch norms, fc.
	if want := 9*3 + 9*5 + 2; len(shapes) != want {
		t.Errorf("%d tensors, want %d", len(shapes), want)
	}
	if _, ok := shapes["conv1.bias"]; ok {
		t.Error("conv1 has a bias")
	}
}

// TestStateRoundTrip goes through a file into a network of another seed, which
// then trains on to the same bits.
func TestStateRoundTrip(t *testing.T) {
	for _, perChannel := range []bool{false, true} {
		c := quantizedResNet(perChannel)
		a := mustBuild(t, cpuref.New(), c)
		for s := range uint64(2) {
			fill(a, s)
			step(t, a, 0.05)
		}
		saved := mustState(t, a)
		path := filepath.Join(t.TempDir(), "a.safetensors")
		if err := weights.WriteFile(path, &weights.File{Tensors: saved}); err != nil {
			t.Fatal(err)
		}
		f, err := weights.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c.Seed = 2
		b := mustBuild(t, cpuref.New(), c)
		report, err := b.LoadState(f, true)
		if err != nil || report.Missing != nil || report.Unexpected != nil {
			t.Fatalf("%+v, %v", report, err)
		}
		sameState(t, "loaded", mustState(t, b), saved)

		for _, n := range []*Network{a, b} {
			fill(n, 7)
			step(t, n, 0.05)
			n.Forward(false)
		}
		sameState(t, "one step on", mustState(t, b), mustState(t, a))
		if x, y := readFloats(t, a.b, a.Logits()), readFloats(t, b.b, b.Logits()); !slices.Equal(x, y) {
			t.Errorf("logits %v and %v", x, y)
		}
	}
}

// TestLoadFloatCheckpoint starts an approximate network from a float one,
// whose quantizers then have seen nothing, and goes back.
func TestLoadFloatCheckpoint(t *testing.T) {
	c := quantizedResNet(false)
	approximate := mustBuild(t, cpuref.New(), c)
	c.Default, c.Rules = Float(), nil
	float := mustBuild(t, cpuref.New(), c)

	fill(approximate, 1)
	step(t, approximate, 0.1)
	if names, err := approximate.Uncalibrated(); err != nil || len(names) > 0 {
		t.Errorf("uncalibrated after a step: %v, %v", names, err)
	}
	report, err := approximate.LoadState(&weights.File{Tensors: mustState(t, float)}, true)
	if err != nil || len(report.Missing) != 18 || report.Unexpected != nil {
		t.Errorf("%+v, %v, want 18 ranges missing", report, err)
	}
	names, err := approximate.Uncalibrated()
	if err != nil || len(names) != 18 || names[0] != "conv1.weight_quantizer" || names[1] != "conv1.input_quantizer" {
		t.Errorf("uncalibrated after a float checkpoint: %v, %v", names, err)
	}

	report, err = float.LoadState(&weights.File{Tensors: mustState(t, approximate)}, true)
	if err != nil || len(report.Unexpected) != 18 || report.Missing != nil {
		t.Errorf("%+v, %v, want 18 ranges unexpected", report, err)
	}
}

func TestLoadFaults(t *testing.T) {
	n := mustBuild(t, cpuref.New(), quantizedResNet(false))
	before := mustState(t, n)
	lenet := mustBuild(t, cpuref.New(), Config{Name: "lenet5", Input: [3]int{1, 28, 28}, Classes: 10, Batch: 1})

	t.Run("another network", func(t *testing.T) {
		report, err := n.LoadState(&weights.File{Tensors: mustState(t, lenet)}, true)
		wantError(t, err, "this resnet8", "conv1.weight is [6 1 5 5], want [16 3 3 3]",
			"missing bn1.weight, bn1.bias, bn1.running_mean and", "more", "unexpected conv1.bias, conv2.weight, conv2.bias and 6 more")
		if len(report.Unexpected) != 9 {
			t.Errorf("unexpected %v", report.Unexpected)
		}
	})
	t.Run("other classes", func(t *testing.T) {
		c := quantizedResNet(false)
		c.Classes = 100
		m := mustBuild(t, cpuref.New(), c)
		for _, strict := range []bool{true, false} {
			_, err := m.LoadState(&weights.File{Tensors: before}, strict)
			wantError(t, err, "fc.weight is [10 64], want [100 64]; fc.bias is [10], want [100]")
		}
	})
	t.Run("type", func(t *testing.T) {
		tensors := slices.Clone(before)
		for i, x := range tensors {
			switch x.Name {
			case "fc.bias":
				tensors[i] = weights.FromInt64(x.Name, x.Shape, make([]int64, 10))
			case "bn1.num_batches_tracked":
				tensors[i] = weights.FromFloat32(x.Name, nil, []float32{1})
			}
		}
		_, err := n.LoadState(&weights.File{Tensors: tensors}, false)
		wantError(t, err, `"fc.bias" is I64`, `"bn1.num_batches_tracked" is F32`)
	})
	sameState(t, "after errors", mustState(t, n), before)

	t.Run("not strict", func(t *testing.T) {
		bias := []float32{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}
		f := &weights.File{Tensors: []weights.Tensor{
			weights.FromFloat32("fc.bias", []int{10}, bias), weights.FromFloat32("head", nil, []float32{1})}}
		report, err := n.LoadState(f, false)
		if err != nil || len(report.Missing) != len(before)-1 || !slices.Equal(report.Unexpected, []string{"head"}) {
			t.Errorf("%+v, %v", report, err)
		}
		after := mustState(t, n)
		for i, x := range after {
			if x.Name == "fc.bias" {
				if got, _ := x.Float32(); !slices.Equal(got, bias) {
					t.Errorf("fc.bias = %v", got)
				}
				after[i] = before[i]
			}
		}
		sameState(t, "other tensors", after, before)
	})
}

// TestEvaluationMovesNothing runs evaluation twice after a training step.
func TestEvaluationMovesNothing(t *testing.T) {
	c := quantizedResNet(false)
	c.Quantization.PoolInputs, c.Quantization.Pool = true, lut.Unsigned(8)
	n := mustBuild(t, cpuref.New(), c)
	fill(n, 1)
	step(t, n, 0.05)
	before := mustState(t, n)
	x, _ := fill(n, 2)
	n.Forward(false)
	once := readFloats(t, n.b, n.Logits())
	for i := range x {
		x[i] *= 3 // other statistics, and beyond the ranges
	}
	n.b.Write(n.Input(), x)
	n.Forward(false)
	if slices.Equal(once, readFloats(t, n.b, n.Logits())) {
		t.Error("the logits do not depend on the input")
	}
	fill(n, 2)
	n.Forward(false)
	if again := readFloats(t, n.b, n.Logits()); !slices.Equal(once, again) {
		t.Errorf("logits %v, then %v", once, again)
	}
	sameState(t, "evaluation", mustState(t, n), before)

	n.Forward(true) // a calibration pass moves ranges and statistics, not parameters
	moved := map[string]bool{}
	for i, x := range mustState(t, n) {
		if string(x.Data) != string(before[i].Data) {
			moved[x.Name] = true
		}
	}
	for _, name := range []string{"conv1.input_quantizer.range", "avgpool.input_quantizer.range", "bn1.running_mean", "layer3.0.bn2.running_var", "bn1.num_batches_tracked"} {
		if !moved[name] {
			t.Errorf("Forward(true) leaves %s", name)
		}
	}
	for _, p := range n.Params() {
		if moved[p.Name] {
			t.Errorf("Forward(true) moves %s", p.Name)
		}
	}
}

func TestInitialWeights(t *testing.T) {
	c := Config{Name: "lenet5", Input: [3]int{3, 32, 32}, Classes: 10, Batch: 1, Seed: 1}
	a := mustState(t, mustBuild(t, cpuref.New(), c))
	sameState(t, "same seed", mustState(t, mustBuild(t, cpuref.New(), c)), a)
	c.Seed = 2
	other := mustState(t, mustBuild(t, cpuref.New(), c))
	// PyTorch's bound is 1/√fanIn, of weights and biases.
	fanIn := map[string]float64{"conv1": 75, "conv2": 150, "fc1": 400, "fc2": 120, "fc3": 84}
	for i, x := range a {
		v, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		if string(x.Data) == string(other[i].Data) {
			t.Errorf("%s does not depend on the seed", x.Name)
		}
		layer, _, _ := strings.Cut(x.Name, ".")
		bound := 1 / math.Sqrt(fanIn[layer])
		var top, sum, squares float64
		for _, f := range v {
			top = max(top, math.Abs(float64(f)))
			sum += float64(f)
			squares += float64(f) * float64(f)
		}
		if top > bound {
			t.Errorf("%s: %v exceeds the bound %v", x.Name, top, bound)
		}
		// Of n uniform numbers: mean within 4 of its standard deviations,
		// variance bound²/3 within 4 of its own.
		n := float64(len(v))
		sd := bound / math.Sqrt(3)
		if m := sum / n; math.Abs(m) > 4*sd/math.Sqrt(n) {
			t.Errorf("%s: mean %v of %v numbers within ±%v", x.Name, m, n, bound)
		}
		if va := squares / n; math.Abs(va/(sd*sd)-1) > 4*math.Sqrt(0.8/n) {
			t.Errorf("%s: variance %v, want %v", x.Name, va, sd*sd)
		}
	}
	first, second := make([]float32, 8), make([]float32, 8)
	kaimingUniform(4)(first, 1, "a")
	kaimingUniform(4)(second, 1, "b")
	if slices.Equal(first, second) {
		t.Error("two names have the same weights")
	}
}
