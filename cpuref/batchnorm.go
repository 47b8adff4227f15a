package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// BatchNorm implements [backend.Layers]. The statistics are summed in float64,
// the variance around the float64 mean, and rounded to float32 once.
func (p *Plain) BatchNorm(y, x backend.Tensor, b backend.BatchNormParams, saved backend.Tensor, h backend.BatchNormHyper) {
	const op = "BatchNorm"
	N, C, each := checkBatchNorm(op, x, saved, b)
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	Y, X, S := p.f32(y), p.f32(x), p.f32(saved)
	gamma, beta, mean, variance := p.f32(b.Gamma), p.f32(b.Beta), p.f32(b.Mean), p.f32(b.Variance)
	T := float64(N * each)
	for c := range C {
		var sum float64
		for n := range N {
			for _, v := range X[(n*C+c)*each:][:each] {
				sum += float64(v)
			}
		}
		mu := sum / T

		var squares float64
		for n := range N {
			for _, v := range X[(n*C+c)*each:][:each] {
				d := float64(v) - mu
				squares += float64(d * d)
			}
		}
		S[c], S[C+c] = moveStatistics(&mean[c], &variance[c], mu, squares, T, h)

		for n := range N {
			at := (n*C + c) * each
			normalize(Y[at:][:each], X[at:][:each], gamma[c], beta[c], S[c], S[C+c])
		}
	}
}

func checkBatchNorm(op string, x, saved backend.Tensor, b backend.BatchNormParams) (N, C, each int) {
	return backend.CheckBatchNorm(who, op, x, saved,
		backend.Named{Name: "gamma", T: b.Gamma}, backend.Named{Name: "beta", T: b.Beta},
		backend.Named{Name: "mean", T: b.Mean}, backend.Named{Name: "variance", T: b.Variance})
}

// moveStatistics updates the running statistics of a channel by those of a
// batch of T elements, squares being Σ (x−μ)². It returns μ and r.
func moveStatistics(mean, variance *float32, mu, squares, T float64, h backend.BatchNormHyper) (_, r float32) {
	m := float64(h.Momentum)
	*mean = float32(float64((1-m)*float64(*mean)) + float64(m*mu))
	*variance = float32(float64((1-m)*float64(*variance)) + float64(m*(squares/(T-1))))
	return float32(mu), float32(1 / math.Sqrt(squares/T+float64(h.Eps)))
}

// normalize sets y = γ·(x−μ)·r + β.
func normalize(y, x []float32, gamma, beta, mu, r float32) {
	for i, v := range x {
		y[i] = float32(float32(gamma*(v-mu))*r) + beta
	}
}

// BatchNormInference implements [backend.Layers].
func (p *Plain) BatchNormInference(y, x backend.Tensor, b backend.BatchNormParams, h backend.BatchNormHyper) {
	N, C, each := checkInference(y, x, b)
	Y, X := p.f32(y), p.f32(x)
	gamma, beta, mean, variance := p.f32(b.Gamma), p.f32(b.Beta), p.f32(b.Mean), p.f32(b.Variance)
	for n := range N {
		for c := range C {
			at := (n*C + c) * each
			infer(Y[at:][:each], X[at:][:each], gamma[c], beta[c], mean[c], variance[c], h.Eps)
		}
	}
}

func checkInference(y, x backend.Tensor, b backend.BatchNormParams) (N, C, each int) {
	const op = "BatchNormInference"
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	return backend.CheckChannels(who, op, x,
		backend.Named{Name: "gamma", T: b.Gamma}, backend.Named{Name: "beta", T: b.Beta},
		backend.Named{Name: "mean", T: b.Mean}, backend.Named{Name: "variance", T: b.Variance})
}

// infer sets y = γ·(x−mean)/√(variance+eps) + β.
func infer(y, x []float32, gamma, beta, mean, variance, eps float32) {
	deviation := float32(math.Sqrt(float64(variance + eps)))
	for i, v := range x {
		y[i] = float32(float32(gamma*(v-mean))/deviation) + beta
	}
}

// BatchNormBackward implements [backend.Layers]. It sums in float64; dβ/T and
// dγ/T are rounded to float32 once.
func (p *Plain) BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	N, C, each := checkBatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved)
	dX, dG, dB, dY, X := p.f32(dx), p.f32(dgamma), p.f32(dbeta), p.f32(dy), p.f32(x)
	G, S := p.f32(gamma), p.f32(saved)
	T := float64(N * each)
	for c := range C {
		mu, r := S[c], S[C+c]
		var sum, sumHat float64
		for n := range N {
			at := (n*C + c) * each
			dY := dY[at:][:each]
			for i, v := range X[at:][:each] {
				sum += float64(dY[i])
				sumHat += float64(dY[i]) * float64((v-mu)*r)
			}
		}
		dB[c], dG[c] = float32(sum), float32(sumHat)

		for n := range N {
			at := (n*C + c) * each
			normalizeBackward(dX[at:][:each], dY[at:][:each], X[at:][:each], G[c]*r, mu, r, float32(sum/T), float32(sumHat/T))
		}
	}
}

func checkBatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) (N, C, each int) {
	const op = "BatchNormBackward"
	backend.CheckSame(who, op, "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, op, "dy", dy, backend.F32, "x", x, backend.F32)
	return backend.CheckBatchNorm(who, op, x, saved, backend.Named{Name: "gamma", T: gamma},
		backend.Named{Name: "dgamma", T: dgamma}, backend.Named{Name: "dbeta", T: dbeta})
}

// normalizeBackward sets dx = scale·(dy − meanDy − x̂·meanDyHat), x̂ = (x−μ)·r.
func normalizeBackward(dx, dy, x []float32, scale, mu, r, meanDy, meanDyHat float32) {
	for i, v := range x {
		dx[i] = scale * (dy[i] - meanDy - float32(float32((v-mu)*r)*meanDyHat))
	}
}
