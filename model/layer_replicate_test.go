package model

import (
	"testing"

	"gputrain/cpuref"
)

// TestAverageTo compares adaptive pooling to 2×2 and its gradient with sums by
// hand.
func TestAverageTo(t *testing.T) {
	const size = 2
	for _, in := range []int{1, 2, 4, 6} {
		n := mustBuildOf(t, func(p *planner, x *value, classes int) *value {
			x = p.relu("relu", p.conv("conv", x, filter{out: 3, kernel: 1, stride: 1}))
			return p.linear("fc", p.averageTo("avgpool", x, size), classes)
		}, cpuref.New(), Config{Input: [3]int{1, in, in}, Classes: 4, Batch: 2, Seed: 1})
		fill(n, 1)
		n.Forward(true)
		var relu, fc *common
		for _, l := range n.layers {
			switch c := l.info(); c.name {
			case "relu":
				relu = c
			case "fc":
				fc = c
			}
		}
		x, y := readFloats(t, n.b, relu.y.t), readFloats(t, n.b, fc.x.t)
		window := max(in/size, 1)
		// from returns the pixels of x that y[i, j] averages.
		from := func(plane, i, j int) (at []int) {
			for p := range window {
				for q := range window {
					at = append(at, (plane*in+min(i*window+p, in-1))*in+min(j*window+q, in-1))
				}
			}
			return at
		}
		n.b.Write(n.Stats(), []float32{0, 0, 0})
		n.Loss(Loss{Scale: 1})
		var dy []float32
		for _, s := range n.steps {
			s.backward()
			name, dx := s.result()
			if name == "fc" {
				dy = readFloats(t, n.b, dx.t)
			}
			if name == "relu" {
				break
			}
		}
		want, wantDX := make([]float64, len(y)), make([]float64, len(x))
		for k := range y {
			at := from(k/(size*size), k/size%size, k%size)
			for _, i := range at {
				want[k] += float64(x[i]) / float64(len(at))
				if x[i] > 0 {
					wantDX[i] += float64(dy[k]) / float64(len(at))
				}
			}
		}
		nearly(t, "average", y, want, 1e-6)
		nearly(t, "gradient", readFloats(t, n.b, relu.dx.t), wantDX, 1e-6)
	}
	_, err := Describe(Config{Name: "vgg11", Stem: StemImageNet, Input: [3]int{3, 96, 96}, Classes: 10, Batch: 1})
	wantError(t, err, "model: avgpool", "3×3", "multiples of 7")
}
