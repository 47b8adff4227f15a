package backendtest

import (
	"math/rand/v2"

	"gputrain/model/backend"
)

// sumsFor returns sums for p to dequantize: those of the product, or, for
// every third output, any int32, of which the bracket of Eq. 8 wraps.
func sumsFor(rnd *rand.Rand, p *product) []int32 {
	acc := p.sums()
	for i := 2; i < len(acc); i += 3 {
		acc[i] = int32(rnd.Uint32())
	}
	return acc
}

type matMulDequantizer interface {
	tabler
	DequantizeMatMul(y, acc backend.Tensor, w, x backend.Quantized, t backend.Tables)
}

// DequantizeMatMul tests Eq. 8 on sums of matrix products, to the last bit.
func DequantizeMatMul(t T, b matMulDequantizer) {
	matMulCases(true, func(c productCase) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			sums := sumsFor(seeded(c.name+"/sums"), c.product)
			acc, y := r.in("acc", c.ys, sums), r.out("y", backend.F32, c.ys)
			r.run(func() { b.DequantizeMatMul(y.T, acc.T, w, x, tables) })
			equal(t, "y", c.ys, y.floats(), c.dequantized(sums))
		})
	})
	matMulFaults(t, b, "DequantizeMatMul", backend.F32, func(y backend.Tensor, w, x backend.Quantized, tables backend.Tables) {
		acc := b.NewTensor(backend.I32, y.Shape())
		defer b.Free(acc)
		b.DequantizeMatMul(y, acc, w, x, tables)
	})
}

type conv2DDequantizer interface {
	tabler
	DequantizeConv2D(y, acc backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables)
}

// DequantizeConv2D tests Eq. 8 on sums of convolutions under both paddings, to
// the last bit.
func DequantizeConv2D(t T, b conv2DDequantizer) {
	convCases(true, func(c productCase) {
		c.with(t, b, func(t T, r *rig, w, x backend.Quantized, tables backend.Tables) {
			sums := sumsFor(seeded(c.name+"/sums"), c.product)
			acc, y := r.in("acc", c.ys, sums), r.out("y", backend.F32, c.ys)
			r.run(func() { b.DequantizeConv2D(y.T, acc.T, w, x, c.geometry, tables) })
			equal(t, "y", c.ys, y.floats(), c.dequantized(sums))
		})
	})
	convFaults(t, b, "DequantizeConv2D", backend.F32, func(y backend.Tensor, w, x backend.Quantized, g backend.Conv2D, tables backend.Tables) {
		acc := b.NewTensor(backend.I32, y.Shape())
		defer b.Free(acc)
		b.DequantizeConv2D(y, acc, w, x, g, tables)
	})
}
