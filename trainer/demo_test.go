//go:build !race

package trainer

import (
	"context"
	"testing"

	"gputrain/cpuref"
)

// TestDemo holds the demonstration to what it is there to show, whatever the
// seed: replacing the multipliers costs at least 20 points, and retraining
// under each estimator regains at least half of what was lost. It is left out
// under the race detector, where it would take minutes.
func TestDemo(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		r, err := Demo(context.Background(), cpuref.New(), DemoOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %+v", seed, *r)
		if r.Float < 0.9 || r.QAT < 0.9 {
			t.Errorf("seed %d: accuracy %v in float32, %v quantized; want 0.9", seed, r.Float, r.QAT)
		}
		lost := r.QAT - r.Replaced
		if lost < 0.2 {
			t.Errorf("seed %d: replacing went from %v to %v, want a loss of 0.2", seed, r.QAT, r.Replaced)
		}
		if len(r.Retrained) != len(DemoMethods()) {
			t.Errorf("seed %d: retrained %v, want %v", seed, r.Retrained, DemoMethods())
		}
		for method, accuracy := range r.Retrained {
			if accuracy-r.Replaced < lost/2 {
				t.Errorf("seed %d: %s went from %v to %v, want half of the %v that was lost", seed, method, r.Replaced, accuracy, lost)
			}
		}
	}
}
