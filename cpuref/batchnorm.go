package cpuref

import (
	"math"

	"gputrain/cpuref/kernel"
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
	y = y[:len(x)]
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
			infer(Y[at:][:each], X[at:][:each], gamma[c], beta[c], mean[c], deviation(variance[c], h.Eps))
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

// deviation returns √(variance+eps).
func deviation(variance, eps float32) float32 { return float32(math.Sqrt(float64(variance + eps))) }

// infer sets y = γ·(x−mean)/deviation + β.
func infer(y, x []float32, gamma, beta, mean, deviation float32) {
	y = y[:len(x)]
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
				sumHat += float64(float64(dY[i]) * float64((v-mu)*r))
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
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		dx[i] = scale * (dy[i] - meanDy - float32(float32((v-mu)*r)*meanDyHat))
	}
}

// BatchNormFrozenBackward implements [backend.Layers]. r is rounded to float32;
// it sums in float64.
func (p *Plain) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, b backend.BatchNormParams, h backend.BatchNormHyper) {
	N, C, each := backend.CheckBatchNormFrozen(who, dx, dgamma, dbeta, dy, x, b)
	dX, dG, dB, dY, X := p.f32(dx), p.f32(dgamma), p.f32(dbeta), p.f32(dy), p.f32(x)
	gamma, mean, variance := p.f32(b.Gamma), p.f32(b.Mean), p.f32(b.Variance)
	for c := range C {
		r := frozen(variance[c], h.Eps)
		var sum, sumHat float64
		for n := range N {
			at := (n*C + c) * each
			dX, dY := dX[at:][:each], dY[at:][:each]
			for i, v := range X[at:][:each] {
				sum += float64(dY[i])
				sumHat += float64(float64(dY[i]) * float64((v-mean[c])*r))
				dX[i] = float32(gamma[c]*r) * dY[i]
			}
		}
		dB[c], dG[c] = float32(sum), float32(sumHat)
	}
}

// frozen returns r = 1/√(variance+eps).
func frozen(variance, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(variance+eps)))
}

type batchNormTask struct {
	planes
	e                                        *kernel.Elements
	y, x, gamma, beta, mean, variance, saved []float32
	h                                        backend.BatchNormHyper
}

func (t *batchNormTask) part(i, _ int) {
	T := float64(t.N * t.each)
	first, end := t.channels(i)
	for c := first; c < end; c++ {
		var sum float64
		for n := range t.N {
			sum += sumOf(t.e, t.at(t.x, n, c))
		}
		mu := sum / T

		var squares float64
		for n := range t.N {
			squares += squaresAround(t.e, t.at(t.x, n, c), mu)
		}
		m, r := moveStatistics(&t.mean[c], &t.variance[c], mu, squares, T, t.h)
		t.saved[c], t.saved[t.C+c] = m, r

		for n := range t.N {
			y, x := t.at(t.y, n, c), t.at(t.x, n, c)
			done := t.e.Normalize(y, x, t.gamma[c], t.beta[c], m, r)
			normalize(y[done:], x[done:], t.gamma[c], t.beta[c], m, r)
		}
	}
}

// squaresAround returns Σ (x−mu)², in the manner of sumOf.
func squaresAround(e *kernel.Elements, x []float32, mu float64) float64 {
	var b, c, d float64
	a, n := e.Squares(x, mu)
	x = x[n:]
	for ; len(x) >= 4; x = x[4:] {
		e, f, g, h := float64(x[0])-mu, float64(x[1])-mu, float64(x[2])-mu, float64(x[3])-mu
		a += float64(e * e)
		b += float64(f * f)
		c += float64(g * g)
		d += float64(h * h)
	}
	for _, v := range x {
		e := float64(v) - mu
		a += float64(e * e)
	}
	return (a + b) + (c + d)
}

// BatchNorm implements [backend.Layers], as [Plain.BatchNorm] says.
func (c *CPU) BatchNorm(y, x backend.Tensor, b backend.BatchNormParams, saved backend.Tensor, h backend.BatchNormHyper) {
	const op = "BatchNorm"
	N, C, each := checkBatchNorm(op, x, saved, b)
	backend.CheckSame(who, op, "y", y, backend.F32, "x", x, backend.F32)
	t := batchNormTask{
		planes: planes{N, C, each}, e: c.fast.elements, y: c.f32(y), x: c.f32(x), saved: c.f32(saved), h: h,
		gamma: c.f32(b.Gamma), beta: c.f32(b.Beta), mean: c.f32(b.Mean), variance: c.f32(b.Variance),
	}
	run(c, t.channelParts(), t)
}

type inferTask struct {
	planes
	e                                 *kernel.Elements
	y, x, gamma, beta, mean, variance []float32
	eps                               float32
}

