package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// Add implements [backend.Layers].
func (p *Plain) Add(y, a, b backend.Tensor) {
	backend.CheckSame(who, "Add", "a", a, backend.F32, "y", y, backend.F32)
	backend.CheckSame(who, "Add", "b", b, backend.F32, "y", y, backend.F32)
	add(p.f32(y), p.f32(a), p.f32(b))
}

func add(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

type addTask struct {
	e       *kernel.Elements
	y, a, b []float32
}

func (t *addTask) part(i, _ int) {
	lo, hi := within(i, len(t.y))
	y, a, b := t.y[lo:hi], t.a[lo:hi], t.b[lo:hi]
	n := t.e.Add(y, a, b)
	add(y[n:], a[n:], b[n:])
}

// Add implements [backend.Layers].
func (c *CPU) Add(y, a, b backend.Tensor) {
	backend.CheckSame(who, "Add", "a", a, backend.F32, "y", y, backend.F32)
	backend.CheckSame(who, "Add", "b", b, backend.F32, "y", y, backend.F32)
	Y := c.f32(y)
	run(c, pieces(len(Y)), addTask{c.fast.elements, Y, c.f32(a), c.f32(b)})
}
