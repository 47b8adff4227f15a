package model

import (
	"errors"
	"slices"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// TestSummary compares counts with those of the literature, or by hand.
func TestSummary(t *testing.T) {
	for _, tt := range []struct {
		name   string
		input  [3]int
		params int64
		macs   int64
	}{
		// 6·25+6, 16·150+16, 400·120+120, 120·84+84, 84·10+10
		{"lenet5", [3]int{1, 28, 28}, 61706, 28*28*6*25 + 100*16*150 + 48000 + 10080 + 840},
		{"lenet5", [3]int{3, 32, 32}, 62006, 28*28*6*75 + 100*16*150 + 48000 + 10080 + 840},
		// LeNet-300-100, as counted by the literature on pruning.
		{"mlp", [3]int{1, 28, 28}, 266610, 266200},
		// 432+32; 2·(2304+32); 4608+9216+512+3·64; 18432+36864+2048+3·128; 650
		{"resnet8", [3]int{3, 32, 32}, 78042, 1024*432 + 1024*4608 + 256*(4608+9216+512) + 64*(18432+36864+2048) + 640},
		// numerics.md §6
		{"resnet20", [3]int{3, 32, 32}, 272474, 1024*(432+6*2304) + 256*(4608+5*9216+512) + 64*(18432+5*36864+2048) + 640},
	} {
		n := mustBuild(t, cpuref.New(), Config{Name: tt.name, Input: tt.input, Classes: 10, Batch: 1})
		s := n.Summary()
		if s.Params != tt.params || s.MACs != tt.macs {
			t.Errorf("%s %v: %d parameters, %d MACs, want %d, %d", tt.name, tt.input, s.Params, s.MACs, tt.params, tt.macs)
		}
		var params, macs, total int64
		for _, l := range s.Layers {
			params += l.Params
			macs += l.MACs
			if products := l.Kind == "conv2d" || l.Kind == "linear"; products != (l.MACs > 0) || products != (l.Multiplier == "float") {
				t.Errorf("%s: %+v", tt.name, l)
			}
		}
		for _, v := range s.Bytes {
			total += v
		}
		if params != s.Params || macs != s.MACs || total != s.TotalBytes {
			t.Errorf("%s: the layers do not sum to the whole: %+v", tt.name, s)
		}
		if got := s.Bytes["parameters"]; got != 4*tt.params || s.Bytes["gradients"] != got {
			t.Errorf("%s: bytes %v for %d parameters", tt.name, s.Bytes, tt.params)
		}
	}
	if got := Names()[:4]; !slices.Equal(got, []string{"lenet5", "mlp", "resnet8", "resnet20"}) {
		t.Errorf("Names() begins with %v", got)
	}
}

// counting counts the tensors that it makes, and what of them is not freed.
type counting struct {
	backend.Backend
	made, freed, tables int
	fail                error // of Sync
}

func (c *counting) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor {
	c.made++
	return c.Backend.NewTensor(dt, s)
}

func (c *counting) Free(t backend.Tensor) {
	c.freed++
	c.Backend.Free(t)
}

func (c *counting) NewTables(t *lut.Table, g lut.Gradients) backend.Tables {
	c.tables++
	return c.Backend.NewTables(t, g)
}

func (c *counting) FreeTables(t backend.Tables) {
	c.tables--
	c.Backend.FreeTables(t)
}

func (c *counting) Sync() error {
	if c.fail != nil {
		return c.fail
	}
	return c.Backend.Sync()
}

func TestBuildFaults(t *testing.T) {
	u8, s8 := lut.Unsigned(8), lut.Signed(8)
	yes := true
	ok := Config{Name: "lenet5", Input: [3]int{3, 32, 32}, Classes: 10, Batch: 2,
		Quantization: DefaultQuantization(), Default: exact(u8, u8)}
	// Sums of at most ⌊(2³¹−1)/2²⁴⌋ = 127 products: conv1 has 75, conv2 150.
	huge := withSTE(lut.New("huge", u8, u8, func(W, X int) int { return W*X + 1<<24 - 255*255 }))
	for _, tt := range []struct {
		name   string
		change func(c *Config)
		want   []string
	}{
		{"network", func(c *Config) { c.Name = "lenet" }, []string{`"lenet"`, "lenet5, mlp, resnet8, resnet20"}},
		{"image", func(c *Config) { c.Input = [3]int{3, 30, 32} }, []string{"lenet5", "30×32", "28×28 or 32×32"}},
		{"no image", func(c *Config) { c.Input = [3]int{3, 0, 32} }, []string{"0 rows"}},
		{"classes", func(c *Config) { c.Classes = 0 }, []string{"0 classes"}},
		{"batch", func(c *Config) { c.Batch = -1 }, []string{"batch of -1"}},
		{"huge batch", func(c *Config) { c.Batch = 1 << 40 }, []string{"input", "at most 2147483647 elements"}},
		{"overflowing batch", func(c *Config) { c.Batch = 1 << 62 }, []string{"at most 2147483647 elements"}},
		{"too long a sum", func(c *Config) { c.Default = huge }, []string{"conv2", "150 products of huge", "at most 127"}},
		{"pattern of no layer", func(c *Config) { c.Rules = []Rule{{"conv*", Float()}, {"layer1.*", Float()}} },
			[]string{`"layer1.*" matches none of conv1, conv2, fc1, fc2, fc3`}},
		{"pattern of a layer without products", func(c *Config) { c.Rules = []Rule{{"pool1", Float()}} }, []string{`"pool1" matches none of conv1`}},
		{"broken pattern", func(c *Config) { c.Rules = []Rule{{"conv[", Float()}} }, []string{`"conv["`, "syntax error"}},
		{"symmetric and unsigned", func(c *Config) { c.Quantization.WeightSymmetric = &yes }, []string{"conv1: weight: symmetric", "8u"}},
		{"symmetric and unsigned input", func(c *Config) { c.Quantization.ActivationSymmetric = &yes }, []string{"conv1: input: symmetric", "8u"}},
		{"gradient of other operands", func(c *Config) { c.Default.Gradients.DX = exact(s8, s8).Gradients.DX }, []string{"conv1: ∂AM/∂X is for 8s×8s operands", "8u×8u"}},
		{"momentum", func(c *Config) { c.Quantization.ActivationObserver.Momentum = 0 }, []string{"activation observer with momentum 0"}},
		{"percentile", func(c *Config) {
			c.Quantization.ActivationObserver = backend.Observer{Kind: backend.ObservePercentile, Momentum: 1}
		}, []string{"percentile 0"}},
		{"per channel", func(c *Config) {
			c.Quantization.WeightPerChannel, c.Quantization.WeightObserver = true, c.Quantization.ActivationObserver
		}, []string{"min/max observer only"}},
		{"pooling", func(c *Config) { c.Quantization.PoolInputs = true }, []string{"inputs of pooling: operand of 0 bits"}},
		{"one element a channel", func(c *Config) { c.Name, c.Input, c.Batch = "resnet8", [3]int{3, 4, 4}, 1 },
			[]string{"layer3.0.bn1", "1 element a channel"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &counting{Backend: cpuref.New()}
			c := ok
			tt.change(&c)
			_, err := Build(b, c)
			wantError(t, err, append(tt.want, "model: ")...)
			if b.made > 0 || b.tables > 0 {
				t.Errorf("%d tensors and %d tables made before the error", b.made, b.tables)
			}
		})
	}
	if _, err := Build(cpuref.New(), ok); err != nil {
		t.Errorf("the unchanged configuration: %v", err)
	}
}

// TestBuildOnBrokenBackend has a backend without the memory.
func TestBuildOnBrokenBackend(t *testing.T) {
	full := errors.New("out of memory")
	b := &counting{Backend: cpuref.New(), fail: full}
	_, err := Build(b, Config{Name: "mlp", Input: [3]int{1, 4, 4}, Classes: 2, Batch: 1})
	if !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if b.made != b.freed {
		t.Errorf("%d of %d tensors freed", b.freed, b.made)
	}
}

func TestClose(t *testing.T) {
	b := &counting{Backend: cpuref.New()}
	u8 := lut.Unsigned(8)
	m := exact(u8, u8)
	n := mustBuild(t, b, Config{Name: "lenet5", Input: [3]int{1, 28, 28}, Classes: 10, Batch: 2,
		Quantization: DefaultQuantization(), Default: m, Rules: []Rule{{"fc?", bent(u8, u8)}, {"fc3", Float()}}})
	if b.tables != 2 {
		t.Errorf("%d tables made for two multipliers", b.tables)
	}
	n.Close()
	n.Close()
	if b.made != b.freed || b.tables != 0 {
		t.Errorf("%d of %d tensors freed, %d tables left", b.freed, b.made, b.tables)
	}
}

// TestRules checks which rule wins, and that * matches dots.
func TestRules(t *testing.T) {
	u8 := lut.Unsigned(8)
	a, b2 := exact(u8, u8), bent(u8, u8)
	b2.Name = "" // the table's then
	n := mustBuild(t, cpuref.New(), Config{Name: "resnet8", Input: [3]int{3, 8, 8}, Classes: 10, Batch: 1,
		Quantization: DefaultQuantization(), Default: Float(),
		Rules: []Rule{{"*conv?", a}, {"layer3.*", b2}, {"layer3.0.conv2", a}, {"*.downsample.*", Float()}}})
	got := map[string]string{}
	for _, l := range n.Summary().Layers {
		if l.Multiplier != "" {
			got[l.Name] = l.Multiplier
		}
	}
	for name, want := range map[string]string{
		"conv1": "exact", "layer1.0.conv1": "exact", "layer2.0.conv2": "exact", "layer2.0.downsample.0": "float",
		"layer3.0.conv1": "bent", "layer3.0.conv2": "exact", "layer3.0.downsample.0": "float", "fc": "float",
	} {
		if got[name] != want {
			t.Errorf("%s has %q, want %q", name, got[name], want)
		}
	}
	var layers []string
	n.Forward(true)
	for _, o := range n.Operands() {
		layers = append(layers, o.Layer)
		if o.W.DType() != backend.U8 || o.X.DType() != backend.U8 || o.Multiplier.Table == nil {
			t.Errorf("%s: %+v", o.Layer, o)
		}
	}
	if want := []string{"conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1", "layer2.0.conv2", "layer3.0.conv1", "layer3.0.conv2"}; !slices.Equal(layers, want) {
		t.Errorf("Operands of %v, want %v", layers, want)
	}
}

// TestSharedMemory trains a network whose values share memory beside one
// whose values do not. Every bit is the same, and memory is saved.
func TestSharedMemory(t *testing.T) {
	u8 := lut.Unsigned(8)
	q := DefaultQuantization()
	q.PoolInputs, q.Pool = true, u8
	for _, c := range []Config{
		{Name: "resnet20", Input: [3]int{3, 5, 5}, Default: Float(), Rules: []Rule{{"*conv1", bent(u8, u8)}}},
		{Name: "lenet5", Input: [3]int{1, 28, 28}, Default: exact(u8, u8)},
		{Name: "vit_cifar", Input: [3]int{3, 8, 4}, Default: Float(), Rules: []Rule{{"*.[02].*", bent(u8, u8)}}},
	} {
		c.Classes, c.Batch, c.Quantization = 10, 3, q
		shared := mustBuild(t, cpuref.New(), c)
		apart, err := build(cpuref.New(), c, false)
		if err != nil {
			t.Fatal(err)
		}
		defer apart.Close()
		for s := range uint64(3) {
			for _, n := range []*Network{shared, apart} {
				fill(n, s)
				step(t, n, 0.05)
			}
			sameState(t, c.Name, mustState(t, shared), mustState(t, apart))
		}
		s, a := shared.summary.TotalBytes, apart.summary.TotalBytes // without what steps add to scratch
		if s >= a {
			t.Errorf("%s: %d bytes shared, %d apart", c.Name, s, a)
		}
		t.Logf("%s: activations and workspace %d bytes shared, %d apart", c.Name,
			shared.bytes["activations"]+shared.bytes["workspace"], apart.bytes["activations"]+apart.bytes["workspace"])
	}
}
