//go:build cgo && !nogpu

package gpu_test

import (
	"testing"

	"gputrain/gpu"
	"gputrain/model/backend/backendtest"
)

// TestStores holds the places of product tables that are not the default to
// the contract.
func TestStores(t *testing.T) {
	for name, s := range map[string]gpu.Store{"image texture": gpu.ImageTexture, "storage buffer": gpu.StorageBuffer, "shared memory": gpu.SharedMemory} {
		t.Run(name, func(t *testing.T) {
			d := open(t, gpu.Options{Products: s})
			backendtest.LUTMatMul(backendtest.Wrap(t), d)
			backendtest.LUTConv2D(backendtest.Wrap(t), d)
		})
	}
}
