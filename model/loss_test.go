package model

import (
	"math"
	"testing"

	"gputrain/cpuref"
)

// TestLoss compares the loss of mixed and smoothed targets, and the gradient of
// the last layer's bias, with the sums over classes.
func TestLoss(t *testing.T) {
	const batch, classes = 4, 10
	n := mustBuild(t, cpuref.New(), Config{Name: "mlp", Input: [3]int{1, 4, 4}, Classes: classes, Batch: batch})
	_, labels := fill(n, 1)
	mixed := []int32{3, 9, labels[2], 0}
	n.b.Write(n.Mixed(), mixed)
	for _, l := range []Loss{
		{Scale: 1.0 / batch},
		{Scale: 2, Smoothing: 0.1},
		{Scale: 1, Mixed: true, Lambda: 0.3},
		{Scale: 1, Smoothing: 0.2, Mixed: true, Lambda: 0.75},
		{Smoothing: 0.1},
	} {
		n.b.Write(n.Stats(), []float32{0, 0, 0})
		n.Forward(true)
		logits := readFloats(t, n.b, n.Logits())
		n.Loss(l)
		n.Backward()
		loss, bias := 0.0, make([]float64, classes)
		hits, five := 0, 0
		for i, label := range labels {
			row := logits[i*classes:][:classes]
			sum, above := 0.0, 0
			for _, v := range row {
				sum += math.Exp(float64(v))
				if v > row[label] {
					above++
				}
			}
			if above == 0 {
				hits++
			}
			if above < 5 {
				five++
			}
			for c, v := range row {
				a, b := 0.0, 0.0
				if c == int(label) {
					a = 1
				}
				if c == int(mixed[i]) {
					b = 1
				}
				q := a
				if l.Mixed {
					q = float64(l.Lambda)*a + (1-float64(l.Lambda))*b
				}
				q = (1-float64(l.Smoothing))*q + float64(l.Smoothing)/classes
				loss -= q * (float64(v) - math.Log(sum))
				bias[c] += float64(l.Scale) * (math.Exp(float64(v))/sum - q)
			}
		}
		s := readFloats(t, n.b, n.Stats())
		if math.Abs(float64(s[0])-loss) > 1e-5*loss || int(s[1]) != hits || int(s[2]) != five {
			t.Errorf("%+v: stats %v, want %v, %d, %d", l, s, loss, hits, five)
		}
		for _, p := range n.Params() {
			if p.Name != "fc3.bias" {
				continue
			}
			for c, g := range readFloats(t, n.b, p.Grad) {
				if math.Abs(float64(g)-bias[c]) > 1e-5*float64(l.Scale) {
					t.Errorf("%+v: gradient of fc3.bias[%d] = %v, want %v", l, c, g, bias[c])
				}
			}
		}
	}
}
