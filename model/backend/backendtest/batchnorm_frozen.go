package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type frozenNormBackwarder interface {
	backend.Memory
	BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper)
}

// BatchNormFrozenBackward tests dβ = Σ dy, dγ = Σ dy·(x−mean)·r and dx = γ·r·dy
// with r = 1/√(variance+eps), and that the running statistics stay.
func BatchNormFrozenBackward(t T, b frozenNormBackwarder) {
	for _, s := range channelShapes {
		for _, h := range []backend.BatchNormHyper{pytorch, {Eps: 0.5}} {
			name := s.String()
			if h != pytorch {
				name += "/eps 0.5"
			}
			t.Run(name, func(t T) {
				x, gamma, beta, mean, variance := normInputs(s)
				dy := gradientsOf(seeded(s.String()+"/dy"), s.Len())
				vector := backend.Shape{s[1]}
				r := newRig(t, b)
				defer r.free()
				tdy, tx := r.in("dy", s, dy), r.in("x", s, x)
				p := backend.BatchNormParams{Gamma: r.in("gamma", vector, gamma).T, Beta: r.in("beta", vector, beta).T,
					Mean: r.in("mean", vector, mean).T, Variance: r.in("variance", vector, variance).T}
				dx, dgamma, dbeta := r.out("dx", backend.F32, s), r.out("dgamma", backend.F32, vector), r.out("dbeta", backend.F32, vector)
				r.run(func() { b.BatchNormFrozenBackward(dx.T, dgamma.T, dbeta.T, tdy.T, tx.T, p, h) })

				wantX, wantGamma, wantBeta := frozenGradients(s, dy, x, gamma, mean, variance, h)
				within(t, "dbeta", vector, dbeta.floats(), wantBeta)
				within(t, "dgamma", vector, dgamma.floats(), wantGamma)
				within(t, "dx", s, dx.floats(), wantX)
			})
		}
	}
	r := newRig(t, b)
	defer r.free()
	x, c3, c4 := r.out("x", backend.F32, backend.Shape{2, 3, 4}).T, r.out("v", backend.F32, backend.Shape{3}).T, r.out("v", backend.F32, backend.Shape{4}).T
	wrong := r.out("x", backend.F32, backend.Shape{2, 4, 3}).T
	good := backend.BatchNormParams{Gamma: c3, Beta: c3, Mean: c3, Variance: c3}
	faults(t, "BatchNormFrozenBackward", "dgamma is 4, want 3", func() { b.BatchNormFrozenBackward(x, c4, c3, x, x, good, pytorch) })
	faults(t, "BatchNormFrozenBackward", "dx is 2×4×3, want 2×3×4", func() { b.BatchNormFrozenBackward(wrong, c3, c3, x, x, good, pytorch) })
	faults(t, "BatchNormFrozenBackward", "variance is 4, want 3", func() {
		b.BatchNormFrozenBackward(x, c3, c3, x, x, backend.BatchNormParams{Gamma: c3, Beta: c3, Mean: c3, Variance: c4}, pytorch)
	})
}

// frozenGradients returns what BatchNormFrozenBackward writes. r has an error
// of rootUnits; what remains are sums of terms, and a product.
func frozenGradients(s backend.Shape, dy, x, gamma, mean, variance []float32, h backend.BatchNormHyper) (dx, dgammas, dbetas []Approx) {
	C, each := s[1], s[2:].Len()
	r := make([]float64, C)
	for c, v := range variance {
		r[c] = 1 / math.Sqrt(float64(v)+float64(h.Eps))
	}
	dx = make([]Approx, len(x))
	dgamma, dbeta := make([]sum, C), make([]sum, C)
	for i, d := range dy {
		c := i / each % C
		dbeta[c].add(float64(d))
		dgamma[c].add(float64(d) * (float64(x[i]) - float64(mean[c])) * r[c])
		var z sum
		z.add(float64(gamma[c]) * r[c] * float64(d))
		dx[i] = z.approx()
		dx[i].Bound += rootUnits * unit * z.abs
	}
	dgammas = approx(dgamma, 1)
	for c := range dgammas {
		dgammas[c].Bound += rootUnits * unit * dgamma[c].abs
	}
	return dx, dgammas, approx(dbeta, 1)
}
