package cpuref

import (
	"errors"
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
	guard uint32   // the word that those hold
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

// The guards of [backend.Guarded]: so many words on either side. Each tensor
// has another word, so that an operation cannot go unseen that copies one guard
// to another; codes take its lowest byte.
const guardWords = 16

// nextGuard returns the word of the next guards.
func (p *Plain) nextGuard() uint32 {
	p.guards++
	return 0x5A5A5A5A ^ p.guards*0x01000193
}

// NewGuarded implements [backend.Guarded].
func (p *Plain) NewGuarded(dt backend.DType, s backend.Shape) backend.Tensor {
	n := length("NewGuarded", s)
	t := p.NewTensor(dt, s).(*tensor)
	t.guard = p.nextGuard()
	switch dt {
	case backend.F32:
		t.whole.f32, t.f32 = guard(n, math.Float32frombits(t.guard), float32(math.NaN()))
	case backend.I32:
		var dirty uint32 = 0xA5A5A5A5
		t.whole.i32, t.i32 = guard(n, int32(t.guard), int32(dirty))
	case backend.U8:
		t.whole.u8, t.u8 = guard(n, uint8(t.guard), uint8(0xA5))
	}
	return t
}

// guard returns n elements with the value fill, and the same with guards.
func guard[E any](n int, word, fill E) (whole, inner []E) {
	whole = make([]E, guardWords+n+guardWords)
	for i := range whole {
		whole[i] = word
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
	err := errors.Join(
		checkGuard(m.whole.f32, m.guard, math.Float32bits),
		checkGuard(m.whole.i32, m.guard, func(v int32) uint32 { return uint32(v) }),
		checkGuard(m.whole.u8, m.guard&0xFF, func(v uint8) uint32 { return uint32(v) }),
	)
	if err != nil {
		return fmt.Errorf("tensor %v %v: %w", t.Shape(), t.DType(), err)
	}
	return nil
}

// checkGuard compares bits, since a word may be a NaN.
func checkGuard[E any](whole []E, want uint32, bits func(E) uint32) error {
	n := len(whole) - 2*guardWords
	for i, v := range whole {
		if got := bits(v); (i < guardWords || i >= guardWords+n) && got != want {
			return fmt.Errorf("guard word at element %d of %d is %#x, want %#x", i-guardWords, n, got, want)
		}
	}
	return nil
}
