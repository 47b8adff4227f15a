package cpuref

import (
	"testing"

	"gputrain/cpuref/kernel"
)

// TestBench runs every measurement once, on a small shape.
func TestBench(t *testing.T) {
	var streamed int
	results := Bench(BenchOptions{
		Threads: []int{1, 2},
		Shapes:  []BenchShape{{M: 3, K: 5, N: 70, Groups: 2}},
		Rounds:  1,
		Done:    func(BenchResult) { streamed++ },
	})
	seen := make(map[string]int)
	for _, r := range results {
		seen[r.Kernel]++
		rate := r.Lookups + r.MACs
		if r.Groups != 2 || r.M != 3 || r.K != 5 || r.N != 70 || r.Seconds <= 0 || r.CycleNS <= 0 || rate <= 0 || (r.Lookups > 0) == (r.MACs > 0) {
			t.Errorf("result %+v", r)
		}
	}
	runs := 2 * len(kernel.Levels())
	for name, want := range map[string]int{"plain": 1, "forward": 3 * runs, "backward-w": 2 * runs, "backward-x": 2 * runs, "backward": 2 * runs, "product": runs} {
		if seen[name] != want {
			t.Errorf("%d results of %s, want %d", seen[name], name, want)
		}
	}
	if streamed != len(results) {
		t.Errorf("%d results handed out, want %d", streamed, len(results))
	}
}
