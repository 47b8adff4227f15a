package cpuref

import "gputrain/model/backend"

// Average implements [backend.Optimizer].
func (p *Plain) Average(e, w backend.Tensor, d float64) {
	keep, fresh := backend.CheckAverage(who, e, w, d)
	average(p.f32(e), p.f32(w), keep, fresh)
}

func average(e, w []float32, keep, fresh float32) {
	w = w[:len(e)]
	for i, v := range e {
		e[i] = float32(keep*v) + float32(fresh*w[i])
	}
}

type averageTask struct {
	e, w        []float32
	keep, fresh float32
}

func (t *averageTask) part(i, _ int) {
	lo, hi := within(i, len(t.e))
	average(t.e[lo:hi], t.w[lo:hi], t.keep, t.fresh)
}

// Average implements [backend.Optimizer].
func (c *CPU) Average(e, w backend.Tensor, d float64) {
	keep, fresh := backend.CheckAverage(who, e, w, d)
	E := c.f32(e)
	run(c, pieces(len(E)), averageTask{E, c.f32(w), keep, fresh})
}
