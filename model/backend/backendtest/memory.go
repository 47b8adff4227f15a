package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// foreign is a tensor of no backend.
type foreign struct{}

func (foreign) DType() backend.DType { return backend.F32 }
func (foreign) Shape() backend.Shape { return backend.Shape{2, 3} }

type memory interface {
	backend.Memory
	ReLU(y, x backend.Tensor)
}

// Memory tests that tensors begin as zeros, keep what is written to them bit
// by bit, and are shared with their views.
func Memory(t T, b memory) {
	shapes := append([]backend.Shape{{3, 1}, {5, 1, 3}, {1, 1, 1, 1}, {2, 3, 5, 7}}, Lengths...)
	for _, dt := range []backend.DType{backend.F32, backend.I32, backend.U8} {
		for _, s := range shapes {
			t.Run(fmt.Sprintf("%v/%v", dt, s), func(t T) { writeRead(t, b, dt, s) })
		}
	}
	t.Run("neighbours", func(t T) { neighbours(t, b) })
	t.Run("View", func(t T) { views(t, b) })
	if g, ok := b.(backend.Guarded); ok {
		t.Run("Guarded", func(t T) { guards(t, b, g) })
	}
	if err := b.Sync(); err != nil {
		t.Errorf("Sync: %v", err)
	}

	x := b.NewTensor(backend.F32, backend.Shape{2, 3})
	defer b.Free(x)
	faults(t, "Write", "[]int32 of length 6 does not fit 2×3 f32", func() { b.Write(x, make([]int32, 6)) })
	faults(t, "Write", "[]float32 of length 5 does not fit 2×3 f32", func() { b.Write(x, make([]float32, 5)) })
	faults(t, "Read", "[]uint8 of length 6 does not fit 2×3 f32", func() { _ = b.Read(make([]uint8, 6), x) })
	faults(t, "Read", "[]float32 of length 7 does not fit 2×3 f32", func() { _ = b.Read(make([]float32, 7), x) })
	faults(t, "View", "7 has 7 elements, 2×3 has 6", func() { b.View(x, backend.Shape{7}) })
	faults(t, "", "tensor 2×3 f32 belongs to another backend", func() { b.ReLU(x, foreign{}) })
}

// pattern returns n values whose bits all matter: NaNs with a payload, −0,
// subnormal numbers.
func pattern(dt backend.DType, n, seed int) any {
	rnd := seeded(fmt.Sprint(dt, n, seed))
	switch dt {
	case backend.F32:
		v := make([]float32, n)
		for i := range v {
			v[i] = math.Float32frombits(rnd.Uint32())
		}
		return v
	case backend.I32:
		v := make([]int32, n)
		for i := range v {
			v[i] = int32(rnd.Uint32())
		}
		return v
	}
	v := make([]uint8, n)
	for i := range v {
		v[i] = uint8(rnd.Uint32())
	}
	return v
}

func zeros(dt backend.DType, n int) any {
	switch dt {
	case backend.F32:
		return make([]float32, n)
	case backend.I32:
		return make([]int32, n)
	}
	return make([]uint8, n)
}

func writeRead(t T, b memory, dt backend.DType, s backend.Shape) {
	n := s.Len()
	for i := range 2 { // the second tensor may get the memory of the first
		x := b.NewTensor(dt, s)
		if x.DType() != dt || !x.Shape().Equal(s) {
			t.Errorf("tensor is %v %v, want %v %v", x.Shape(), x.DType(), s, dt)
		}
		if j := differ(read(t, b, x), zeros(dt, n)); j >= 0 {
			t.Errorf("element %d of a new tensor is not 0", j)
		}
		want := pattern(dt, n, i)
		b.Write(x, want)
		if j := differ(want, pattern(dt, n, i)); j >= 0 {
			t.Errorf("Write changed element %d of its source", j)
		}
		if j := differ(read(t, b, x), want); j >= 0 {
			t.Errorf("element %d is not what was written", j)
		}
		b.Free(x)
	}
}

// neighbours tests that a source may be reused after Write, and that tensors
// made side by side do not overlap.
func neighbours(t T, b memory) {
	var tensors []backend.Tensor
	source := make([]uint8, 7)
	for i := range 20 {
		x := b.NewTensor(backend.U8, backend.Shape{7})
		defer b.Free(x)
		copy(source, fill(7, uint8(i+1)))
		b.Write(x, source)
		tensors = append(tensors, x)
	}
	for i, x := range tensors {
		if j := differ(read(t, b, x), fill(7, uint8(i+1))); j >= 0 {
			t.Fatalf("element %d of tensor %d is another's", j, i)
		}
	}
}

func views(t T, b memory) {
	for _, dt := range []backend.DType{backend.F32, backend.I32, backend.U8} {
		x := b.NewTensor(dt, backend.Shape{2, 3, 5})
		flat := b.View(x, backend.Shape{30})
		square := b.View(flat, backend.Shape{6, 5, 1, 1})
		if square.DType() != dt || !square.Shape().Equal(backend.Shape{6, 5, 1, 1}) || !x.Shape().Equal(backend.Shape{2, 3, 5}) {
			t.Errorf("view is %v %v of %v", square.Shape(), square.DType(), x.Shape())
		}
		for i, pair := range [][2]backend.Tensor{{x, square}, {square, x}, {flat, square}} {
			want := pattern(dt, 30, i)
			b.Write(pair[0], want)
			if j := differ(read(t, b, pair[1]), want); j >= 0 {
				t.Errorf("%v: element %d of a view is not its tensor's", dt, j)
			}
		}
		b.Free(x)
	}

	// An operation on a view is one on its tensor.
	x := b.NewTensor(backend.F32, backend.Shape{2, 3})
	defer b.Free(x)
	b.Write(x, []float32{-1, 2, -3, 4, -5, 6})
	flat := b.View(x, backend.Shape{6})
	b.ReLU(flat, flat)
	equal(t, "x", backend.Shape{2, 3}, read(t, b, x).([]float32), []float32{0, 2, 0, 4, 0, 6})
}

// guards tests the instrument itself: guarded tensors begin as garbage, and
// writing all of their elements leaves the guards alone.
func guards(t T, b memory, g backend.Guarded) {
	for _, dt := range []backend.DType{backend.F32, backend.I32, backend.U8} {
		for _, n := range []int{1, 2, 3, 4, 5, 63, 64, 65} {
			x := g.NewGuarded(dt, backend.Shape{n})
			want := any(fill[uint8](n, 0xa5))
			switch dt {
			case backend.F32:
				for i, v := range read(t, b, x).([]float32) {
					if v == v {
						t.Errorf("element %d of %d is %v, want NaN", i, n, v)
					}
				}
			case backend.I32:
				want = fill[int32](n, -0x5a5a5a5b)
				fallthrough
			default:
				if i := differ(read(t, b, x), want); i >= 0 {
					t.Errorf("%v: element %d of %d is not 0xA5 bytes", dt, i, n)
				}
			}
			for i := range 2 {
				b.Write(x, pattern(dt, n, i))
				if err := g.CheckGuards(x); err != nil {
					t.Errorf("after Write of %d elements of %v: %v", n, dt, err)
				}
			}
			b.Free(x)
		}
	}
}
