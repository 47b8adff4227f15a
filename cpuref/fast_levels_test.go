package cpuref_test

import (
	"testing"

	"gputrain/cpuref"
	"gputrain/cpuref/kernel"
	"gputrain/model/backend/backendtest"
)

// TestLevels holds every level of this machine but that of TestConformance to the
// contract. What the threads share is the same at all levels: the race detector
// need not see it here.
func TestLevels(t *testing.T) {
	if !oneThread {
		t.Skip("under the race detector TestFastThreads runs all levels")
	}
	tested, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range kernel.Levels() {
		if level == tested {
			continue
		}
		t.Run(level.String(), func(t *testing.T) {
			b := cpuref.NewLevel(2, level)
			defer b.Close()
			backendtest.Run(backendtest.Wrap(t), b)
		})
	}
}
