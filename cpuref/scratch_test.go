package cpuref

import (
	"reflect"
	"testing"

	"gputrain/model/backend"
)

// TestScratchBytes counts what an operation leaves behind, and what is reserved.
func TestScratchBytes(t *testing.T) {
	if got, want := held(reflect.ValueOf([]*workspace{{sums: make([]int32, 3, 5), codes: im2col[uint8]{x: make([]uint8, 1000)}}, nil})), int64(8*2+4*5); got != want {
		t.Errorf("held = %d, want %d", got, want)
	}
	c := New()
	before := c.Scratch()
	c.Reserve(1 << 20)
	reserved := c.Scratch()
	if d := reserved - before; d < 4<<20 || d > 6<<20 {
		t.Errorf("%d bytes for tensors of 2²⁰ float32", d)
	}
	c.Reserve(1 << 10)
	if got := c.Scratch(); got != reserved {
		t.Errorf("Scratch = %d after less was reserved, want %d", got, reserved)
	}
	tensor := func(s ...int) backend.Tensor { return c.NewTensor(backend.F32, s) }
	w, x, y := tensor(64, 64, 3, 3), tensor(4, 64, 16, 16), tensor(4, 64, 16, 16)
	geo := backend.Conv2D{Pad: [2]int{1, 1}}
	c.Conv2D(y, w, x, geo)
	// The weights are packed, at least.
	if grown := c.Scratch(); grown < reserved+4*64*64*9 {
		t.Errorf("Scratch = %d after a convolution, %d before", grown, reserved)
	}
}