func (t *inferTask) part(i, _ int) {
	lo, hi := within(i, len(t.y))
	for lo < hi {
		plane := lo / t.each
		end := min(hi, (plane+1)*t.each)
		c := plane % t.C
		y, x, deviation := t.y[lo:end], t.x[lo:end], deviation(t.variance[c], t.eps)
		done := t.e.Infer(y, x, t.gamma[c], t.beta[c], t.mean[c], deviation)
		infer(y[done:], x[done:], t.gamma[c], t.beta[c], t.mean[c], deviation)
		lo = end
	}
}

// BatchNormInference implements [backend.Layers].
func (c *CPU) BatchNormInference(y, x backend.Tensor, b backend.BatchNormParams, h backend.BatchNormHyper) {
	N, C, each := checkInference(y, x, b)
	Y := c.f32(y)
	run(c, pieces(len(Y)), inferTask{planes{N, C, each}, c.fast.elements, Y, c.f32(x),
		c.f32(b.Gamma), c.f32(b.Beta), c.f32(b.Mean), c.f32(b.Variance), h.Eps})
}

type batchNormBackwardTask struct {
	planes
	e                                      *kernel.Elements
	dx, dgamma, dbeta, dy, x, gamma, saved []float32
}

func (t *batchNormBackwardTask) part(i, _ int) {
	T := float64(t.N * t.each)
	first, end := t.channels(i)
	for c := first; c < end; c++ {
		mu, r := t.saved[c], t.saved[t.C+c]
		var sum, sumHat float64
		for n := range t.N {
			s, hat := sumsWithHat(t.e, t.at(t.dy, n, c), t.at(t.x, n, c), mu, r)
			sum += s
			sumHat += hat
		}
		t.dbeta[c], t.dgamma[c] = float32(sum), float32(sumHat)

		scale, meanDy, meanDyHat := t.gamma[c]*r, float32(sum/T), float32(sumHat/T)
		for n := range t.N {
			dx, dy, x := t.at(t.dx, n, c), t.at(t.dy, n, c), t.at(t.x, n, c)
			done := t.e.NormalizeBackward(dx, dy, x, scale, mu, r, meanDy, meanDyHat)
			normalizeBackward(dx[done:], dy[done:], x[done:], scale, mu, r, meanDy, meanDyHat)
		}
	}
}

// sumsWithHat returns Σ dy and Σ dy·x̂, in the manner of sumOf.
func sumsWithHat(e *kernel.Elements, dy, x []float32, mu, r float32) (sum, sumHat float64) {
	var b, bHat float64
	a, aHat, n := e.SumsWithHat(dy, x, mu, r)
	dy, x = dy[n:], x[n:]
	for ; len(x) >= 2 && len(dy) >= 2; x, dy = x[2:], dy[2:] {
		d, e := float64(dy[0]), float64(dy[1])
		a += d
		b += e
		aHat += float64(d * float64((x[0]-mu)*r))
		bHat += float64(e * float64((x[1]-mu)*r))
	}
	for i, v := range x {
		d := float64(dy[i])
		a += d
		aHat += float64(d * float64((v-mu)*r))
	}
	return a + b, aHat + bHat
}

// BatchNormBackward implements [backend.Layers], as [Plain.BatchNormBackward]
// says.
func (c *CPU) BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	N, C, each := checkBatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved)
	t := batchNormBackwardTask{planes{N, C, each}, c.fast.elements, c.f32(dx), c.f32(dgamma), c.f32(dbeta),
		c.f32(dy), c.f32(x), c.f32(gamma), c.f32(saved)}
	run(c, t.channelParts(), t)
}

type frozenTask struct {
	planes
	e                                               *kernel.Elements
	dx, dgamma, dbeta, dy, x, gamma, mean, variance []float32
	eps                                             float32
}

func (t *frozenTask) part(i, _ int) {
	first, end := t.channels(i)
	for c := first; c < end; c++ {
		r := frozen(t.variance[c], t.eps)
		scale := t.gamma[c] * r
		var sum, sumHat float64
		for n := range t.N {
			dx, dy := t.at(t.dx, n, c), t.at(t.dy, n, c)
			s, hat := sumsWithHat(t.e, dy, t.at(t.x, n, c), t.mean[c], r)
			sum += s
			sumHat += hat
			for i, d := range dy[:len(dx)] {
				dx[i] = scale * d
			}
		}
		t.dbeta[c], t.dgamma[c] = float32(sum), float32(sumHat)
	}
}

// BatchNormFrozenBackward implements [backend.Layers], as
// [Plain.BatchNormFrozenBackward] says.
func (c *CPU) BatchNormFrozenBackward(dx, dgamma, dbeta, dy, x backend.Tensor, b backend.BatchNormParams, h backend.BatchNormHyper) {
	N, C, each := backend.CheckBatchNormFrozen(who, dx, dgamma, dbeta, dy, x, b)
	t := frozenTask{planes{N, C, each}, c.fast.elements, c.f32(dx), c.f32(dgamma), c.f32(dbeta), c.f32(dy), c.f32(x),
		c.f32(b.Gamma), c.f32(b.Mean), c.f32(b.Variance), h.Eps}
	run(c, t.channelParts(), t)
}
