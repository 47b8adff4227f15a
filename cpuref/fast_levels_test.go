package cpuref_test

import (
	"testing"

	"gputrain/cpuref"
	"gputrain/cpuref/kernel"
	"gputrain/model/backend/backendtest"
)

// TestLevels holds the products to the contract at every level of this machine
// but that of TestConformance. What the threads share is the same at all levels:
// the race detector need not see it here.
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
			w := backendtest.Wrap(t)
			backendtest.LUTMatMul(w, b)
			backendtest.DequantizeMatMul(w, b)
			backendtest.LUTMatMulBackwardW(w, b)
			backendtest.LUTMatMulBackwardX(w, b)
			backendtest.LUTConv2D(w, b)
			backendtest.DequantizeConv2D(w, b)
			backendtest.LUTConv2DBackwardW(w, b)
			backendtest.LUTConv2DBackwardX(w, b)
			backendtest.ExactSTE(w, b)
			backendtest.Conv2D(w, b)
			backendtest.Conv2DBackwardW(w, b)
			backendtest.Conv2DBackwardX(w, b)
		})
	}
}
