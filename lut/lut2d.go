package lut

// lut2d returns the smoothed central differences of t along each operand, the
// estimator of Meng et al., in Full form with the given storage.
//
// With the other operand held fixed, write f for the products along the
// differentiated one, indexed by its code v, n for their number and H for the
// half window. Smoothing over [−H, H] (Eq. 4) and differencing the neighbours
// (Eq. 5) telescopes: all but four terms cancel, leaving
//
//	f'(v) ≈ [f(v+H+1) + f(v+H) − f(v−H) − f(v−H−1)] / (2(2H+1))
//
// for H < v < n−1−H. Nearer the ends the window does not fit, and the mean
// rise over the whole range serves instead (Eq. 6), with the sign σ of the
// fixed value, which the paper, being unsigned, does not need:
//
//	f'(v) ≈ σ·(max f − min f) / n
//
// A window wider than the table uses Eq. 6 throughout. Each value is an
// integer numerator and one float32 division, then rounded to storage.
func lut2d(t *Table, hws int, storage Storage) (g Gradients, err error) {
	if g.DW, err = NewFull(t.w, t.x, differences(t, t.alongW(), hws), storage); err != nil {
		return Gradients{}, err
	}
	if g.DX, err = NewFull(t.w, t.x, differences(t, t.alongX(), hws), storage); err != nil {
		return Gradients{}, err
	}
	return g, nil
}

// differences returns the gradient of [lut2d] along a, before storage.
func differences(t *Table, a axis, hws int) []float32 {
	d := make([]float32, len(t.p))
	n := a.along.Count()
	for fixed := range a.fixed.Count() {
		line := fixed * a.step
		f := func(v int) int64 { return int64(t.p[line+v*a.stride]) }
		edge := a.rise(t, fixed)
		for v := range n {
			if v <= hws || v >= n-1-hws {
				d[line+v*a.stride] = edge
				continue
			}
			rise := f(v+hws+1) + f(v+hws) - f(v-hws) - f(v-hws-1)
			d[line+v*a.stride] = float32(rise) / float32(2*(2*hws+1))
		}
	}
	return d
}
