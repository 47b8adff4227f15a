package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type layerNormer interface {
	backend.Memory
	LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32)
	LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor)
}

// layerNormInputs returns x whose tokens differ in mean and deviation by orders
// of magnitude, one in five of them constant, and γ and β.
func layerNormInputs(s backend.Shape) (x, gamma, beta []float32) {
	rnd := seeded(s.String())
	x = make([]float32, s.Len())
	eachToken(s, func(token int, at []int) {
		for _, i := range at {
			switch n := rnd.NormFloat64(); token % 5 {
			case 0:
				x[i] = float32(n)
			case 1:
				x[i] = float32(10 + 0.1*n)
			case 2:
				x[i] = float32(-100 + n)
			case 3:
				x[i] = 0.3
			case 4:
				x[i] = float32(1e-3 * n)
			}
		}
	})
	return x, normals(rnd, s[1], 1, 1), normals(rnd, s[1], 0, 1)
}

// LayerNorm tests normalisation over channels, what it leaves behind, μ and r,
// and its gradients.
func LayerNorm(t T, b layerNormer) {
	for _, s := range tokenShapes {
		x, gamma, beta := layerNormInputs(s)
		vector, savedShape := backend.Shape{s[1]}, backend.Shape{2, s[0], s[2:].Len()}
		for _, eps := range []float32{1e-5, 1e-2} {
			name := s.String()
			if eps != 1e-5 {
				name += "/eps 0.01"
			}
			t.Run("y/"+name, func(t T) {
				r := newRig(t, b)
				defer r.free()
				tx, tg, tb := r.in("x", s, x), r.in("gamma", vector, gamma), r.in("beta", vector, beta)
				y, saved := r.out("y", backend.F32, s), r.out("saved", backend.F32, savedShape)
				r.run(func() { b.LayerNorm(y.T, tx.T, tg.T, tb.T, saved.T, eps) })
				want, wantSaved := layerNormalized(s, x, gamma, beta, eps)
				within(t, "saved", savedShape, saved.floats(), wantSaved)
				within(t, "y", s, y.floats(), want)
			})
		}
		t.Run("dx/"+s.String(), func(t T) {
			dy := gradientsOf(seeded(s.String()+"/dy"), s.Len())
			_, stats := layerNormalized(s, x, gamma, beta, 1e-5)
			saved := make([]float32, len(stats))
			for i, v := range stats {
				saved[i] = float32(v.Value)
			}
			r := newRig(t, b)
			defer r.free()
			tdy, tx, tg, ts := r.in("dy", s, dy), r.in("x", s, x), r.in("gamma", vector, gamma), r.in("saved", savedShape, saved)
			dx, dgamma, dbeta := r.out("dx", backend.F32, s), r.out("dgamma", backend.F32, vector), r.out("dbeta", backend.F32, vector)
			r.run(func() { b.LayerNormBackward(dx.T, dgamma.T, dbeta.T, tdy.T, tx.T, tg.T, ts.T) })
			wantX, wantGamma, wantBeta := layerNormGradients(s, dy, x, gamma, saved)
			within(t, "dbeta", vector, dbeta.floats(), wantBeta)
			within(t, "dgamma", vector, dgamma.floats(), wantGamma)
			within(t, "dx", s, dx.floats(), wantX)
		})
	}

	// One NaN reaches its token and no other.
	t.Run("NaN", func(t T) {
		s := backend.Shape{2, 3, 65}
		x, gamma, beta := layerNormInputs(s)
		x[200] = float32(math.NaN())
		r := newRig(t, b)
		defer r.free()
		vector := backend.Shape{3}
		tx, tg, tb := r.in("x", s, x), r.in("gamma", vector, gamma), r.in("beta", vector, beta)
		y, saved := r.out("y", backend.F32, s), r.out("saved", backend.F32, backend.Shape{2, 2, 65})
		r.run(func() { b.LayerNorm(y.T, tx.T, tg.T, tb.T, saved.T, 1e-5) })
		want, wantSaved := layerNormalized(s, x, gamma, beta, 1e-5)
		within(t, "saved", saved.T.Shape(), saved.floats(), wantSaved)
		within(t, "y", s, y.floats(), want)
	})

	r := newRig(t, b)
	defer r.free()
	tensor := func(d ...int) backend.Tensor { return r.out("", backend.F32, d).T }
	x, y, c3, c4, saved := tensor(2, 3, 4), tensor(2, 4, 3), tensor(3), tensor(4), tensor(2, 2, 4)
	faults(t, "LayerNorm", "y is 2×4×3, want 2×3×4", func() { b.LayerNorm(y, x, c3, c3, saved, 1e-5) })
	faults(t, "LayerNorm", "beta is 4, want 3", func() { b.LayerNorm(x, x, c3, c4, saved, 1e-5) })
	faults(t, "LayerNorm", "saved is 2×3×4, want 2×2×4", func() { b.LayerNorm(x, x, c3, c3, tensor(2, 3, 4), 1e-5) })
	faults(t, "LayerNormBackward", "dx is 2×4×3, want 2×3×4", func() { b.LayerNormBackward(y, c3, c3, x, x, c3, saved) })
	faults(t, "LayerNormBackward", "dgamma is 4, want 3", func() { b.LayerNormBackward(x, c4, c3, x, x, c3, saved) })
	faults(t, "LayerNormBackward", "saved is 4, want 2×2×4", func() { b.LayerNormBackward(x, c3, c3, x, x, c3, c4) })
}

