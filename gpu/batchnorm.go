//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// BatchNorm implements [backend.Layers]. The variance is summed around the
// mean, in a pass of its own.
func (d *Device) BatchNorm(y, x backend.Tensor, p backend.BatchNormParams, saved backend.Tensor, h backend.BatchNormHyper) {
	const op = "BatchNorm"
	N, C, each := backend.CheckBatchNorm(who, op, x, saved,
		backend.Named{Name: "gamma", T: p.Gamma}, backend.Named{Name: "beta", T: p.Beta},
		backend.Named{Name: "mean", T: p.Mean}, backend.Named{Name: "variance", T: p.Variance})
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	Y, X, S := d.own(y), d.own(x), d.own(saved)
	T := float32(N * each)

	c := pieces(N * each)
	part := d.scratch(op, c.slices*C)
	d.channelSums(op, 0, c, N, C, each, part, X)
	d.sumSlices(op, S, part, C, c.slices, 0, T) // μ
	d.channelSums(op, 1, c, N, C, each, part, X, S)
	d.run(op, kernel{file: "batchnorm_statistics"}, job{over: C,
		buffers: []*memory{S, d.own(p.Mean), d.own(p.Variance), part},
		ints:    []int{C, c.slices}, reals: []float32{T, h.Eps, 1 - h.Momentum, h.Momentum}})
	d.release(part)

	n := N * C * each
	d.run(op, kernel{file: "batchnorm_fwd"}, job{over: n,
		buffers: []*memory{Y, X, d.own(p.Gamma), d.own(p.Beta), S}, ints: []int{n, C, each}})
}

// BatchNormInference implements [backend.Layers].
func (d *Device) BatchNormInference(y, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper) {
	const op = "BatchNormInference"
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	N, C, each := backend.CheckChannels(who, op, x,
		backend.Named{Name: "gamma", T: p.Gamma}, backend.Named{Name: "beta", T: p.Beta},
		backend.Named{Name: "mean", T: p.Mean}, backend.Named{Name: "variance", T: p.Variance})
	n := N * C * each
	d.run(op, kernel{file: "batchnorm_inference"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(x), d.own(p.Gamma), d.own(p.Beta), d.own(p.Mean), d.own(p.Variance)},
		ints:    []int{n, C, each}, reals: []float32{h.Eps}})
}

// BatchNormBackward implements [backend.Layers].
func (d *Device) BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	const op = "BatchNormBackward"
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, op, "dy", dy, backend.F32, "x", x, backend.F32)
	N, C, each := backend.CheckBatchNorm(who, op, x, saved, backend.Named{Name: "gamma", T: gamma},
		backend.Named{Name: "dgamma", T: dgamma}, backend.Named{Name: "dbeta", T: dbeta})
	dY, X, S, dG, dB := d.own(dy), d.own(x), d.own(saved), d.own(dgamma), d.own(dbeta)

	c := pieces(N * each)
	part := d.scratch(op, 2*c.slices*C)
	d.channelSums(op, 2, c, N, C, each, part, dY, S, X)
	d.sumSlices(op, dB, part, C, c.slices, 0, 1)
	d.sumSlices(op, dG, part, C, c.slices, c.slices*C, 1)
	d.release(part)

	n := N * C * each
	d.run(op, kernel{file: "batchnorm_dx"}, job{over: n,
		buffers: []*memory{d.own(dx), dY, X, d.own(gamma), S, dG, dB},
		ints:    []int{n, C, each}, reals: []float32{float32(N * each)}})
}

// BatchNormFrozenBackward implements [backend.Layers].
func (d *Device) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper) {
	const op = "BatchNormFrozenBackward"
	N, C, each := backend.CheckBatchNormFrozen(who, dx, dgamma, dbeta, dy, x, p)
	dY := d.own(dy)
	statistics := d.scratch(op, 2*C)
	d.run(op, kernel{file: "batchnorm_frozen"}, job{over: C,
		buffers: []*memory{statistics, d.own(p.Mean), d.own(p.Variance)}, ints: []int{C}, reals: []float32{h.Eps}})

	c := pieces(N * each)
	part := d.scratch(op, 2*c.slices*C)
	d.channelSums(op, 2, c, N, C, each, part, dY, statistics, d.own(x))
	d.sumSlices(op, d.own(dbeta), part, C, c.slices, 0, 1)
	d.sumSlices(op, d.own(dgamma), part, C, c.slices, c.slices*C, 1)
	d.release(part)

	n := N * C * each
	d.run(op, kernel{file: "batchnorm_frozen_dx"}, job{over: n,
		buffers: []*memory{d.own(dx), dY, d.own(p.Gamma), statistics}, ints: []int{n, C, each}})
	d.release(statistics)
}
