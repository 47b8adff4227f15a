package dataset

import (
	"image"
	"math"
	"math/rand/v2"
)

// mix mixes the images of b, which is the batch of h×w images that g belongs
// to, as t asks for, and says so in Mixed and Lambda. The partner of image i of
// n is image n-1-i.
//
// Mixup (Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018):
//
//	λ ~ Beta(α, α)     x'[i] = λ·x[i] + (1-λ)·x[n-1-i]
//
// each step rounded to float32. CutMix (Yun et al., "CutMix: Regularization
// Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019):
// a box of W·√(1-λ) by H·√(1-λ) pixels, rounded down, around a place that is
// uniform in the image, cut where it leaves the image, is taken from the
// partner; λ is then corrected to the share of pixels that stay.
func (t *transform) mix(b *Batch, h, w int, g *rand.Rand) {
	b.Lambda = 1
	if b.Mixed == nil {
		return
	}
	n := b.Count
	copy(b.Mixed, b.Labels)
	for i := range n {
		b.Mixed[i] = b.Labels[n-1-i]
	}
	alpha, cut := t.mixup, false
	if t.cutMix > 0 && (t.mixup == 0 || g.IntN(2) == 1) {
		alpha, cut = t.cutMix, true
	}
	size := len(b.X) / len(b.Labels)
	lambda := beta(alpha, g)
	if !cut {
		b.Lambda = float32(lambda)
		rest := 1 - b.Lambda
		for i := range n / 2 { // that in the middle of an odd number is its own partner
			x, y := b.X[i*size:][:size], b.X[(n-1-i)*size:][:size]
			for p, u := range x {
				v := y[p]
				x[p] = float32(b.Lambda*u) + float32(rest*v)
				y[p] = float32(b.Lambda*v) + float32(rest*u)
			}
		}
		return
	}
	box := cutBox(lambda, h, w, g)
	b.Lambda = 1 - float32(box.Dx()*box.Dy())/float32(h*w)
	for i := range n / 2 {
		x, y := b.X[i*size:][:size], b.X[(n-1-i)*size:][:size]
		for row := box.Min.Y; row < size/w; row++ { // of all planes
			if r := row % h; r < box.Min.Y || r >= box.Max.Y {
				continue
			}
			for p := row*w + box.Min.X; p < row*w+box.Max.X; p++ {
				x[p], y[p] = y[p], x[p]
			}
		}
	}
}

// cutBox draws the box of CutMix.
func cutBox(lambda float64, h, w int, g *rand.Rand) image.Rectangle {
	side := math.Sqrt(1 - lambda)
	bw, bh := int(float64(w)*side), int(float64(h)*side)
	x, y := g.IntN(w), g.IntN(h)
	return image.Rect(x-bw/2, y-bh/2, x-bw/2+bw, y-bh/2+bh).Intersect(image.Rect(0, 0, w, h))
}

// beta draws from Beta(α, α), as A/(A + B) of two numbers of Gamma(α). It works
// on their logarithms, so that a small α, whose numbers may all be too small to
// be held, does no harm.
func beta(alpha float64, g *rand.Rand) float64 {
	a, b := logGamma(alpha, g), logGamma(alpha, g)
	return 1 / (1 + math.Exp(b-a))
}

// logGamma draws the logarithm of a number of Gamma(α) of scale 1 (Marsaglia and
// Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS 26(3),
// 2000): with d = α - 1/3, c = 1/√(9d), x normal and u uniform,
//
//	d·v of v = (1 + c·x)³   once   ln u < x²/2 + d - d·v + d·ln v
//
// For α < 1 it is that of α + 1, times u^(1/α).
func logGamma(alpha float64, g *rand.Rand) float64 {
	boost := 0.0
	if alpha < 1 {
		boost = math.Log(1-g.Float64()) / alpha // of (0, 1]
		alpha++
	}
	d := alpha - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := g.NormFloat64()
		v := 1 + float64(c*x)
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-g.Float64()) < x*x/2+d-float64(d*v)+float64(d*math.Log(v)) {
			return math.Log(d*v) + boost
		}
	}
}
