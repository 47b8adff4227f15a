package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// Softmax implements [backend.Tokens]. z is rounded to float32; exponentials,
// their sum and the quotient are float64.
func (p *Plain) Softmax(y, x backend.Tensor, a float32) {
	N, C, L := backend.CheckSoftmax(who, "Softmax", y, x, a)
	Y, X := p.f32(y), p.f32(x)
	e := make([]float64, C)
	for n := range N {
		for l := range L {
			at := func(c int) int { return (n*C+c)*L + l }
			top := float32(math.Inf(-1))
			for c := range C {
				top = max(top, float32(a*X[at(c)]))
			}
			var sum float64
			for c := range C {
				e[c] = math.Exp(float64(float32(a*X[at(c)])) - float64(top))
				sum += e[c]
			}
			for c := range C {
				Y[at(c)] = float32(e[c] / sum)
			}
		}
	}
}

// SoftmaxBackward implements [backend.Tokens]. It adds in float64.
func (p *Plain) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) {
	N, C, L := checkSoftmaxBackward(dx, dy, y, a)
	dX, dY, Y := p.f32(dx), p.f32(dy), p.f32(y)
	for n := range N {
		for l := range L {
			at := func(c int) int { return (n*C+c)*L + l }
			var sum float64
			for c := range C {
				sum += float64(float64(dY[at(c)]) * float64(Y[at(c)]))
			}
			for c := range C {
				dX[at(c)] = float32(float64(a) * float64(Y[at(c)]) * (float64(dY[at(c)]) - sum))
			}
		}
	}
}

func checkSoftmaxBackward(dx, dy, y backend.Tensor, a float32) (N, C, L int) {
	return backend.CheckSoftmax(who, "SoftmaxBackward", y, dx, a, backend.Named{Name: "dy", T: dy})
}

type softmaxChannelsTask struct {
	sequence
	y, x     []float32
	a        float32
	top, sum []float32 // max z and Σ e, later 1/Σ e, of each token
}

func (t *softmaxChannelsTask) part(i, _ int) {
	b := t.block(i)
	top, sum := tokensOf(b, t.top), tokensOf(b, t.sum)
	for l := range top {
		top[l], sum[l] = float32(math.Inf(-1)), 0
	}
	for c := range t.C {
		for l, v := range b.row(t.x, c)[:len(top)] {
			top[l] = max(top[l], float32(t.a*v))
		}
	}
	for c := range t.C {
		y, x := b.row(t.y, c)[:len(sum)], b.row(t.x, c)[:len(sum)]
		for l, v := range top[:len(sum)] {
			e := exponential(float32(t.a*x[l]) - v)
			y[l] = e
			sum[l] += e
		}
	}
	for l, v := range sum {
		sum[l] = 1 / v
	}
	for c := range t.C {
		y := b.row(t.y, c)[:len(sum)]
		for l, v := range sum {
			y[l] *= v
		}
	}
}

// Softmax implements [backend.Tokens], in float32.
func (c *CPU) Softmax(y, x backend.Tensor, a float32) {
	N, C, L := backend.CheckSoftmax(who, "Softmax", y, x, a)
	defer c.release()
	t := softmaxChannelsTask{sequence{N, C, L}, c.f32(y), c.f32(x), a, scratch[float32](c, N*L), scratch[float32](c, N*L)}
	run(c, t.parts(), t)
}

type softmaxBackwardTask struct {
	sequence
	dx, dy, y []float32
	a         float32
	sum       []float64 // Σ dy·y of each token
}

func (t *softmaxBackwardTask) part(i, _ int) {
	b := t.block(i)
	sum := tokensOf(b, t.sum)
	clear(sum)
	for c := range t.C {
		dy := b.row(t.dy, c)[:len(sum)]
		for l, v := range b.row(t.y, c)[:len(sum)] {
			sum[l] += float64(float64(dy[l]) * float64(v))
		}
	}
	for c := range t.C {
		dx, dy := b.row(t.dx, c)[:len(sum)], b.row(t.dy, c)[:len(sum)]
		for l, v := range b.row(t.y, c)[:len(sum)] {
			dx[l] = float32(float64(t.a) * float64(v) * (float64(dy[l]) - sum[l]))
		}
	}
}

// SoftmaxBackward implements [backend.Tokens], as [Plain.SoftmaxBackward] says.
func (c *CPU) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) {
	N, C, L := checkSoftmaxBackward(dx, dy, y, a)
	defer c.release()
	run(c, sequence{N, C, L}.parts(), softmaxBackwardTask{sequence{N, C, L}, c.f32(dx), c.f32(dy), c.f32(y), a, scratch[float64](c, N*L)})
}
