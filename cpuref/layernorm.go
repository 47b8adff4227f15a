package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// LayerNorm implements [backend.Tokens]. The statistics are summed in float64,
// the variance around the float64 mean, and rounded to float32 once.
func (p *Plain) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	N, C, L := checkLayerNorm(y, x, gamma, beta, saved)
	Y, X, G, B, S := p.f32(y), p.f32(x), p.f32(gamma), p.f32(beta), p.f32(saved)
	T := float64(C)
	for n := range N {
		for l := range L {
			at := func(c int) int { return (n*C+c)*L + l }
			var sum, squares float64
			for c := range C {
				sum += float64(X[at(c)])
			}
			mu := sum / T
			for c := range C {
				d := float64(X[at(c)]) - mu
				squares += float64(d * d)
			}
			token := n*L + l
			m, r := float32(mu), float32(1/math.Sqrt(squares/T+float64(eps)))
			S[token], S[N*L+token] = m, r
			for c := range C {
				Y[at(c)] = float32(float32(G[c]*(X[at(c)]-m))*r) + B[c]
			}
		}
	}
}

func checkLayerNorm(y, x, gamma, beta, saved backend.Tensor) (N, C, L int) {
	const op = "LayerNorm"
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	return backend.CheckLayerNorm(who, op, x, saved, backend.Named{Name: "gamma", T: gamma}, backend.Named{Name: "beta", T: beta})
}

// LayerNormBackward implements [backend.Tokens]. It sums in float64; the means
// are rounded to float32 once.
func (p *Plain) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	N, C, L := checkLayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved)
	dX, dG, dB, dY, X, G, S := p.f32(dx), p.f32(dgamma), p.f32(dbeta), p.f32(dy), p.f32(x), p.f32(gamma), p.f32(saved)
	sums, sumsHat := make([]float64, C), make([]float64, C)
	T := float64(C)
	for n := range N {
		for l := range L {
			at := func(c int) int { return (n*C+c)*L + l }
			m, r := S[n*L+l], S[N*L+n*L+l]
			var sum, sumHat float64
			for c := range C {
				dy, hat := float64(dY[at(c)]), float64((X[at(c)]-m)*r)
				sums[c] += dy
				sumsHat[c] += float64(dy * hat)
				d := float64(G[c] * dY[at(c)])
				sum += d
				sumHat += float64(d * hat)
			}
			mean, meanHat := float32(sum/T), float32(sumHat/T)
			for c := range C {
				d, hat := float32(G[c]*dY[at(c)]), float32((X[at(c)]-m)*r)
				dX[at(c)] = r * (d - mean - float32(hat*meanHat))
			}
		}
	}
	for c := range C {
		dB[c], dG[c] = float32(sums[c]), float32(sumsHat[c])
	}
}

func checkLayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) (N, C, L int) {
	const op = "LayerNormBackward"
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, op, "dy", dy, backend.F32, "x", x, backend.F32)
	return backend.CheckLayerNorm(who, op, x, saved, backend.Named{Name: "gamma", T: gamma},
		backend.Named{Name: "dgamma", T: dgamma}, backend.Named{Name: "dbeta", T: dbeta})
}

type layerNormTask struct {
	sequence
	y, x, gamma, beta, mu, r []float32
	eps                      float32
	mean, squares            []float64 // of each token
}

func (t *layerNormTask) part(i, _ int) {
	b, T := t.block(i), float64(t.C)
	mean, squares := tokensOf(b, t.mean), tokensOf(b, t.squares)
	mu, r := tokensOf(b, t.mu), tokensOf(b, t.r)
	clear(mean)
	clear(squares)
	for c := range t.C {
		for l, v := range b.row(t.x, c)[:len(mean)] {
			mean[l] += float64(v)
		}
	}
	for l, sum := range mean {
		mean[l] = sum / T
		mu[l] = float32(mean[l])
	}
	for c := range t.C {
		for l, v := range b.row(t.x, c)[:len(mean)] {
			d := float64(v) - mean[l]
			squares[l] += float64(d * d)
		}
	}
	for l, v := range squares {
		r[l] = float32(1 / math.Sqrt(v/T+float64(t.eps)))
	}
	for c := range t.C {
		gamma, beta := t.gamma[c], t.beta[c]
		y := b.row(t.y, c)[:len(mu)]
		for l, v := range b.row(t.x, c)[:len(mu)] {
			y[l] = float32(float32(gamma*(v-mu[l]))*r[l]) + beta
		}
	}
}

