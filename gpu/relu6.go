//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// ReLU6 implements [backend.Layers].
func (d *Device) ReLU6(y, x backend.Tensor) {
	backend.CheckSame(who, "ReLU6", "y", y, backend.F32, "x", x, backend.F32)
	n := y.Shape().Len()
	d.run("ReLU6", kernel{file: "relu6_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(x)}, ints: []int{n}})
}

// ReLU6Backward implements [backend.Layers].
func (d *Device) ReLU6Backward(dx, dy, y backend.Tensor) {
	backend.CheckSame(who, "ReLU6Backward", "dx", dx, backend.F32, "y", y, backend.F32)
	backend.CheckSame(who, "ReLU6Backward", "dy", dy, backend.F32, "y", y, backend.F32)
	n := y.Shape().Len()
	d.run("ReLU6Backward", kernel{file: "relu6_dx"}, job{over: n,
		buffers: []*memory{d.own(dx), d.own(dy), d.own(y)}, ints: []int{n}})
}
