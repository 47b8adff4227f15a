package cpuref

import "gputrain/model/backend"

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
