package lut

// lut1d returns gradients that depend on the fixed operand alone:
//
//	∂AM/∂X ≈ α(W)  (v ≡ 1),  ∂AM/∂W ≈ β(X)  (u ≡ 1)
//
// both of rank 1. The published text of the definition (arXiv 2509.10519) is
// not at hand, so three readings are offered. With the products f along the
// differentiated operand, v its code, n their number and v̄ = (n−1)/2:
//
//	mean   (1/n) Σ_v f'(v), with f' the float32 values of [lut2d], unrounded
//	range  σ·(max f − min f)/n, Eq. 6 everywhere; σ as for lut2d
//	slope  Σ_v (v−v̄)·f(v) / Σ_v (v−v̄)², the least-squares slope
//
// mean is a float64 sum and slope an exact integer one; each is divided in
// float64 and rounded to float32. range is one float32 division. hws matters
// to mean alone.
func lut1d(t *Table, reading string, hws int) (g Gradients, err error) {
	if g.DW, err = t.onlyX(lut1dAlong(t, t.alongW(), reading, hws)); err != nil {
		return Gradients{}, err
	}
	if g.DX, err = t.onlyW(lut1dAlong(t, t.alongX(), reading, hws)); err != nil {
		return Gradients{}, err
	}
	return g, nil
}

// lut1dAlong returns the gradient along a for each code of the fixed operand.
func lut1dAlong(t *Table, a axis, reading string, hws int) []float32 {
	y := make([]float32, a.fixed.Count())
	switch reading {
	case "range":
		for fixed := range y {
			y[fixed] = a.rise(t, fixed)
		}
	case "slope":
		for fixed := range y {
			y[fixed] = a.slope(t, fixed)
		}
	default:
		d := differences(t, a, hws)
		n := a.along.Count()
		for fixed := range y {
			var sum float64
			for v := range n {
				sum += float64(d[fixed*a.step+v*a.stride])
			}
			y[fixed] = float32(sum / float64(n))
		}
	}
	return y
}

// slope returns the least-squares slope of the line of t with the given fixed
// code. With c = 2v − (n−1) = 2(v − v̄), Σc² = n(n²−1)/3 and Σc·f are integers.
func (a axis) slope(t *Table, fixed int) float32 {
	n := int64(a.along.Count())
	var sum int64
	for v := range n {
		sum += (2*v - (n - 1)) * int64(t.p[fixed*a.step+int(v)*a.stride])
	}
	return float32(float64(6*sum) / float64(n*(n*n-1)))
}
