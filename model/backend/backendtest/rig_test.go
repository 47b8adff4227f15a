package backendtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gputrain/model/backend"
)

// host is memory with one guard element on either end.
type host struct{}

type hostTensor struct {
	dt   backend.DType
	s    backend.Shape
	data []float32 // the guards among them
}

func (t *hostTensor) DType() backend.DType { return t.dt }
func (t *hostTensor) Shape() backend.Shape { return t.s }
func (t *hostTensor) body() []float32      { return t.data[1 : len(t.data)-1] }

func (host) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor {
	return &hostTensor{dt, s, append(append([]float32{-7}, make([]float32, s.Len())...), -7)}
}
func (host) Free(backend.Tensor) {}
func (host) View(t backend.Tensor, s backend.Shape) backend.Tensor {
	return &hostTensor{t.DType(), s, t.(*hostTensor).data}
}
func (host) Write(dst backend.Tensor, src any) { copy(dst.(*hostTensor).body(), src.([]float32)) }
func (host) Read(dst any, src backend.Tensor) error {
	copy(dst.([]float32), src.(*hostTensor).body())
	return nil
}
func (host) Sync() error { return nil }
func (h host) NewGuarded(dt backend.DType, s backend.Shape) backend.Tensor {
	return h.NewTensor(dt, s)
}
func (host) CheckGuards(t backend.Tensor) error {
	if d := t.(*hostTensor).data; d[0] != -7 || d[len(d)-1] != -7 {
		return fmt.Errorf("guard changed")
	}
	return nil
}

// TestRig runs operations that double x into y, but with the faults that a rig
// is there to find.
func TestRig(t *testing.T) {
	runs := 0
	for _, c := range []struct {
		name, want string
		op         func(y, x []float32)
	}{
		{"sound", "", func(y, x []float32) {}},
		{"operand changed", "operand x[1] was changed", func(y, x []float32) { x[2] = 9 }},
		{"guard behind", "y was written outside its elements", func(y, x []float32) { y[4] = 9 }},
		{"guard before an operand", "x was written outside its elements", func(y, x []float32) { x[0] = 9 }},
		{"not deterministic", "y[0] differs between two runs", func(y, x []float32) { runs++; y[1] += float32(runs) }},
		{"not written", "y[2] differs between two runs", func(y, x []float32) { y[3] = y[0] }},
	} {
		r := &recorder{name: c.name}
		r.call(func(t T) {
			g := newRig(t, host{})
			defer g.free()
			s := backend.Shape{3}
			x, y := g.in("x", s, []float32{1, 2, 3}), g.out("y", backend.F32, s)
			g.run(func() {
				from, to := x.T.(*hostTensor).data, y.T.(*hostTensor).data
				kept := to[3]
				for i := range s[0] {
					to[i+1] = 2 * from[i+1]
				}
				if c.name == "not written" {
					to[3] = kept
					return
				}
				c.op(to, from)
			})
			equal(t, "y", s, y.floats(), []float32{2, 4, 6})
		})
		text := ""
		for _, f := range r.failures {
			text += f.Message
		}
		if (c.want == "") != (text == "") || !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: reported %q, want %q", c.name, text, c.want)
		}
	}
}

// TestRecorder checks how cases, faults and panics are counted and named.
func TestRecorder(t *testing.T) {
	r := &recorder{name: "group"}
	r.call(func(t T) {
		t.Run("good", func(T) {})
		if t.Run("bad", func(t T) {
			t.Run("inner", func(t T) { t.Fatalf("stop %d", 1); t.Errorf("after the end") })
			t.Run("next", func(t T) { t.Errorf("one"); t.Errorf("two") })
		}) {
			t.Errorf("a case with faults passed")
		}
		t.Run("panics", func(T) { panic("lost") })
	})
	want := []Failure{{"group/bad/inner", "stop 1"}, {"group/bad/next", "one"}, {"group/bad/next", "two"}, {"group/panics", "panic: lost"}}
	if !slices.Equal(r.failures, want) || r.cases != 4 {
		t.Errorf("%d cases, faults %v, want 4, %v", r.cases, r.failures, want)
	}
}

// TestFaults checks what counts as the panic that was asked for.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func()
		pass bool
	}{
		{"as it should", func() { panic("gpu: Add: y is 3, want 4") }, true},
		{"silent", func() {}, false},
		{"another operation", func() { panic("gpu: ReLU: y is 3, want 4") }, false},
		{"another fault", func() { panic("gpu: Add: x is 3, want 4") }, false},
		{"no name", func() { panic("Add: y is 3, want 4") }, false},
		{"a run-time error", func() { _ = make([]int, 0)[len(t.Name())] }, false},
	} {
		r := &recorder{name: "faults"}
		r.call(func(t T) { faults(t, "Add", "y is 3, want 4", c.f) })
		if got := len(r.failures) == 0; got != c.pass {
			t.Errorf("%s: passed %v, want %v: %v", c.name, got, c.pass, r.failures)
		}
	}
}
