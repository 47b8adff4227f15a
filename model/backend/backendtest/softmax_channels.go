package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// tokenShapes are [N, C, L], or [N, C, H, W], of operations that normalise over
// channels: one channel, one token, blocks of tokens and a neighbour of them,
// attention, more tokens than a device has invocations in a row of work groups.
var tokenShapes = []backend.Shape{
	{1, 1, 1}, {2, 1, 5}, {1, 7, 1}, {5, 3, 1}, {3, 5, 4, 4}, {2, 3, 63}, {1, 16, 64}, {2, 17, 65}, {3, 65, 65}, {1, 4, 257}, {2, 197, 3}, {2, 384, 5}, {1, 2, 70001},
}

// eachToken calls f with each token and the indices of its channels.
func eachToken(s backend.Shape, f func(token int, at []int)) {
	L := s[2:].Len()
	indices := make([]int, s[1])
	for token := range s[0] * L {
		for c := range indices {
			indices[c] = (token/L*s[1]+c)*L + token%L
		}
		f(token, indices)
	}
}

type channelSoftmaxer interface {
	backend.Memory
	Softmax(y, x backend.Tensor, a float32)
	SoftmaxBackward(dx, dy, y backend.Tensor, a float32)
}

// Softmax tests the softmax over channels and its gradient, in place and not.
func Softmax(t T, b channelSoftmaxer) {
	for _, s := range tokenShapes {
		rnd := seeded(s.String())
		for _, c := range []struct {
			name   string
			spread float64
			a      float32
			change func(x []float32)
		}{
			{"random", 2, 1, nil},
			{"scaled", 4, 0.17677669, nil},
			{"large", 3000, 1, nil}, // exp of any of these alone overflows or is 0
			{"equal", 0, 3, nil},
			{"masked", 2, 1, func(x []float32) { // all but the last channel of some tokens
				eachToken(s, func(token int, at []int) {
					for i, k := range at[:len(at)-1] {
						if (token+i)%3 == 0 {
							x[k] = float32(math.Inf(-1))
						}
					}
				})
			}},
			{"NaN", 1, 0.5, func(x []float32) { x[len(x)/3] = float32(math.NaN()) }}, // of one token
		} {
			x := normals(rnd, s.Len(), 0, c.spread)
			if c.change != nil {
				c.change(x)
			}
			want := softmax(s, x, c.a)
			name := fmt.Sprintf("%s/%v", c.name, s)
			t.Run("y/"+name, func(t T) {
				r := newRig(t, b)
				defer r.free()
				tx, y := r.in("x", s, x), r.out("y", backend.F32, s)
				r.run(func() { b.Softmax(y.T, tx.T, c.a) })
				within(t, "y", s, y.floats(), want)
			})
			t.Run("y/in place/"+name, func(t T) {
				r := newRig(t, b)
				defer r.free()
				y := r.inout("x", s, x)
				r.run(func() { b.Softmax(y.T, y.T, c.a) })
				within(t, "y", s, y.floats(), want)
			})
			if c.name == "NaN" {
				continue
			}
			y, dy := make([]float32, len(x)), gradientsOf(rnd, len(x))
			for i, v := range want {
				y[i] = float32(v.Value)
			}
			wantX := softmaxGradient(s, dy, y, c.a)
			t.Run("dx/"+name, func(t T) {
				r := newRig(t, b)
				defer r.free()
				tdy, ty, dx := r.in("dy", s, dy), r.in("y", s, y), r.out("dx", backend.F32, s)
				r.run(func() { b.SoftmaxBackward(dx.T, tdy.T, ty.T, c.a) })
				within(t, "dx", s, dx.floats(), wantX)
			})
			t.Run("dx/in place/"+name, func(t T) {
				r := newRig(t, b)
				defer r.free()
				ty, dx := r.in("y", s, y), r.inout("dy", s, dy)
				r.run(func() { b.SoftmaxBackward(dx.T, dx.T, ty.T, c.a) })
				within(t, "dx", s, dx.floats(), wantX)
			})
		}
	}

	r := newRig(t, b)
	defer r.free()
	x, y, flat := r.out("x", backend.F32, backend.Shape{2, 3, 4}).T, r.out("y", backend.F32, backend.Shape{2, 4, 3}).T, r.out("x", backend.F32, backend.Shape{5}).T
	faults(t, "Softmax", "y is 2×4×3, want 2×3×4", func() { b.Softmax(y, x, 1) })
	faults(t, "Softmax", "x is 5, want [N, C, …]", func() { b.Softmax(flat, flat, 1) })
	faults(t, "Softmax", "a is 0, want a positive number", func() { b.Softmax(x, x, 0) })
	faults(t, "Softmax", "a is NaN, want a positive number", func() { b.Softmax(x, x, float32(math.NaN())) })
	faults(t, "SoftmaxBackward", "2×4×3", func() { b.SoftmaxBackward(x, y, x, 1) })
	faults(t, "SoftmaxBackward", "2×4×3", func() { b.SoftmaxBackward(x, x, y, 1) })
	faults(t, "SoftmaxBackward", "a is -1, want a positive number", func() { b.SoftmaxBackward(x, x, x, -1) })
}

// softmax returns e^z/Σ e^z, z = a·x − max a·x: the errors are those of
// [softmaxCase] want. A product a·x is rounded once and exact here.
func softmax(s backend.Shape, x []float32, a float32) []Approx {
	y := make([]Approx, len(x))
	eachToken(s, func(_ int, at []int) {
		top := float32(math.Inf(-1))
		for _, i := range at {
			top = max(top, a*x[i])
		}
		e, slack := make([]float64, len(at)), make([]float64, len(at))
		total, blur := 0.0, 0.0
		for c, i := range at {
			z := float64(a*x[i]) - float64(top)
			e[c] = math.Exp(z)
			if e[c] != 0 {
				slack[c] = (6 + 5*math.Abs(z)) * unit
			}
			total += e[c]
			blur += e[c] * slack[c]
		}
		sumError := blur/total + Bound(len(at), 1)
		for c, i := range at {
			p := e[c] / total
			y[i] = Approx{p, p*(slack[c]+sumError+5*unit) + 0x1p-126}
		}
	})
	return y
}

// softmaxGradient returns a·y·(dy − Σ dy·y): two terms in a bracket, one of
// them with the error of the sum, and two products.
func softmaxGradient(s backend.Shape, dy, y []float32, a float32) []Approx {
	dx := make([]Approx, len(dy))
	eachToken(s, func(_ int, at []int) {
		var dot sum
		for _, i := range at {
			dot.add(float64(dy[i]) * float64(y[i]))
		}
		for _, i := range at {
			var z sum
			z.add(float64(dy[i]))
			z.add(-dot.value)
			factor := float64(a) * float64(y[i])
			dx[i] = z.times(factor)
			dx[i].Bound += math.Abs(factor)*dot.approx().Bound + 0x1p-126
		}
	})
	return dx
}
