package trainer

import (
	"math"
	"testing"
)

// TestRate compares the schedules with values worked out by hand.
func TestRate(t *testing.T) {
	tests := []struct {
		name string
		s    Schedule
		want map[int]float64 // by step, of 10 epochs of 4 steps at 0.8
	}{
		{"constant", Schedule{Name: "constant"}, map[int]float64{0: 0.8, 39: 0.8}},
		{"step", Schedule{Name: "step", Every: 3, Gamma: 0.5},
			map[int]float64{0: 0.8, 11: 0.8, 12: 0.4, 23: 0.4, 24: 0.2, 36: 0.1, 39: 0.1}},
		{"milestones", Schedule{Name: "step", Milestones: []int{1, 5}, Gamma: 0.25},
			map[int]float64{3: 0.8, 4: 0.2, 19: 0.2, 20: 0.05, 39: 0.05}},
		// cos 0, 60°, 90°, 120° and, one step before the end, 175.5°
		{"cosine", Schedule{Name: "cosine"},
			map[int]float64{0: 0.8, 10: 0.4 + 0.4*math.Sqrt2/2, 20: 0.4, 30: 0.4 - 0.4*math.Sqrt2/2, 39: 0.0012330}},
		{"cosine to a floor", Schedule{Name: "cosine", MinLR: 0.2}, map[int]float64{0: 0.8, 20: 0.5, 30: 0.5 - 0.3*math.Sqrt2/2}},
		{"warm-up", Schedule{Name: "constant", Warmup: 0.75}, map[int]float64{0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8}},
		// 4 steps of rise, 36 of cosine
		{"warm-up to cosine", Schedule{Name: "cosine", Warmup: 1}, map[int]float64{0: 0.16, 3: 0.64, 4: 0.8, 16: 0.6, 22: 0.4, 28: 0.2}},
		{"warm-up over a drop", Schedule{Name: "step", Every: 1, Gamma: 0.5, Warmup: 2}, map[int]float64{0: 0.2 / 9, 7: 0.2 * 8 / 9, 8: 0.2, 12: 0.1}},
		{"nothing but warm-up", Schedule{Name: "cosine", Warmup: 10}, map[int]float64{0: 0.8 / 41, 39: 0.8 * 40 / 41}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for step, want := range tt.want {
				if got := tt.s.Rate(0.8, step, 4, 10); math.Abs(got-want) > 1e-7 {
					t.Errorf("step %d: %v, want %v", step, got, want)
				}
			}
		})
	}
}
