//go:build cgo && !nogpu

package gpu_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gputrain/gpu"
	"gputrain/model/backend"
)

// TestTooLarge checks that a tensor over the device's limit is an error with
// the bytes that were asked for, and that it sticks.
func TestTooLarge(t *testing.T) {
	d := open(t, gpu.Options{})
	limit := d.Info().Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"]
	n := int(min(limit, math.MaxInt32)/4) + 1
	x := d.NewTensor(backend.F32, backend.Shape{n})
	for range 2 {
		err := d.Sync()
		var e *gpu.Error
		if !errors.As(err, &e) || e.Op != "NewTensor" || !strings.Contains(err.Error(), fmt.Sprint(4*n, " bytes")) {
			t.Errorf("error %v, want one of NewTensor with %d bytes", err, 4*n)
		}
		d.ReLU(x, x)
		d.Free(d.NewTensor(backend.F32, backend.Shape{1}))
	}
}

// TestTightMemory checks that where a device has no memory left buffers that
// are kept for later are given back first, and workspace is made smaller.
func TestTightMemory(t *testing.T) {
	full := false
	d := open(t, gpu.Options{Fault: func(call string) error {
		if full && call == "BufferData" {
			full = false // that was what the kept buffers held
			return gpu.ErrOutOfMemory
		}
		return nil
	}})
	d.Free(d.NewTensor(backend.F32, backend.Shape{1000}))
	_ = d.Do(func() error { full = true; return nil })
	d.NewTensor(backend.F32, backend.Shape{5000})
	if err := d.Sync(); err != nil {
		t.Errorf("with buffers to give back: %v", err)
	}
	// Each failure halves the workspace.
	left := 3
	tight := open(t, gpu.Options{Fault: func(call string) error {
		if call != "BufferData" || left == 0 {
			return nil
		}
		left--
		return gpu.ErrOutOfMemory
	}})
	if n := tight.Workspace(1<<20, 1<<10); n != 1<<17 || tight.Sync() != nil {
		t.Errorf("workspace of %d bytes, want %d (%v)", n, 1<<17, tight.Sync())
	}
}

func TestBucket(t *testing.T) {
	last := 0
	for size := range 1 << 16 {
		got := gpu.Bucket(size)
		if got < size || got < last || got != gpu.Bucket(got) || got%4 != 0 || (size > 2048 && got > size+size/8) {
			t.Fatalf("bucket(%d) = %d after %d", size, got, last)
		}
		last = got
	}
	if got := gpu.Bucket(math.MaxInt32); got < math.MaxInt32 || got > 9*(math.MaxInt32/8) {
		t.Errorf("bucket of the largest tensor: %d", got)
	}
}

// TestNeeded compares with a search through the counts.
func TestNeeded(t *testing.T) {
	for _, p := range []float64{1e-9, 0.1, 1, 12.5, 33.333333, 50, 90, 99.9, 99.99, 100} {
		for _, n := range []int{1, 2, 3, 7, 100, 300, 2049, 12345} {
			want := 0
			for want < n && float64(want)*100 < p*float64(n) {
				want++
			}
			if got := gpu.Needed(p, n); got != want {
				t.Errorf("%v %% of %d: %d, want %d", p, n, got, want)
			}
		}
	}
}
