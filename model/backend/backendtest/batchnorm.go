package backendtest

import (
	"math"

	"gputrain/model/backend"
)

// rootUnits bounds the relative error, in units of 2⁻²⁴, of 1/√(v+eps): the
// sum is rounded (½ after the root), and OpenGL lets a square root and a
// division each be 2.5 to 3 units in the last place off (GLSL 4.50 §4.7.1),
// two units of 2⁻²⁴ each.
const rootUnits = 12

// A channel holds the statistics of one channel and how far a float32
// computation of them may lie.
//
// μ is a sum of T terms over T: Bound(T, mean |x|). σ² is a mean of squares
// (x−μ)²: none of its terms cancels, so its bound is Bound(T, σ²), and an
// error δ of μ adds δ² exactly, since Σ(x−μ) = 0. Formulas that subtract two
// great numbers, as mean x² − μ², do not stay within it, nor should they. r
// has half the relative error of σ² + eps, and rootUnits.
type channel struct{ mean, variance, r Approx }

func statistics(x []float64, eps float64) channel {
	share := 1 / float64(len(x))
	var mean sum
	for _, v := range x {
		mean.add(v)
	}
	m := mean.times(share)
	var square sum
	for _, v := range x {
		square.add((v - m.Value) * (v - m.Value))
	}
	v := square.times(share)
	v.Bound += m.Bound*m.Bound + Bound(len(x), m.Bound*m.Bound)
	r := 1 / math.Sqrt(v.Value+eps)
	return channel{m, v, Approx{r, r * (v.Bound/(2*(v.Value+eps)) + rootUnits*unit)}}
}

// byChannel returns the elements of x [N, C, …] by channel, and a function
// that puts them back.
func byChannel(s backend.Shape, x []float32) [][]float64 {
	C, each := s[1], s[2:].Len()
	v := make([][]float64, C)
	for i, e := range x {
		c := i / each % C
		v[c] = append(v[c], float64(e))
	}
	return v
}

type batchNormer interface {
	backend.Memory
	BatchNorm(y, x backend.Tensor, p backend.BatchNormParams, saved backend.Tensor, h backend.BatchNormHyper)
}

var pytorch = backend.BatchNormHyper{Eps: 1e-5, Momentum: 0.1}

// normInputs returns x whose channels differ in mean and deviation by orders
// of magnitude, one of them constant, and γ, β, running mean and variance.
func normInputs(s backend.Shape) (x, gamma, beta, mean, variance []float32) {
	rnd := seeded(s.String())
	C, each := s[1], s[2:].Len()
	x = make([]float32, s.Len())
	for i := range x {
		switch c := i / each % C; c % 5 {
		case 0:
			x[i] = float32(rnd.NormFloat64())
		case 1:
			x[i] = float32(10 + 0.1*rnd.NormFloat64())
		case 2:
			x[i] = float32(-100 + rnd.NormFloat64())
		case 3:
			x[i] = 0.3
		case 4:
			x[i] = float32(1e-3 * rnd.NormFloat64())
		}
	}
	variance = normals(rnd, C, 0, 1)
	for i, v := range variance {
		variance[i] = v*v + 0.01
	}
	return x, normals(rnd, C, 1, 1), normals(rnd, C, 0, 1), normals(rnd, C, 0, 1), variance
}

