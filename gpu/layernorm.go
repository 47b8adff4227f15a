//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// LayerNorm implements [backend.Tokens].
func (d *Device) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	const op = "LayerNorm"
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	N, C, L := backend.CheckLayerNorm(who, op, x, saved,
		backend.Named{Name: "gamma", T: gamma}, backend.Named{Name: "beta", T: beta})
	d.run(op, kernel{file: "layernorm_fwd"}, job{over: N * L, turns: 3 * C,
		buffers: []*memory{d.own(y), d.own(x), d.own(gamma), d.own(beta), d.own(saved)},
		ints:    []int{N * L, C, L}, reals: []float32{eps}})
}

// LayerNormBackward implements [backend.Tokens].
func (d *Device) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	const op = "LayerNormBackward"
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, op, "dy", dy, backend.F32, "x", x, backend.F32)
	N, C, L := backend.CheckLayerNorm(who, op, x, saved, backend.Named{Name: "gamma", T: gamma},
		backend.Named{Name: "dgamma", T: dgamma}, backend.Named{Name: "dbeta", T: dbeta})
	dY, X, S := d.own(dy), d.own(x), d.own(saved)

	c := pieces(N * L)
	part := d.scratch(op, 2*c.slices*C)
	d.channelSums(op, 3, c, N, C, L, part, dY, S, X)
	d.sumSlices(op, d.own(dbeta), part, C, c.slices, 0, 1)
	d.sumSlices(op, d.own(dgamma), part, C, c.slices, c.slices*C, 1)
	d.release(part)

	d.run(op, kernel{file: "layernorm_dx"}, job{over: N * L, turns: 2 * C,
		buffers: []*memory{d.own(dx), dY, X, d.own(gamma), S}, ints: []int{N * L, C, L}})
}
