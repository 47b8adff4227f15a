package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// Dropout implements [backend.Layers].
func (p *Plain) Dropout(y, x backend.Tensor, rate float64, seed uint64) {
	threshold, scale := backend.CheckDropout(who, y, x, rate)
	dropout(p.f32(y), p.f32(x), 0, threshold, scale, seed)
}

// dropout sets y to the elements x from index first on, or 0.
func dropout(y, x []float32, first uint32, threshold uint32, scale float32, seed uint64) {
	low, high := uint32(seed), uint32(seed>>32)
	x = x[:len(y)]
	for i, v := range x {
		bits := math.Float32bits(v * scale)
		if mix(mix(first+uint32(i)+low)^high) < threshold {
			bits = 0 // a coin, so no branch
		}
		y[i] = math.Float32frombits(bits)
	}
}

// mix is the hash of the contract.
func mix(a uint32) uint32 {
	a ^= a >> 16
	a *= 0x21f0aaad
	a ^= a >> 15
	a *= 0x735a2d97
	return a ^ a>>15
}

type dropoutTask struct {
	y, x      []float32
	threshold uint32
	scale     float32
	seed      uint64
}

func (t *dropoutTask) part(i, _ int) {
	lo, hi := within(i, len(t.y))
	dropout(t.y[lo:hi], t.x[lo:hi], uint32(lo), t.threshold, t.scale, t.seed)
}

// Dropout implements [backend.Layers].
func (c *CPU) Dropout(y, x backend.Tensor, rate float64, seed uint64) {
	threshold, scale := backend.CheckDropout(who, y, x, rate)
	Y := c.f32(y)
	run(c, pieces(len(Y)), dropoutTask{Y, c.f32(x), threshold, scale, seed})
}
