package backendtest

import (
	"math"
	"testing"

	"gputrain/model/backend"
)

func near(t *testing.T, name string, got []Approx, want ...float64) {
	t.Helper()
	for i, w := range want {
		if len(got) != len(want) || math.Abs(got[i].Value-w) > 1e-12 {
			t.Errorf("%s = %v, want %v", name, values(got), want)
			return
		}
	}
}

func TestMatMulOfFloatsByHand(t *testing.T) {
	s := MatMulShape{Batch: 2, M: 1, K: 2, N: 1}
	near(t, "y", approx(s.floats([]float32{1, 2, 3, 4}, []float32{5, 6, 7, 8}), 1), 17, 53)
	near(t, "dw", approx(s.floatsW([]float32{10, 100}, []float32{5, 6, 7, 8}), 1), 50, 60, 700, 800)
	near(t, "dx", approx(s.floatsX([]float32{10, 100}, []float32{1, 2, 3, 4}), 1), 10, 20, 300, 400)
}

// Two channels of two tokens, {0, 2} and {5, 5}, times ½.
func TestSoftmaxOverChannelsByHand(t *testing.T) {
	s := backend.Shape{1, 2, 2}
	x := []float32{0, 5, 2, 5}
	p := 1 / (1 + math.E)
	near(t, "y", softmax(s, x, 0.5), p, 0.5, 1-p, 0.5)
	// Σ dy·y = 4·¼ + 8·¾ = 7; dx = 2·¼·(4−7), 2·¾·(8−7). Of the other token
	// Σ = 1, dx = 2·½·(3−1), 2·½·(−1−1).
	near(t, "dx", softmaxGradient(s, []float32{4, 3, 8, -1}, []float32{0.25, 0.5, 0.75, 0.5}, 2), -1.5, 2, 1.5, -2)
}

func TestLayerNormByHand(t *testing.T) {
	s := backend.Shape{1, 2, 1}
	// μ = 3, σ² = 1, r = 1/√(1 + 3) = ½; y = γ·(∓1)·½ + β.
	y, saved := layerNormalized(s, []float32{2, 4}, []float32{4, 6}, []float32{1, 2}, 3)
	near(t, "y", y, -1, 5)
	near(t, "saved", saved, 3, 0.5)
	// x̂ = ∓½, d = {8, −6}, mean d = 1, mean d·x̂ = (−4−3)/2 = −3½:
	// dx = ½·(8 − 1 − 1¾), ½·(−6 − 1 + 1¾).
	dx, dgamma, dbeta := layerNormGradients(s, []float32{2, -1}, []float32{2, 4}, []float32{4, 6}, []float32{3, 0.5})
	near(t, "dx", dx, 2.625, -2.625)
	near(t, "dgamma", dgamma, -1, -0.5)
	near(t, "dbeta", dbeta, 2, -1)
}

// Tables of the normal distribution: Φ(1) = 0.841344746068543, φ(1) =
// 0.241970724519143.
func TestGELUByHand(t *testing.T) {
	near(t, "y", gelu([]float32{1, -1, 0}), 0.841344746068543, -0.158655253931457, 0)
	near(t, "dx", geluGradient([]float32{2, 1, 1}, []float32{1, -1, 0}), 2.166630941175372, -0.0833154705876860, 0.5)
}

func TestCopiedByHand(t *testing.T) {
	c := copyCase{to: backend.Layout{Offset: 1, Stride: [4]int{0, 0, 1, 2}}, from: backend.Layout{Offset: 2, Stride: [4]int{0, 0, 3, 1}}, size: [4]int{1, 1, 2, 3}}
	same(t, "dst", c.copied(make([]float32, 8), []float32{0, 1, 2, 3, 4, 5, 6, 7}), []float32{0, 2, 5, 3, 6, 4, 7, 0})
}

// The hashes come from the contract, put down in Python.
func TestDropHash(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		want [4]uint32 // of elements 0, 1, 2 and 70,000
	}{
		{0, [4]uint32{0, 0xcafeba47, 0xcab8c8eb, 0xf1e10611}},
		{1, [4]uint32{0xcafeba47, 0xcab8c8eb, 0x202bb070, 0xca079f11}},
		{0xdeadbeefffffffff, [4]uint32{0x42787d2d, 0x2a2acaf2, 0x6d2a9b5f, 0xc46547d0}},
	} {
		for i, element := range []uint64{0, 1, 2, 70000} {
			if got := dropHash(element, c.seed); got != c.want[i] {
				t.Errorf("h(%d) of seed %#x = %#x, want %#x", element, c.seed, got, c.want[i])
			}
		}
	}
	same(t, "y", dropped([]float32{1, 1, 1, 3}, 0.75, 0), []float32{0, 4, 4, 0})
}

func TestFrozenGradientsByHand(t *testing.T) {
	// r = 1/√(3+1) = ½, x̂ = {1, 2}.
	dx, dgamma, dbeta := frozenGradients(backend.Shape{2, 1}, []float32{3, 5}, []float32{12, 14}, []float32{4}, []float32{10}, []float32{3}, backend.BatchNormHyper{Eps: 1})
	near(t, "dx", dx, 6, 10)
	near(t, "dgamma", dgamma, 13)
	near(t, "dbeta", dbeta, 8)
}

func TestNormByHand(t *testing.T) {
	near(t, "sum", []Approx{squares(1, []float32{2, -3})}, 14)
	near(t, "x", clipped([]float32{4, -2}, 16, 1), 4/4.000001, -2/4.000001)
	near(t, "x", clipped([]float32{4, -2}, 16, 5), 4, -2)
	same(t, "e", averaged([]float32{4}, []float32{8}, 0.75), []float32{5})
}
