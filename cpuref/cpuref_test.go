package cpuref_test

import (
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
)

// That other numbers of threads give the same bits is tested apart.
func TestConformance(t *testing.T) {
	backends := []backend.Backend{cpuref.NewThreads(3)}
	if oneThread {
		backends = append(backends, cpuref.NewPlain())
	}
	for _, b := range backends {
		t.Run(b.Name(), func(t *testing.T) { backendtest.Run(backendtest.Wrap(t), b) })
	}
	backends[0].(*cpuref.CPU).Close()
}