// BatchNorm tests normalisation by the statistics of the batch, and what it
// leaves behind: the running statistics, the variance of which is unbiased,
// and μ and r.
func BatchNorm(t T, b batchNormer) {
	for _, s := range channelShapes {
		C := s[1]
		if s.Len()/C < 2 {
			continue
		}
		for _, h := range []backend.BatchNormHyper{pytorch, {Eps: 1e-2, Momentum: 0.75}} {
			name := s.String()
			if h != pytorch {
				name += "/eps 0.01, momentum 0.75"
			}
			t.Run(name, func(t T) {
				x, gamma, beta, mean, variance := normInputs(s)
				vector := backend.Shape{C}
				r := newRig(t, b)
				defer r.free()
				tx, tg, tb := r.in("x", s, x), r.in("gamma", vector, gamma), r.in("beta", vector, beta)
				tm, tv := r.inout("mean", vector, mean), r.inout("variance", vector, variance)
				y, saved := r.out("y", backend.F32, s), r.out("saved", backend.F32, backend.Shape{2, C})
				r.run(func() {
					b.BatchNorm(y.T, tx.T, backend.BatchNormParams{Gamma: tg.T, Beta: tb.T, Mean: tm.T, Variance: tv.T}, saved.T, h)
				})

				want := normalized(s, x, gamma, beta, mean, variance, h)
				within(t, "saved", saved.T.Shape(), saved.floats(), want.saved)
				within(t, "mean", vector, tm.floats(), want.mean)
				within(t, "variance", vector, tv.floats(), want.variance)
				within(t, "y", s, y.floats(), want.y)
			})
		}
	}

	r := newRig(t, b)
	defer r.free()
	x, c3, c4 := r.out("x", backend.F32, backend.Shape{2, 3, 4}).T, r.out("v", backend.F32, backend.Shape{3}).T, r.out("v", backend.F32, backend.Shape{4}).T
	saved, single := r.out("saved", backend.F32, backend.Shape{2, 3}).T, r.out("x", backend.F32, backend.Shape{1, 3}).T
	faults(t, "BatchNorm", "is 4, want 3", func() {
		b.BatchNorm(x, x, backend.BatchNormParams{Gamma: c3, Beta: c3, Mean: c4, Variance: c3}, saved, pytorch)
	})
	faults(t, "BatchNorm", "the variance of a channel of 1 elements is not defined", func() {
		b.BatchNorm(single, single, backend.BatchNormParams{Gamma: c3, Beta: c3, Mean: c3, Variance: c3}, saved, pytorch)
	})
	faults(t, "BatchNorm", "is 3, want 2×3", func() {
		b.BatchNorm(x, x, backend.BatchNormParams{Gamma: c3, Beta: c3, Mean: c3, Variance: c3}, c3, pytorch)
	})
}

// A normalization is what BatchNorm writes; normalized returns it.
type normalization struct{ y, mean, variance, saved []Approx }

func normalized(s backend.Shape, x, gamma, beta, mean, variance []float32, h backend.BatchNormHyper) normalization {
	C, each := s[1], s[2:].Len()
	n := normalization{make([]Approx, len(x)), make([]Approx, C), make([]Approx, C), make([]Approx, 2*C)}
	stats := make([]channel, C)
	m, count := float64(h.Momentum), float64(s.Len()/C)
	for c, v := range byChannel(s, x) {
		k := statistics(v, float64(h.Eps))
		stats[c] = k
		n.saved[c], n.saved[C+c] = k.mean, k.r
		n.mean[c] = moved(float64(mean[c]), k.mean, m)
		unbiased := count / (count - 1)
		n.variance[c] = moved(float64(variance[c]), Approx{k.variance.Value * unbiased, k.variance.Bound * unbiased}, m)
	}
	// y = γ·(x−μ)·r + β is the sum of two terms. Its first has the errors of μ
	// and r, and four roundings with the sum.
	for i, v := range x {
		c := i / each % C
		k, g := stats[c], float64(gamma[c])
		d := float64(v) - k.mean.Value
		z := sum{}
		z.add(g * d * k.r.Value)
		z.add(float64(beta[c]))
		n.y[i] = z.approx()
		n.y[i].Bound += math.Abs(g) * (k.mean.Bound*(k.r.Value+k.r.Bound) + math.Abs(d)*k.r.Bound)
	}
	return n
}

// moved returns (1−m)·old + m·batch: a sum of two terms, the factor 1−m and
// each product rounded.
func moved(old float64, batch Approx, m float64) Approx {
	var s sum
	s.add((1 - m) * old)
	s.add(m * batch.Value)
	a := s.approx()
	a.Bound += m * batch.Bound
	return a
}

type inferenceNormer interface {
	backend.Memory
	BatchNormInference(y, x backend.Tensor, p backend.BatchNormParams, h backend.BatchNormHyper)
}

// BatchNormInference tests normalisation by the running statistics.
func BatchNormInference(t T, b inferenceNormer) {
	for _, s := range channelShapes {
		t.Run(s.String(), func(t T) {
			x, gamma, beta, mean, variance := normInputs(s)
			vector := backend.Shape{s[1]}
			r := newRig(t, b)
			defer r.free()
			tx, y := r.in("x", s, x), r.out("y", backend.F32, s)
			p := backend.BatchNormParams{Gamma: r.in("gamma", vector, gamma).T, Beta: r.in("beta", vector, beta).T,
				Mean: r.in("mean", vector, mean).T, Variance: r.in("variance", vector, variance).T}
			r.run(func() { b.BatchNormInference(y.T, tx.T, p, pytorch) })

			within(t, "y", s, y.floats(), inferred(s, x, gamma, beta, mean, variance, pytorch))
		})
	}
	r := newRig(t, b)
	defer r.free()
	x, c3, c4 := r.out("x", backend.F32, backend.Shape{2, 3, 4}).T, r.out("v", backend.F32, backend.Shape{3}).T, r.out("v", backend.F32, backend.Shape{4}).T
	faults(t, "BatchNormInference", "is 4, want 3", func() {
		b.BatchNormInference(x, x, backend.BatchNormParams{Gamma: c3, Beta: c4, Mean: c3, Variance: c3}, pytorch)
	})
}

