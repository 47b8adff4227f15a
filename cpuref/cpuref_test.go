package cpuref_test

import (
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
)

func TestConformance(t *testing.T) {
	backends := []backend.Backend{cpuref.NewPlain()}
	// That other numbers of threads give the same bits is tested apart.
	for _, threads := range []int{1, 3} {
		c := cpuref.NewThreads(threads)
		t.Cleanup(c.Close)
		backends = append(backends, c)
	}
	for _, b := range backends {
		t.Run(b.Name(), func(t *testing.T) { backendtest.Run(backendtest.Wrap(t), b) })
	}
}
