package model

import (
	"math"
	"strings"
	"testing"

	"gputrain/cpuref"
)

// TestVGGStart looks at the initial weights of a VGG without batch
// normalisation, and for a trace of the images in its logits, without which it
// could not be trained.
func TestVGGStart(t *testing.T) {
	if !largeNetworks {
		t.Skip("a large network")
	}
	n := mustBuild(t, cpuref.New(), Config{Name: "vgg19", Input: [3]int{3, 32, 32}, Classes: 10, Batch: 2, Seed: 1})
	for _, p := range n.Params() {
		v := readFloats(t, n.b, p.Value)
		var squares float64
		for _, f := range v {
			squares += float64(f) * float64(f)
		}
		want := 2 / float64(9*p.Shape[0])
		switch {
		case strings.HasSuffix(p.Name, "bias"):
			want = 0
		case p.Name == "classifier.weight":
			want = 1e-4
		}
		// The variance of n normal numbers has the deviation √(2/n).
		if got, d := squares/float64(len(v)), 5*math.Sqrt(2/float64(len(v))); math.Abs(got-want) > d*want {
			t.Errorf("%s: variance %g, want %g", p.Name, got, want)
		}
	}
	fill(n, 1)
	n.Forward(false)
	logits := readFloats(t, n.b, n.Logits())
	apart := 0.0
	for c := range 10 {
		apart = max(apart, math.Abs(float64(logits[c]-logits[10+c])))
	}
	if apart < 1e-3 {
		t.Errorf("the logits of two images differ by %g", apart)
	}
}
