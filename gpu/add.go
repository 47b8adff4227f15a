//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// Add implements [backend.Layers].
func (d *Device) Add(y, a, b backend.Tensor) {
	backend.CheckSame(who, "Add", "a", a, backend.F32, "y", y, backend.F32)
	backend.CheckSame(who, "Add", "b", b, backend.F32, "y", y, backend.F32)
	n := y.Shape().Len()
	d.run("Add", kernel{file: "add_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(a), d.own(b)}, ints: []int{n}})
}
