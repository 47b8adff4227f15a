package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gputrain/lut"
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// exact is the exact multiplier of two operands with straight-through
// gradients, ∂AM/∂W = X and ∂AM/∂X = W (Eq. 3).
func exact(w, x lut.Operand) Multiplier {
	return withSTE(lut.New("exact", w, x, func(W, X int) int { return W * X }))
}

// bent is not exact and not commutative, and bent(0, 0) is not 0.
func bent(w, x lut.Operand) Multiplier {
	return withSTE(lut.New("bent", w, x, func(W, X int) int { return W*X ^ (1 | W&2) }))
}

func withSTE(t *lut.Table) Multiplier {
	ramp := func(o lut.Operand) []float32 {
		v := make([]float32, o.Count())
		for code := range v {
			v[code] = float32(o.Value(code))
		}
		return v
	}
	ones := func(o lut.Operand) []float32 {
		v := make([]float32, o.Count())
		for code := range v {
			v[code] = 1
		}
		return v
	}
	dw, err := lut.NewFactored(t.W(), t.X(), 1, ones(t.W()), ramp(t.X()))
	if err != nil {
		panic(err)
	}
	dx, err := lut.NewFactored(t.W(), t.X(), 1, ramp(t.W()), ones(t.X()))
	if err != nil {
		panic(err)
	}
	return Multiplier{Name: t.Name(), Table: t, Gradients: lut.Gradients{DW: dw, DX: dx}}
}

func mustBuild(t testing.TB, b backend.Backend, c Config) *Network {
	t.Helper()
	n, err := Build(b, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func readFloats(t testing.TB, b backend.Backend, x backend.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.Shape().Len())
	if err := b.Read(v, x); err != nil {
		t.Fatal(err)
	}
	return v
}

func readCodes(t testing.TB, b backend.Backend, x backend.Tensor) []uint8 {
	t.Helper()
	v := make([]uint8, x.Shape().Len())
	if err := b.Read(v, x); err != nil {
		t.Fatal(err)
	}
	return v
}

func mustState(t testing.TB, n *Network) []weights.Tensor {
	t.Helper()
	s, err := n.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sameState compares bits.
func sameState(t testing.TB, what string, got, want []weights.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; g.Name != w.Name || string(g.Data) != string(w.Data) {
			t.Errorf("%s: %s differs from %s", what, g.Name, w.Name)
		}
	}
}

// fill writes a batch of noise, a little of its class in each image.
func fill(n *Network, seed uint64) (x []float32, labels []int32) {
	r := rand.New(rand.NewPCG(seed, 1))
	labels = make([]int32, n.config.Batch)
	x = make([]float32, n.Input().Shape().Len())
	for i := range labels {
		labels[i] = int32(r.IntN(n.config.Classes))
		image := x[i*len(x)/len(labels):][:len(x)/len(labels)]
		for j := range image {
			image[j] = float32(r.NormFloat64() + math.Sin(float64(j)*float64(labels[i]+1)/10))
		}
	}
	n.b.Write(n.Input(), x)
	n.b.Write(n.Labels(), labels)
	return x, labels
}

// step makes one step of SGD and returns the mean loss.
func step(t testing.TB, n *Network, lr float64) float32 {
	t.Helper()
	n.b.Write(n.Stats(), []float32{0, 0, 0})
	n.Forward(true)
	n.Loss(Loss{Scale: 1 / float32(n.config.Batch)})
	n.Backward()
	for _, p := range n.Params() {
		n.b.SGDStep(p.Value, p.Grad, nil, backend.SGD{LR: lr})
	}
	return readFloats(t, n.b, n.Stats())[0] / float32(n.config.Batch)
}

// wantError checks for one line that holds every part.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want one line with %q", err, part)
		}
	}
}
