package cpuref

import (
	"math"

	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// AddSquares implements [backend.Optimizer]. It adds in float64; the sum is
// rounded before it is added.
func (p *Plain) AddSquares(sum, x backend.Tensor) {
	backend.CheckSquares(who, "AddSquares", sum, x)
	var total float64
	for _, v := range p.f32(x) {
		total += float64(float64(v) * float64(v))
	}
	p.f32(sum)[0] += float32(total)
}

type squaresTask struct {
	e   *kernel.Elements
	x   []float32
	sum []float64 // of each piece
}

func (t *squaresTask) part(i, _ int) {
	lo, hi := within(i, len(t.x))
	t.sum[i] = squaresAround(t.e, t.x[lo:hi], 0)
}

// AddSquares implements [backend.Optimizer], as [Plain.AddSquares] says.
func (c *CPU) AddSquares(sum, x backend.Tensor) {
	backend.CheckSquares(who, "AddSquares", sum, x)
	defer c.release()
	X := c.f32(x)
	parts := scratch[float64](c, pieces(len(X)))
	run(c, len(parts), squaresTask{c.fast.elements, X, parts})
	var total float64
	for _, v := range parts {
		total += v
	}
	c.f32(sum)[0] += float32(total)
}

// ClipNorm implements [backend.Optimizer].
func (p *Plain) ClipNorm(x, sum backend.Tensor, limit float32) {
	backend.CheckClipNorm(who, x, sum, limit)
	scale(p.f32(x), clipFactor(p.f32(sum)[0], limit))
}

// clipFactor returns min(1, limit/(√sum + 1e-6)); of NaN, NaN.
func clipFactor(sum, limit float32) float32 {
	return min(1, limit/(float32(math.Sqrt(float64(sum)))+1e-6))
}

func scale(x []float32, factor float32) {
	for i := range x {
		x[i] *= factor
	}
}

type scaleTask struct {
	x      []float32
	factor float32
}

func (t *scaleTask) part(i, _ int) {
	lo, hi := within(i, len(t.x))
	scale(t.x[lo:hi], t.factor)
}

// ClipNorm implements [backend.Optimizer].
func (c *CPU) ClipNorm(x, sum backend.Tensor, limit float32) {
	backend.CheckClipNorm(who, x, sum, limit)
	X := c.f32(x)
	run(c, pieces(len(X)), scaleTask{X, clipFactor(c.f32(sum)[0], limit)})
}
