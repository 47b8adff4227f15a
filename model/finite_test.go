package model

import (
	"math"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
)

func TestCheckFinite(t *testing.T) {
	u8 := lut.Unsigned(8)
	c := Config{Name: "lenet5", Input: [3]int{1, 28, 28}, Classes: 10, Batch: 2, Seed: 1,
		Quantization: DefaultQuantization(), Default: Float(), Rules: []Rule{{"conv?", exact(u8, u8)}}}
	nan := float32(math.NaN())
	set := func(t *testing.T, n *Network, name string, i int, v float32) {
		for _, p := range n.Params() {
			if p.Name == name {
				values := readFloats(t, n.b, p.Value)
				values[i] = v
				n.b.Write(p.Value, values)
				return
			}
		}
		t.Fatalf("no parameter %s", name)
	}
	for _, tt := range []struct {
		name    string
		spoil   func(t *testing.T, n *Network)
		culprit string
		want    string
	}{
		{"healthy", func(*testing.T, *Network) {}, "", ""},
		{"parameter", func(t *testing.T, n *Network) { set(t, n, "conv2.weight", 7, nan) },
			"conv2", "parameter conv2.weight: element 7 of 2400 is NaN"},
		{"infinite bias", func(t *testing.T, n *Network) { set(t, n, "fc1.bias", 0, float32(math.Inf(-1))) },
			"fc1", "parameter fc1.bias: element 0 of 120 is -Inf"},
		{"overflow", func(t *testing.T, n *Network) {
			set(t, n, "fc1.bias", 0, 1e30)
			set(t, n, "fc2.weight", 0, 1e30)
		}, "fc2", "output: element 0"},
		{"input", func(t *testing.T, n *Network) {
			x := readFloats(t, n.b, n.Input())
			x[5] = nan
			n.b.Write(n.Input(), x)
		}, "input", "element 5 of 1568 is NaN"},
		{"gradient", func(t *testing.T, n *Network) {
			// Logits are 0·±3e38, but the gradient of fc3's input sums
			// (9·0.1 + 0.9)·3e38 over the classes.
			for _, p := range n.Params() {
				v := make([]float32, p.Shape.Len())
				if p.Name == "fc3.weight" {
					for i := range v {
						v[i] = 3e38
						if i/84 == 4 {
							v[i] = -3e38
						}
					}
				}
				n.b.Write(p.Value, v)
			}
			n.b.Write(n.Labels(), []int32{4, -1})
		}, "fc3", "gradient of the input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := mustBuild(t, cpuref.New(), c)
			fill(n, 1)
			n.Forward(true)
			n.b.Write(n.Stats(), []float32{3, 4, 5})
			fill(n, 2)
			if tt.name == "gradient" {
				n.config.Batch = 1 // the scale of the one row that counts
			}
			tt.spoil(t, n)
			before := mustState(t, n)
			culprit, err := n.CheckFinite(true)
			if culprit != tt.culprit {
				t.Errorf("culprit %q, want %q (%v)", culprit, tt.culprit, err)
			}
			if tt.want == "" && err != nil {
				t.Error(err)
			} else if tt.want != "" {
				wantError(t, err, "model: "+tt.culprit, tt.want)
			}
			sameState(t, "CheckFinite", mustState(t, n), before)
			if s := readFloats(t, n.b, n.Stats()); s[0] != 3 || s[1] != 4 || s[2] != 5 {
				t.Errorf("Stats = %v, want 3, 4, 5", s)
			}
			if tt.name == "gradient" {
				if culprit, err := n.CheckFinite(false); culprit != "" || err != nil {
					t.Errorf("evaluation: %q, %v", culprit, err)
				}
			}
		})
	}
}
