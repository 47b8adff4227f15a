package backendtest

import "gputrain/model/backend"

// SGDStep implements [backend.Optimizer].
func (p *Pair) SGDStep(w, dw, v backend.Tensor, h backend.SGD) {
	p.force(w)
	p.force(dw)
	if v != nil {
		p.force(v)
	}
	p.both("SGDStep", func(s side) { s.SGDStep(s.of(w), s.of(dw), s.of(v), h) })
	p.same("SGDStep", "w", w)
	if v != nil {
		p.same("SGDStep", "v", v)
	}
}

// AdamStep implements [backend.Optimizer].
func (p *Pair) AdamStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	want, _, _ := adam(p.floats(w), p.floats(dw), p.floats(m), p.floats(v), h)
	p.both("AdamStep", func(s side) { s.AdamStep(s.of(w), s.of(dw), s.of(m), s.of(v), h) })
	p.same("AdamStep", "m", m)
	p.same("AdamStep", "v", v)
	p.near("AdamStep", "w", w, want)
}

// AdanStep implements [backend.Optimizer].
func (p *Pair) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	want := adan(p.floats(w), p.floats(dw), p.floats(m), p.floats(v), p.floats(n), p.floats(prev), h)
	p.both("AdanStep", func(s side) { s.AdanStep(s.of(w), s.of(dw), s.of(m), s.of(v), s.of(n), s.of(prev), h) })
	p.same("AdanStep", "m", m)
	p.same("AdanStep", "v", v)
	p.same("AdanStep", "n", n)
	p.same("AdanStep", "prev", prev)
	p.near("AdanStep", "w", w, want.w)
}

// AdaMomentumStep implements [backend.Optimizer].
func (p *Pair) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	want, _, _ := adaMomentum(p.floats(w), p.floats(dw), p.floats(m), p.floats(v), h)
	p.both("AdaMomentumStep", func(s side) { s.AdaMomentumStep(s.of(w), s.of(dw), s.of(m), s.of(v), h) })
	p.same("AdaMomentumStep", "m", m)
	p.same("AdaMomentumStep", "v", v)
	p.near("AdaMomentumStep", "w", w, want)
}

// AddSquares implements [backend.Optimizer].
func (p *Pair) AddSquares(sum, x backend.Tensor) {
	want := squares(p.floats(sum)[0], p.floats(x))
	p.both("AddSquares", func(s side) { s.AddSquares(s.of(sum), s.of(x)) })
	p.near("AddSquares", "sum", sum, []Approx{want})
}

// ClipNorm implements [backend.Optimizer].
func (p *Pair) ClipNorm(x, sum backend.Tensor, limit float32) {
	want := clipped(p.floats(x), p.floats(sum)[0], limit)
	p.both("ClipNorm", func(s side) { s.ClipNorm(s.of(x), s.of(sum), limit) })
	p.near("ClipNorm", "x", x, want)
}

// Average implements [backend.Optimizer].
func (p *Pair) Average(e, w backend.Tensor, d float64) {
	p.force(e)
	p.force(w)
	p.both("Average", func(s side) { s.Average(s.of(e), s.of(w), d) })
	p.same("Average", "e", e)
}
