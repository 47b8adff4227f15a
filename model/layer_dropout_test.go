package model

import (
	"slices"
	"testing"

	"gputrain/cpuref"
)

// dropoutNet is a dropout before a linear layer whose weights are 1.
func dropoutNet(t *testing.T, seed uint64, share float64) (n *Network, drop *dropout) {
	n = mustBuildOf(t, func(p *planner, x *value, classes int) *value {
		return p.linear("fc", p.dropout("drop", p.relu("relu", p.linear("first", x, 1000)), share), classes)
	}, cpuref.New(), Config{Input: [3]int{1, 2, 2}, Classes: 2, Batch: 8, Seed: seed})
	for _, l := range n.layers {
		if d, ok := l.(*dropout); ok {
			drop = d
		}
	}
	fill(n, 1)
	for _, p := range n.Params() { // so that what comes to dropout is 1
		v := make([]float32, p.Shape.Len())
		for i := range v {
			if p.Name != "first.weight" {
				v[i] = 1
			}
		}
		n.b.Write(p.Value, v)
	}
	return n, drop
}

// TestDropout counts what is left out, and looks at what that depends on.
func TestDropout(t *testing.T) {
	const share = 0.2
	forward := func(n *Network, drop *dropout, step uint64, train bool) []float32 {
		n.SetStep(step)
		n.Forward(train)
		return readFloats(t, n.b, drop.y.t)
	}
	n, drop := dropoutNet(t, 1, share)
	y := forward(n, drop, 5, true)
	zeros := 0
	for i, v := range y {
		switch v {
		case 0:
			zeros++
		case 1.25:
		default:
			t.Fatalf("element %d of ones is %v, want 0 or 1.25", i, v)
		}
	}
	// 8,000 draws: the deviation is 36.
	if zeros < 1400 || zeros > 1800 {
		t.Errorf("%d of %d left out, want about a fifth", zeros, len(y))
	}
	if again := forward(n, drop, 5, true); !slices.Equal(again, y) {
		t.Error("the same step leaves out other elements")
	}
	if other := forward(n, drop, 6, true); slices.Equal(other, y) {
		t.Error("another step leaves out the same elements")
	}
	for i, v := range forward(n, drop, 5, false) {
		if v != 1 {
			t.Fatalf("evaluation: element %d of ones is %v", i, v)
		}
	}
	m, other := dropoutNet(t, 2, share)
	if slices.Equal(forward(m, other, 5, true), y) {
		t.Error("another seed leaves out the same elements")
	}
}

// TestDropoutBackward holds dx to dy times what was left, step by step.
func TestDropoutBackward(t *testing.T) {
	n, drop := dropoutNet(t, 3, 0.5)
	n.SetStep(1)
	n.Forward(true)
	y := readFloats(t, n.b, drop.y.t)
	n.b.Write(n.Stats(), []float32{0, 0, 0})
	n.Loss(Loss{Scale: 1})
	for _, s := range n.steps {
		if s != backwardStep(drop) {
			s.backward()
			continue
		}
		dy := make([]float32, len(y))
		for i := range dy {
			dy[i] = float32(i%7) - 3
		}
		n.b.Write(drop.dy.t, dy)
		s.backward()
		for i, dx := range readFloats(t, n.b, drop.dx.t) {
			if dx != dy[i]*y[i] { // y is 0 or 2, dropout of 1
				t.Fatalf("dx[%d] = %v of dy = %v where 1 became %v", i, dx, dy[i], y[i])
			}
		}
		return
	}
	t.Error("dropout has no backward pass")
}
