//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// ReLU implements [backend.Layers].
func (d *Device) ReLU(y, x backend.Tensor) {
	backend.CheckSame(who, "ReLU", "y", y, backend.F32, "x", x, backend.F32)
	n := y.Shape().Len()
	d.run("ReLU", kernel{file: "relu_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(x)}, ints: []int{n}})
}

// ReLUBackward implements [backend.Layers].
func (d *Device) ReLUBackward(dx, dy, y backend.Tensor) {
	backend.CheckSame(who, "ReLUBackward", "dx", dx, backend.F32, "y", y, backend.F32)
	backend.CheckSame(who, "ReLUBackward", "dy", dy, backend.F32, "y", y, backend.F32)
	n := y.Shape().Len()
	d.run("ReLUBackward", kernel{file: "relu_dx"}, job{over: n,
		buffers: []*memory{d.own(dx), d.own(dy), d.own(y)}, ints: []int{n}})
}
