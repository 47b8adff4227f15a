package model

import (
	"math"
	"testing"

	"gputrain/cpuref"
)

// TestLayerNormEps normalises tokens of a variance near timm's ε, 1e-6.
func TestLayerNormEps(t *testing.T) {
	b := cpuref.New()
	n := mustBuildOf(t, smallTransformer.build, b, Config{Input: [3]int{3, 8, 8}, Classes: 10, Batch: 2})
	b.Write(n.Input(), make([]float32, 2*3*8*8))
	for _, p := range n.Params() {
		v := readFloats(t, b, p.Value)
		for i := range v {
			switch p.Name {
			case "patch_embed.proj.bias": // the images are black
				v[i] = 0
			case "pos_embed":
				v[i] /= 10 // of deviation 0.002
			case "blocks.0.norm1.weight":
				v[i] = float32(i)
			case "blocks.0.norm1.bias":
				v[i] = 100 - float32(i)
			}
		}
		b.Write(p.Value, v)
	}
	for _, l := range n.layers {
		l, ok := l.(*layerNorm)
		if !ok {
			continue
		}
		n.Forward(true)
		x := readFloats(t, b, l.x.t)
		C, T := l.x.shape[1], l.x.shape[3]
		want := make([]float64, len(x))
		for i := range 2 * T {
			at := func(c int) int { return (i/T*C+c)*T + i%T }
			mean, variance := 0.0, 0.0
			for c := range C {
				mean += float64(x[at(c)]) / float64(C)
			}
			for c := range C {
				variance += math.Pow(float64(x[at(c)])-mean, 2) / float64(C)
			}
			for c := range C {
				want[at(c)] = float64(c)*(float64(x[at(c)])-mean)/math.Sqrt(variance+1e-6) + 100 - float64(c)
			}
		}
		nearly(t, l.name, readFloats(t, b, l.y.t), want, 1e-5)
		return
	}
	t.Error("no layer normalises tokens")
}