// layerNormalized returns y and {μ, r}. The errors are those of batch
// normalization in training.
func layerNormalized(s backend.Shape, x, gamma, beta []float32, eps float32) (y, saved []Approx) {
	tokens := s[0] * s[2:].Len()
	y, saved = make([]Approx, len(x)), make([]Approx, 2*tokens)
	v := make([]float64, s[1])
	eachToken(s, func(token int, at []int) {
		for c, i := range at {
			v[c] = float64(x[i])
		}
		k := statistics(v, float64(eps))
		saved[token], saved[tokens+token] = k.mean, k.r
		for c, i := range at {
			g, d := float64(gamma[c]), v[c]-k.mean.Value
			z := sum{}
			z.add(g * d * k.r.Value)
			z.add(float64(beta[c]))
			y[i] = z.approx()
			y[i].Bound += math.Abs(g) * (k.mean.Bound*(k.r.Value+k.r.Bound) + math.Abs(d)*k.r.Bound)
		}
	})
	return y, saved
}

// layerNormGradients returns what LayerNormBackward writes.
//
// A mean has the error of its sum and a quotient of 2.5 units in the last place
// (GLSL 4.50 §4.7.1). The bracket d − mean d − x̂·mean(d·x̂) is a sum of three
// terms; the roundings of d, x̂ and their products are the units that Bound
// leaves over the additions.
func layerNormGradients(s backend.Shape, dy, x, gamma, saved []float32) (dx, dgammas, dbetas []Approx) {
	tokens := s[0] * s[2:].Len()
	dx = make([]Approx, len(x))
	dgamma, dbeta := make([]sum, s[1]), make([]sum, s[1])
	share := 1 / float64(s[1])
	eachToken(s, func(token int, at []int) {
		mu, r := float64(saved[token]), float64(saved[tokens+token])
		hat := func(i int) float64 { return (float64(x[i]) - mu) * r }
		var sumD, sumHat sum
		for c, i := range at {
			d := float64(gamma[c]) * float64(dy[i])
			sumD.add(d)
			sumHat.add(d * hat(i))
			dbeta[c].add(float64(dy[i]))
			dgamma[c].add(float64(dy[i]) * hat(i))
		}
		mean, meanHat := sumD.times(share), sumHat.times(share)
		mean.Bound += 5 * unit * math.Abs(mean.Value)
		meanHat.Bound += 5 * unit * math.Abs(meanHat.Value)
		for c, i := range at {
			z := sum{}
			z.add(float64(gamma[c]) * float64(dy[i]))
			z.add(-mean.Value)
			z.add(-hat(i) * meanHat.Value)
			dx[i] = z.times(r)
			dx[i].Bound += math.Abs(r) * (mean.Bound + math.Abs(hat(i))*meanHat.Bound)
		}
	})
	return dx, approx(dgamma, 1), approx(dbeta, 1)
}
