package model

import (
	"runtime"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// heapNet is a network with both kinds of layers and gradients.
func heapNet(t testing.TB, batch int) *Network {
	u4 := lut.Unsigned(4)
	return mustBuild(t, cpuref.New(), Config{Name: "resnet8", Input: [3]int{1, 8, 8}, Classes: 10, Batch: batch,
		Quantization: DefaultQuantization(), Default: Float(), Rules: []Rule{{"*conv?", bent(u4, u4)}}})
}

// heapStep is a whole step but for the read-back of the statistics.
func heapStep(n *Network, x []float32, labels []int32) {
	n.b.Write(n.Input(), x)
	n.b.Write(n.Labels(), labels)
	n.Forward(true)
	n.Loss(1)
	n.Backward()
	for _, p := range n.Params() {
		n.b.SGDStep(p.Value, p.Grad, nil, backend.SGD{LR: 1e-3})
	}
}

// TestHeapPerStep holds the garbage of a step under 64 KiB, whatever the batch.
func TestHeapPerStep(t *testing.T) {
	for _, batch := range []int{8, 64} {
		n := heapNet(t, batch)
		x, labels := fill(n, 1)
		heapStep(n, x, labels) // a backend may make scratch in its first step
		const steps = 3
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range steps {
			heapStep(n, x, labels)
		}
		runtime.ReadMemStats(&after)
		bytes := (after.TotalAlloc - before.TotalAlloc) / steps
		t.Logf("batch %d: %d bytes in %d objects a step", batch, bytes, (after.Mallocs-before.Mallocs)/steps)
		if bytes >= 64<<10 {
			t.Errorf("batch %d: %d bytes of garbage a step, want under %d", batch, bytes, 64<<10)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	n := heapNet(b, 8)
	x, labels := fill(n, 1)
	heapStep(n, x, labels)
	b.ReportAllocs()
	for b.Loop() {
		heapStep(n, x, labels)
	}
}
