package model

import (
	"math"
	"runtime"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// heapNets are networks with both kinds of layers and gradients.
var heapNets = map[string]func(t testing.TB, batch int) *Network{
	"resnet8": func(t testing.TB, batch int) *Network {
		return mustBuild(t, cpuref.New(), heapConfig("*conv?", batch))
	},
	"transformer": func(t testing.TB, batch int) *Network {
		return mustBuildOf(t, smallTransformer.build, cpuref.New(), heapConfig("*.0.*", batch))
	},
}

func heapConfig(approximate string, batch int) Config {
	u4 := lut.Unsigned(4)
	return Config{Name: "resnet8", Input: [3]int{1, 4, 4}, Classes: 10, Batch: batch,
		Quantization: DefaultQuantization(), Default: Float(), Rules: []Rule{{approximate, bent(u4, u4)}}}
}

// heapStep is a whole step but for the read-back of the statistics.
func heapStep(n *Network, x []float32, labels []int32) {
	n.b.Write(n.Input(), x)
	n.b.Write(n.Labels(), labels)
	n.Forward(true)
	n.Loss(Loss{Scale: 1})
	n.Backward()
	for _, p := range n.Params() {
		n.b.SGDStep(p.Value, p.Grad, nil, backend.SGD{LR: 1e-3})
	}
}

// TestHeapPerStep holds the garbage of a step under 64 KiB, and to the same
// within 4 KiB for two batch sizes. Garbage of a step is in every step, so the
// least of many counts: each thread of a backend makes its scratch when it first
// gets work of a kind, which on a busy machine goes on for several steps.
func TestHeapPerStep(t *testing.T) {
	garbage := func(name string, batch int) int64 {
		n := heapNets[name](t, batch)
		x, labels := fill(n, 1)
		least := int64(math.MaxInt64)
		for range 40 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			heapStep(n, x, labels)
			runtime.ReadMemStats(&after)
			least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
		}
		t.Logf("%s, batch %d: %d bytes a step", name, batch, least)
		return least
	}
	for name := range heapNets {
		small, large := garbage(name, 8), garbage(name, 64)
		if large >= 64<<10 {
			t.Errorf("%s: %d bytes of garbage a step, want under %d", name, large, 64<<10)
		}
		if d := large - small; d > 4<<10 || d < -4<<10 {
			t.Errorf("%s: %d bytes of garbage a step at batch 64, %d at batch 8", name, large, small)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	n := heapNets["resnet8"](b, 8)
	x, labels := fill(n, 1)
	heapStep(n, x, labels)
	b.ReportAllocs()
	for b.Loop() {
		heapStep(n, x, labels)
	}
}
