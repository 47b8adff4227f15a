//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// GELU implements [backend.Tokens].
func (d *Device) GELU(y, x backend.Tensor) {
	backend.CheckSame(who, "GELU", "y", y, backend.F32, "x", x, backend.F32)
	n := y.Shape().Len()
	d.run("GELU", kernel{file: "gelu_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(x)}, ints: []int{n}})
}

// GELUBackward implements [backend.Tokens].
func (d *Device) GELUBackward(dx, dy, x backend.Tensor) {
	backend.CheckSame(who, "GELUBackward", "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, "GELUBackward", "dy", dy, backend.F32, "x", x, backend.F32)
	n := x.Shape().Len()
	d.run("GELUBackward", kernel{file: "gelu_dx"}, job{over: n,
		buffers: []*memory{d.own(dx), d.own(dy), d.own(x)}, ints: []int{n}})
}
