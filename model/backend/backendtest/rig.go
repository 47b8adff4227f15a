package backendtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"gputrain/lut"
	"gputrain/model/backend"
)

// A rig holds the arguments of one operation and runs it under the conditions
// of the package comment.
type rig struct {
	t    T
	b    backend.Memory
	g    backend.Guarded // nil where b is not
	args []*arg
}

// An arg is a tensor with what it must hold.
type arg struct {
	T    backend.Tensor
	name string
	role role
	data any // before the operation: of in and inout
	got  any // after it: of out and inout
}

type role uint8

const (
	in    role = iota // must not change
	out               // must be written everywhere
	inout             // is read and written
)

func newRig(t T, b backend.Memory) *rig {
	g, _ := b.(backend.Guarded)
	return &rig{t: t, b: b, g: g}
}

func (r *rig) free() {
	for _, a := range r.args {
		r.b.Free(a.T)
	}
}

func (r *rig) arg(name string, role role, dt backend.DType, s backend.Shape, data any) *arg {
	a := &arg{name: name, role: role, data: data}
	if r.g != nil {
		a.T = r.g.NewGuarded(dt, s)
	} else {
		a.T = r.b.NewTensor(dt, s)
	}
	r.args = append(r.args, a)
	return a
}

// in returns an operand that holds data, inout one that the operation may
// change, and out a destination.
func (r *rig) in(name string, s backend.Shape, data any) *arg {
	a := r.arg(name, in, typeOf(data), s, data)
	r.b.Write(a.T, data)
	return a
}

func (r *rig) inout(name string, s backend.Shape, data any) *arg {
	return r.arg(name, inout, typeOf(data), s, data)
}

func (r *rig) out(name string, dt backend.DType, s backend.Shape) *arg {
	return r.arg(name, out, dt, s, nil)
}

// run runs op twice and checks all but the values of the results, which
// floats, ints and codes return.
func (r *rig) run(op func()) {
	r.t.Helper()
	for pass := range 2 {
		for _, a := range r.args {
			switch {
			case a.role == inout:
				r.b.Write(a.T, a.data)
			case a.role == out:
				r.b.Write(a.T, dirt(a.T.DType(), a.T.Shape().Len(), pass))
			}
		}
		op()
		for _, a := range r.args {
			now := read(r.t, r.b, a.T)
			switch {
			case a.role == in:
				if i := differ(now, a.data); i >= 0 {
					r.t.Fatalf("operand %s%s was changed", a.name, at(a.T.Shape(), i))
				}
			case pass == 0:
				a.got = now
			default:
				if i := differ(now, a.got); i >= 0 {
					r.t.Fatalf("%s%s differs between two runs on the same operands", a.name, at(a.T.Shape(), i))
				}
			}
			if r.g != nil {
				if err := r.g.CheckGuards(a.T); err != nil {
					r.t.Fatalf("%s was written outside its elements: %v", a.name, err)
				}
			}
		}
	}
}

func (a *arg) floats() []float32 { return a.got.([]float32) }
func (a *arg) ints() []int32     { return a.got.([]int32) }
func (a *arg) codes() []uint8    { return a.got.([]uint8) }

func typeOf(data any) backend.DType {
	switch data.(type) {
	case []float32:
		return backend.F32
	case []int32:
		return backend.I32
	}
	return backend.U8
}

// dirt returns n values that a destination may hold before an operation.
func dirt(dt backend.DType, n, pass int) any {
	switch dt {
	case backend.F32:
		return fill(n, []float32{float32(math.NaN()), -3e38}[pass])
	case backend.I32:
		return fill(n, []int32{-0x5a5a5a5b, 0x12345678}[pass])
	}
	return fill(n, []uint8{0xa5, 0x3c}[pass])
}

func fill[E any](n int, v E) []E {
	s := make([]E, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func read(t T, b backend.Memory, x backend.Tensor) any {
	t.Helper()
	n := x.Shape().Len()
	var dst any
	switch x.DType() {
	case backend.F32:
		dst = make([]float32, n)
	case backend.I32:
		dst = make([]int32, n)
	default:
		dst = make([]uint8, n)
	}
	if err := b.Read(dst, x); err != nil {
		t.Fatalf("read: %v", err)
	}
	return dst
}

// differ returns the first index at which the bits of a and b differ, or −1.
func differ(a, b any) int {
	switch a := a.(type) {
	case []float32:
		b := b.([]float32)
		for i := range a {
			if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
				return i
			}
		}
	case []int32:
		return firstDifference(a, b.([]int32))
	case []uint8:
		return firstDifference(a, b.([]uint8))
	}
	return -1
}

func firstDifference[E comparable](a, b []E) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// faults reports unless f panics with a message that begins with the name of
// the backend's package and op, or no operation if op is empty, and contains
// want. The texts are those of the checks in package backend, so that a
// mistake reads the same everywhere.
func faults(t T, op, want string, f func()) {
	t.Helper()
	t.Run("fault "+strings.ReplaceAll(want, " ", "_"), func(t T) {
		defer func() {
			fault := recover()
			if fault == nil {
				t.Fatalf("no panic, want one that says %q", want)
			}
			who, rest, _ := strings.Cut(fmt.Sprint(fault), ": ")
			prefix := ""
			if op != "" {
				prefix = op + ": "
			}
			if strings.ContainsRune(who, ' ') || !strings.HasPrefix(rest, prefix) || !strings.Contains(rest, want) {
				t.Errorf("panic %q, want the backend's name, %q and %q", fault, prefix, want)
			}
		}()
		f()
	})
}

// seeded returns the random source of the case of this name.
func seeded(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(1, h.Sum64()))
}

// codes returns n random codes of o, with the extremes well represented.
func codes(rnd *rand.Rand, n int, o lut.Operand) []uint8 {
	v := make([]uint8, n)
	top := o.Count() - 1
	for i := range v {
		switch rnd.IntN(8) {
		case 0:
			v[i] = 0
		case 1:
			v[i] = uint8(top)
		default:
			v[i] = uint8(rnd.IntN(top + 1))
		}
	}
	return v
}

// normals returns n normal variates of the given mean and deviation.
func normals(rnd *rand.Rand, n int, mean, deviation float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(mean + deviation*rnd.NormFloat64())
	}
	return v
}

// gradientsOf returns n normal variates of which an eighth are 0, as behind a
// ReLU.
func gradientsOf(rnd *rand.Rand, n int) []float32 {
	v := normals(rnd, n, 0, 1)
	for i := range v {
		if rnd.IntN(8) == 0 {
			v[i] = 0
		}
	}
	return v
}
