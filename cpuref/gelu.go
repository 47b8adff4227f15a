package cpuref

import (
	"math"

	"gputrain/model/backend"
)

// GELU implements [backend.Tokens], in float64 and rounded to float32 once.
func (p *Plain) GELU(y, x backend.Tensor) {
	backend.CheckSame(who, "GELU", "y", y, backend.F32, "x", x, backend.F32)
	Y := p.f32(y)
	for i, v := range p.f32(x) {
		Y[i] = float32(float64(v) * normalDistribution(float64(v)))
	}
}

// GELUBackward implements [backend.Tokens], in float64 and rounded to float32
// once.
func (p *Plain) GELUBackward(dx, dy, x backend.Tensor) {
	checkGELUBackward(dx, dy, x)
	dX, dY := p.f32(dx), p.f32(dy)
	for i, v := range p.f32(x) {
		x := float64(v)
		dX[i] = float32(float64(dY[i]) * (normalDistribution(x) + float64(x*normalDensity(x))))
	}
}

func checkGELUBackward(dx, dy, x backend.Tensor) {
	backend.CheckSame(who, "GELUBackward", "dx", dx, backend.F32, "x", x, backend.F32)
	backend.CheckSame(who, "GELUBackward", "dy", dy, backend.F32, "x", x, backend.F32)
}

// normalDistribution returns Φ(x) = (1 + erf(x/√2))/2, written so that nothing
// cancels for negative x.
func normalDistribution(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// normalDensity returns φ(x) = exp(−x²/2)/√(2π).
func normalDensity(x float64) float64 {
	return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
}

// [CPU] reads Φ(x), and the slope Φ(x) + x·φ(x), from a table: the Taylor
// polynomials of degree 3 around the nearest multiple of 1/geluSteps. At most h =
// 1/64 away they are off by h⁴/24 times the greatest fourth derivative, 1.4·10⁻⁹
// and 7·10⁻⁹, and by some roundings of float32. From ±geluEnd on Φ is 0 or 1
// but for 10⁻⁹, and x·φ(x) is 0 but for 4·10⁻⁸.
const (
	geluSteps = 32
	geluEnd   = 6
)

// A geluPoint has the Taylor coefficients of Φ(x) and of the slope at x₀.
type geluPoint struct{ value, slope [4]float32 }

// geluPoints[i] are those of x₀ = i/geluSteps − geluEnd.
var geluPoints = func() (p [2*geluEnd*geluSteps + 1]geluPoint) {
	for i := range p {
		x := float64(i)/geluSteps - geluEnd
		Phi, phi := normalDistribution(x), normalDensity(x)
		// φ' = −xφ, φ'' = (x²−1)φ; of g = Φ + xφ: g' = (2−x²)φ, g'' = (x³−4x)φ,
		// g‴ = (−x⁴+7x²−4)φ.
		p[i].value = [4]float32{float32(Phi), float32(phi), float32(-x * phi / 2), float32((x*x - 1) * phi / 6)}
		p[i].slope = [4]float32{float32(Phi + x*phi), float32((2 - x*x) * phi),
			float32((x*x*x - 4*x) * phi / 2), float32((-x*x*x*x + 7*x*x - 4) * phi / 6)}
	}
	return p
}()

// geluPointOf returns the point nearest to x, |x| < geluEnd, and h.
func geluPointOf(x float32) (p *geluPoint, h float32) {
	shifted := float32(x*geluSteps) + roundMagic
	i := math.Float32bits(shifted) - math.Float32bits(roundMagic-geluEnd*geluSteps)
	return &geluPoints[i], x - float32((shifted-roundMagic)*(1.0/geluSteps))
}

type geluTask struct{ y, x []float32 }

func (t *geluTask) part(i, _ int) {
	lo, hi := within(i, len(t.y))
	y, x := t.y[lo:hi], t.x[lo:hi]
	for i, v := range x[:len(y)] {
		switch {
		case v > -geluEnd && v < geluEnd:
			p, h := geluPointOf(v)
			c := &p.value
			y[i] = v * (c[0] + h*(c[1]+h*(c[2]+h*c[3])))
		case v > 0:
			y[i] = v
		default:
			y[i] = v * 0 // NaN stays
		}
	}
}

// GELU implements [backend.Tokens], from a table.
func (c *CPU) GELU(y, x backend.Tensor) {
	backend.CheckSame(who, "GELU", "y", y, backend.F32, "x", x, backend.F32)
	Y := c.f32(y)
	run(c, pieces(len(Y)), geluTask{Y, c.f32(x)})
}

type geluBackwardTask struct{ dx, dy, x []float32 }

func (t *geluBackwardTask) part(i, _ int) {
	lo, hi := within(i, len(t.x))
	dx, dy, x := t.dx[lo:hi], t.dy[lo:hi], t.x[lo:hi]
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		slope := v * 0 // NaN stays
		switch {
		case v > -geluEnd && v < geluEnd:
			p, h := geluPointOf(v)
			c := &p.slope
			slope = c[0] + h*(c[1]+h*(c[2]+h*c[3]))
		case v > 0:
			slope = 1
		}
		dx[i] = dy[i] * slope
	}
}

// GELUBackward implements [backend.Tokens], from a table.
func (c *CPU) GELUBackward(dx, dy, x backend.Tensor) {
	checkGELUBackward(dx, dy, x)
	X := c.f32(x)
	run(c, pieces(len(X)), geluBackwardTask{c.f32(dx), c.f32(dy), X})
}
