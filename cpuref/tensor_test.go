package cpuref

import (
	"testing"

	"gputrain/model/backend"
)

// TestGuards checks that a guard is missed where another tensor's has been
// copied over it, for all types and many tensors.
func TestGuards(t *testing.T) {
	p := NewPlain()
	for range 300 {
		for _, dt := range []backend.DType{backend.F32, backend.I32, backend.U8} {
			a, b := p.NewGuarded(dt, backend.Shape{3}).(*tensor), p.NewGuarded(dt, backend.Shape{3}).(*tensor)
			if err := p.CheckGuards(a); err != nil {
				t.Fatal(err)
			}
			switch dt {
			case backend.F32:
				a.whole.f32[0] = b.whole.f32[0]
			case backend.I32:
				a.whole.i32[0] = b.whole.i32[0]
			case backend.U8:
				a.whole.u8[0] = b.whole.u8[0]
			}
			if p.CheckGuards(a) == nil {
				t.Fatalf("%v: the first guard of the next tensor is taken for its own", dt)
			}
			if err := p.CheckGuards(b); err != nil {
				t.Fatal(err)
			}
		}
	}
}
