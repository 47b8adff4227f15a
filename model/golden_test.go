package model

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
)

// golden are steps of training that testdata/golden/make.py has had PyTorch
// make in float64.
type golden struct {
	Network, Stem string
	Size, Batch   int
	LR            float64
	Seed          uint64
	Losses        []float64
	LogitsBefore  []float64           `json:"logits_before"` // in evaluation
	LogitsAfter   []float64           `json:"logits_after"`
	Gradients     map[string]struct { // of the first step
		Max float64   // of all elements
		At  []float64 // some of them
	}
}

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.NewDecoder(z).Decode(&g); err != nil {
		t.Fatal(err)
	}
	return g
}

// hashed and the functions after it say what make.py says.
func hashed(name string, i int) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return mix32(h.Sum32() + mix32(uint32(i)))
}

func mix32(a uint32) uint32 {
	a ^= a >> 16
	a *= 0x21f0aaad
	a ^= a >> 15
	a *= 0x735a2d97
	return a ^ a>>15
}

func unit(name string, n int) []float32 {
	u := make([]float32, n)
	for i := range u {
		u[i] = float32(hashed(name, i)>>8)*0x1p-23 - 1
	}
	return u
}

func goldenFill(name string, shape backend.Shape) []float32 {
	v := unit(name, shape.Len())
	for i, u := range v {
		switch {
		case strings.HasSuffix(name, "running_mean"):
			v[i] = 0.1 * u
		case strings.HasSuffix(name, "running_var"):
			v[i] = 1 + float32(0.5*u)
		case strings.HasSuffix(name, "bias"):
			v[i] = 1 + float32(0.1*u)
		case len(shape) == 1:
			v[i] = 0.5 + float32(0.1*u)
		default:
			v[i] = float32(math.Sqrt(6/float64(shape[1:].Len()))) * u
		}
	}
	return v
}

// TestGolden trains each family of networks as PyTorch did. Losses agree within
// 1e-4 relative, the gradients of the first step within 1e-3 of the greatest of
// each tensor, logits within 1e-4 of the greatest.
func TestGolden(t *testing.T) {
	for _, name := range []string{"vgg11", "vgg19_bn", "resnet18", "resnet50", "resnet32", "mobilenet_v2"} {
		t.Run(name, func(t *testing.T) {
			if !largeNetworks && name != "resnet32" {
				t.Skip("a large network")
			}
			g := readGolden(t, "testdata/golden/"+name+".json.gz")
			g.run(t, min(len(g.Losses), goldenSteps))
		})
	}
}

// largeNetworks says whether networks of millions of weights are trained.
var largeNetworks = true

// goldenSteps is the most steps of a golden trajectory that are made.
var goldenSteps = 10

func (g golden) run(t *testing.T, steps int) {
	const classes = 10
	b := cpuref.New()
	n := mustBuild(t, b, Config{Name: g.Network, Stem: g.Stem, Input: [3]int{3, g.Size, g.Size},
		Classes: classes, Batch: g.Batch, Seed: g.Seed})
	for _, e := range n.state {
		if e.counter == nil {
			b.Write(e.t, goldenFill(e.name, e.shape))
		}
	}
	images := func(k int) {
		b.Write(n.Input(), unit(fmt.Sprintf("images.%d", k), n.Input().Shape().Len()))
		labels := make([]int32, g.Batch)
		for i := range labels {
			labels[i] = int32(hashed(fmt.Sprintf("labels.%d", k), i) % classes)
		}
		b.Write(n.Labels(), labels)
	}
	evaluate := func(what string, want []float64) {
		images(2)
		n.Forward(false)
		t.Logf("%s: %.1g of the greatest", what, nearly(t, what, readFloats(t, b, n.Logits()), want, 1e-4))
	}
	evaluate("logits in evaluation", g.LogitsBefore)
	worst, steepest := 0.0, 0.0
	for s := range steps {
		n.SetStep(uint64(s))
		images(s % 2)
		b.Write(n.Stats(), []float32{0, 0, 0})
		n.Forward(true)
		n.Loss(Loss{Scale: 1 / float32(g.Batch)})
		n.Backward()
		got, want := float64(readFloats(t, b, n.Stats())[0])/float64(g.Batch), g.Losses[s]
		worst = max(worst, math.Abs(got-want)/want)
		if !(math.Abs(got-want) <= 1e-4*want) {
			t.Fatalf("step %d: loss %.8f, want %.8f", s, got, want)
		}
		for _, p := range n.Params() {
			if s == 0 {
				steepest = max(steepest, g.checkGradient(t, n, p))
			}
			b.SGDStep(p.Value, p.Grad, nil, backend.SGD{LR: g.LR})
		}
	}
	t.Logf("losses within %.1g relative, gradients within %.1g of the greatest", worst, steepest)
	if steps == len(g.Losses) {
		evaluate("logits after training", g.LogitsAfter)
	}
}

// checkGradient compares a gradient and returns the share by which it is off.
func (g golden) checkGradient(t *testing.T, n *Network, p Param) float64 {
	const samples = 32
	want, ok := g.Gradients[p.Name]
	if !ok {
		t.Fatalf("PyTorch has no %s", p.Name)
	}
	values := readFloats(t, n.b, p.Grad)
	var got []float32
	for j := range want.At {
		at := j
		if len(values) > samples {
			at = int(hashed(p.Name, j) % uint32(len(values)))
		}
		got = append(got, values[at])
	}
	top := want.Max
	if w, ok := strings.CutSuffix(p.Name, "bias"); ok && top < 1e-10 {
		// Batch normalisation takes out what a bias before it adds: the gradient
		// is 0, and what is left of it is to be small beside the weight's.
		top = g.Gradients[w+"weight"].Max
	}
	off := 0.0
	for i, w := range want.At {
		off = max(off, math.Abs(float64(got[i])-w)/top)
	}
	if !(off <= 1e-3) {
		t.Errorf("gradient of %s: off by %.2g of its greatest, %g", p.Name, off, top)
	}
	most := 0.0
	for _, v := range values {
		most = max(most, math.Abs(float64(v)))
	}
	if !(math.Abs(most-want.Max) <= 1e-3*top) {
		t.Errorf("gradient of %s: at most %g, want %g", p.Name, most, want.Max)
	}
	return off
}
