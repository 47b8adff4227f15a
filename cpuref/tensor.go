package cpuref

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// A tensor is a shape over memory that its views share.
type tensor struct {
	*memory
	shape backend.Shape
	view  bool
}

// DType implements [backend.Tensor].
func (t *tensor) DType() backend.DType { return t.dt }

// Shape implements [backend.Tensor].
func (t *tensor) Shape() backend.Shape { return t.shape }

type memory struct {
	owner *Plain
	dt    backend.DType
	elements
	whole elements // elements with the guards around them, if guarded
	freed bool
}

// elements are those of a tensor; the one slice is set that its type says.
type elements struct {
	f32 []float32
	i32 []int32
	u8  []uint8
}

// NewTensor implements [backend.Memory].
func (p *Plain) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor {
	n := length("NewTensor", s)
	m := &memory{owner: p, dt: dt}
	switch dt {
	case backend.F32:
		m.f32 = make([]float32, n)
	case backend.I32:
		m.i32 = make([]int32, n)
	case backend.U8:
		m.u8 = make([]uint8, n)
	default:
		panic(fmt.Sprintf("%s: NewTensor: type %v", who, dt))
	}
	return &tensor{memory: m, shape: append(backend.Shape(nil), s...)}
}

func length(op string, s backend.Shape) int {
	for _, d := range s {
		if d < 0 {
			panic(fmt.Sprintf("%s: %s: shape %v", who, op, s))
		}
	}
	return s.Len()
}

// Free implements [backend.Memory].
func (p *Plain) Free(t backend.Tensor) {
	m := p.own(t)
	if t.(*tensor).view {
		panic(fmt.Sprintf("%s: Free: %v %v is a view, its tensor is what to free", who, t.Shape(), t.DType()))
	}
	m.elements, m.whole, m.freed = elements{}, elements{}, true
}

// View implements [backend.Memory].
func (p *Plain) View(t backend.Tensor, s backend.Shape) backend.Tensor {
	backend.CheckView(who, t, s)
	return &tensor{memory: p.own(t), shape: append(backend.Shape(nil), s...), view: true}
}

// own returns the memory of t, which must be alive and p's.
func (p *Plain) own(t backend.Tensor) *memory {
	u, ok := t.(*tensor)
	switch {
	case !ok || u.owner != p:
		panic(fmt.Sprintf("%s: tensor %v %v belongs to another backend", who, t.Shape(), t.DType()))
	case u.freed:
		panic(fmt.Sprintf("%s: tensor %v %v has been freed", who, t.Shape(), t.DType()))
	}
	return u.memory
}

// f32, i32 and u8 return the elements of a tensor whose type has been checked.
func (p *Plain) f32(t backend.Tensor) []float32 { return p.own(t).f32 }
func (p *Plain) i32(t backend.Tensor) []int32   { return p.own(t).i32 }
func (p *Plain) u8(t backend.Tensor) []uint8    { return p.own(t).u8 }

// The guards of [backend.Guarded]: so many words on either side, of a pattern
// that no operation is likely to write.
const (
	guardWords = 16
	guardBits  = 0x5A5A5A5A
)

// NewGuarded implements [backend.Guarded].
func (p *Plain) NewGuarded(dt backend.DType, s backend.Shape) backend.Tensor {
	n := length("NewGuarded", s)
	t := p.NewTensor(dt, s).(*tensor)
	switch dt {
	case backend.F32:
		t.whole.f32, t.f32 = guard(n, math.Float32frombits(guardBits), float32(math.NaN()))
	case backend.I32:
		var dirty uint32 = 0xA5A5A5A5
		t.whole.i32, t.i32 = guard(n, guardBits, int32(dirty))
	case backend.U8:
		t.whole.u8, t.u8 = guard(n, guardBits&0xFF, uint8(0xA5))
	}
	return t
}

// guard returns n elements with the value fill, and the same with guards.
func guard[E any](n int, pattern, fill E) (whole, inner []E) {
	whole = make([]E, guardWords+n+guardWords)
	for i := range whole {
		whole[i] = pattern
	}
	inner = whole[guardWords : guardWords+n : guardWords+n]
	for i := range inner {
		inner[i] = fill
	}
	return whole, inner
}

// CheckGuards implements [backend.Guarded].
func (p *Plain) CheckGuards(t backend.Tensor) error {
	m := p.own(t)
	if err := checkGuard(m.whole.f32, math.Float32frombits(guardBits)); err != nil {
		return fmt.Errorf("tensor %v %v: %w", t.Shape(), t.DType(), err)
	}
	if err := checkGuard(m.whole.i32, guardBits); err != nil {
		return fmt.Errorf("tensor %v %v: %w", t.Shape(), t.DType(), err)
	}
	if err := checkGuard(m.whole.u8, guardBits&0xFF); err != nil {
		return fmt.Errorf("tensor %v %v: %w", t.Shape(), t.DType(), err)
	}
	return nil
}

func checkGuard[E comparable](whole []E, pattern E) error {
	n := len(whole) - 2*guardWords
	for i, v := range whole {
		if (i < guardWords || i >= guardWords+n) && v != pattern {
			return fmt.Errorf("guard word at element %d of %d is %v, want %v", i-guardWords, n, v, pattern)
		}
	}
	return nil
}