// inferred returns γ·(x−mean)/√(variance+eps) + β, a sum of two terms.
func inferred(s backend.Shape, x, gamma, beta, mean, variance []float32, h backend.BatchNormHyper) []Approx {
	C, each := s[1], s[2:].Len()
	y := make([]Approx, len(x))
	for i, v := range x {
		c := i / each % C
		z := sum{}
		z.add(float64(gamma[c]) * (float64(v) - float64(mean[c])) / math.Sqrt(float64(variance[c])+float64(h.Eps)))
		z.add(float64(beta[c]))
		y[i] = z.approx()
		y[i].Bound += rootUnits * unit * z.abs
	}
	return y
}

type normBackwarder interface {
	backend.Memory
	BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor)
}

// BatchNormBackward tests dβ = Σ dy, dγ = Σ dy·x̂ and
// dx = γ·r·(dy − dβ/T − x̂·dγ/T) with μ and r as given.
func BatchNormBackward(t T, b normBackwarder) {
	for _, s := range channelShapes {
		C := s[1]
		if s.Len()/C < 2 {
			continue
		}
		t.Run(s.String(), func(t T) {
			x, gamma, _, _, _ := normInputs(s)
			dy := gradientsOf(seeded(s.String()+"/dy"), s.Len())
			saved := make([]float32, 2*C)
			for c, v := range byChannel(s, x) {
				k := statistics(v, float64(pytorch.Eps))
				saved[c], saved[C+c] = float32(k.mean.Value), float32(k.r.Value)
			}

			dx, dgamma, dbeta := normGradients(s, dy, x, gamma, saved)
			vector := backend.Shape{C}
			r := newRig(t, b)
			defer r.free()
			tdy, tx, tg := r.in("dy", s, dy), r.in("x", s, x), r.in("gamma", vector, gamma)
			ts := r.in("saved", backend.Shape{2, C}, saved)
			tdx, tdg, tdb := r.out("dx", backend.F32, s), r.out("dgamma", backend.F32, vector), r.out("dbeta", backend.F32, vector)
			r.run(func() { b.BatchNormBackward(tdx.T, tdg.T, tdb.T, tdy.T, tx.T, tg.T, ts.T) })
			within(t, "dbeta", vector, tdb.floats(), dbeta)
			within(t, "dgamma", vector, tdg.floats(), dgamma)
			within(t, "dx", s, tdx.floats(), dx)
		})
	}
	r := newRig(t, b)
	defer r.free()
	x, c3, c4 := r.out("x", backend.F32, backend.Shape{2, 3, 4}).T, r.out("v", backend.F32, backend.Shape{3}).T, r.out("v", backend.F32, backend.Shape{4}).T
	saved := r.out("saved", backend.F32, backend.Shape{2, 3}).T
	faults(t, "BatchNormBackward", "is 4, want 3", func() { b.BatchNormBackward(x, c4, c3, x, x, c3, saved) })
}

// normGradients returns what BatchNormBackward writes.
func normGradients(s backend.Shape, dy, x, gamma, saved []float32) (dx, dgammas, dbetas []Approx) {
	C, each := s[1], s[2:].Len()
	count := float64(s.Len() / C)
	normalised := func(i int) float64 {
		c := i / each % C
		return (float64(x[i]) - float64(saved[c])) * float64(saved[C+c])
	}
	dgamma, dbeta := make([]sum, C), make([]sum, C)
	for i, d := range dy {
		c := i / each % C
		dbeta[c].add(float64(d))
		dgamma[c].add(float64(d) * normalised(i))
	}
	// Three terms in a bracket with the errors of both sums; seven
	// more roundings: those of x̂, of its product, of two quotients
	// and of the two factors, which Bound allows for three terms.
	dx = make([]Approx, len(x))
	for i, d := range dy {
		c := i / each % C
		z := sum{}
		z.add(float64(d))
		z.add(-dbeta[c].value / count)
		z.add(-normalised(i) * dgamma[c].value / count)
		factor := float64(gamma[c]) * float64(saved[C+c])
		dx[i] = z.times(factor)
		dx[i].Bound += math.Abs(factor) * (dbeta[c].approx().Bound + math.Abs(normalised(i))*dgamma[c].approx().Bound) / count
	}
	return dx, approx(dgamma, 1), approx(dbeta, 1)
}