// LayerNorm implements [backend.Tokens], as [Plain.LayerNorm] says.
func (c *CPU) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	N, C, L := checkLayerNorm(y, x, gamma, beta, saved)
	defer c.release()
	S := c.f32(saved)
	t := layerNormTask{sequence{N, C, L}, c.f32(y), c.f32(x), c.f32(gamma), c.f32(beta), S[:N*L], S[N*L:],
		eps, scratch[float64](c, N*L), scratch[float64](c, N*L)}
	run(c, t.parts(), t)
}

// layerNormBackwardTask sets dx.
type layerNormBackwardTask struct {
	sequence
	dx, dy, x, gamma, mu, r []float32
	sum, sumHat             []float64 // Σ d, Σ d·x̂ of each token
	mean, meanHat           []float32
}

func (t *layerNormBackwardTask) part(i, _ int) {
	b, T := t.block(i), float64(t.C)
	sum, sumHat := tokensOf(b, t.sum), tokensOf(b, t.sumHat)
	mu, r := tokensOf(b, t.mu), tokensOf(b, t.r)
	mean, meanHat := tokensOf(b, t.mean), tokensOf(b, t.meanHat)
	clear(sum)
	clear(sumHat)
	for c := range t.C {
		gamma := t.gamma[c]
		dy := b.row(t.dy, c)[:len(sum)]
		for l, v := range b.row(t.x, c)[:len(sum)] {
			d := float64(gamma * dy[l])
			sum[l] += d
			sumHat[l] += float64(d * float64((v-mu[l])*r[l]))
		}
	}
	for l := range sum {
		mean[l], meanHat[l] = float32(sum[l]/T), float32(sumHat[l]/T)
	}
	for c := range t.C {
		gamma := t.gamma[c]
		dx, dy := b.row(t.dx, c)[:len(mean)], b.row(t.dy, c)[:len(mean)]
		for l, v := range b.row(t.x, c)[:len(mean)] {
			d, hat := float32(gamma*dy[l]), float32((v-mu[l])*r[l])
			dx[l] = r[l] * (d - mean[l] - float32(hat*meanHat[l]))
		}
	}
}

// layerNormParamsTask sets dβ and dγ, some channels in a part.
type layerNormParamsTask struct {
	planes
	dgamma, dbeta, dy, x, mu, r []float32
}

func (t *layerNormParamsTask) part(i, _ int) {
	first, end := t.channels(i)
	for c := first; c < end; c++ {
		var sum, sumHat float64
		for n := range t.N {
			x, dy := t.at(t.x, n, c), t.at(t.dy, n, c)
			mu, r := t.mu[n*t.each:][:len(x)], t.r[n*t.each:][:len(x)]
			dy = dy[:len(x)]
			for l, v := range x {
				d := float64(dy[l])
				sum += d
				sumHat += float64(d * float64((v-mu[l])*r[l]))
			}
		}
		t.dbeta[c], t.dgamma[c] = float32(sum), float32(sumHat)
	}
}

// LayerNormBackward implements [backend.Tokens], as [Plain.LayerNormBackward]
// says.
func (c *CPU) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	N, C, L := checkLayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved)
	defer c.release()
	S, dY, X := c.f32(saved), c.f32(dy), c.f32(x)
	params := layerNormParamsTask{planes{N, C, L}, c.f32(dgamma), c.f32(dbeta), dY, X, S[:N*L], S[N*L:]}
	run(c, params.channelParts(), params)
	t := layerNormBackwardTask{sequence{N, C, L}, c.f32(dx), dY, X, c.f32(gamma), S[:N*L], S[N*L:],
		scratch[float64](c, N*L), scratch[float64](c, N*L), scratch[float32](c, N*L), scratch[float32](c, N*L)}
	run(c, t.parts(), t)
}
