package backendtest

import (
	"fmt"

	"gputrain/model/backend"
)

// A path is where four weights, at first 0.5, −1.25, 2 and 0, stand after one,
// two and eight steps, t = 1, …, with the gradients
//
//	g = [(7*t*t + 5*i*t + i) % 11 / 8 - 0.625 for i in range(4)]
//
// The figures come from a program apart, in Python and float64, written from
// the published algorithms. Adan, arXiv 2208.06677, Algorithm 1 with the bias
// corrections of the authors' optimizer:
//
//	for i in range(4):
//	    d = g[i] - prev[i] if t > 1 else 0
//	    m[i] = b1 * m[i] + (1 - b1) * g[i]
//	    v[i] = b2 * v[i] + (1 - b2) * d
//	    n[i] = b3 * n[i] + (1 - b3) * (g[i] + b2 * d) ** 2
//	    eta = lr / (sqrt(n[i] / (1 - b3 ** t)) + eps)
//	    w[i] = (w[i] - eta * (m[i] / (1 - b1 ** t) + b2 * v[i] / (1 - b2 ** t))) / (1 + lr * wd)
//
// AdaMomentum, arXiv 2106.11514, Algorithm 1:
//
//	for i in range(4):
//	    g[i] += wd * w[i]
//	    m[i] = b1 * m[i] + (1 - b1) * g[i]
//	    v[i] = b2 * v[i] + (1 - b2) * m[i] ** 2 + eps
//	    w[i] -= lr * (m[i] / (1 - b1 ** t)) / sqrt(v[i] / (1 - b2 ** t))
type path map[int][]float64

// adanPath has lr 0.05, betas 0.98, 0.92, 0.99, eps 1e-8 and decay 0.02,
// adaMomentumPath lr 0.05, betas 0.9, 0.999, eps 1e-8 and decay 0.01.
var (
	adanPath = path{
		1: {0.449550452, -1.1988012, 1.948051949, 0.049950048},
		2: {0.413162428, -1.20949624, 1.922665114, 0.03412091},
		8: {0.325428917, -1.119503377, 1.876532022, 0.069076362},
	}
	adaMomentumPath = path{
		1: {0.003800891, -0.751656662, 1.501594646, 0.496047369},
		2: {-0.296733471, -0.561837074, 1.211319187, 0.626506645},
		8: {-1.264039211, 0.354650397, 0.598267319, 1.432694089},
	}
)

// trajectory makes eight steps with so many tensors of state, at first 0, and
// compares w with the path. A step adds an error of units·2⁻²⁴ of itself, and
// some roundings of w and of the moments; a step is at most reach.
func trajectory(t T, b backend.Memory, states int, units float64, want path, step func(w, dw backend.Tensor, state []backend.Tensor, step int)) {
	t.Run("trajectory", func(t T) {
		shape := backend.Shape{4}
		tensor := func() backend.Tensor { return b.NewTensor(backend.F32, shape) }
		w, dw := tensor(), tensor()
		defer b.Free(w)
		defer b.Free(dw)
		var state []backend.Tensor
		for range states {
			x := tensor()
			defer b.Free(x)
			state = append(state, x)
		}
		b.Write(w, []float32{0.5, -1.25, 2, 0})
		for s := 1; s <= 8; s++ {
			g := make([]float32, 4)
			for i := range g {
				g[i] = float32((7*s*s+5*i*s+i)%11)/8 - 0.625
			}
			b.Write(dw, g)
			step(w, dw, state, s)
			if want[s] == nil {
				continue
			}
			const reach, greatest = 0.6, 2
			limit := float64(s)*unit*(2*units*reach+4*greatest) + 1e-9 // nine digits
			approx := make([]Approx, 4)
			for i, v := range want[s] {
				approx[i] = Approx{v, limit}
			}
			within(t, fmt.Sprintf("w after %d steps", s), shape, read(t, b, w).([]float32), approx)
		}
	})
}
