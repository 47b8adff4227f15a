package backend

// CheckSquares checks the sum of squares of [Optimizer] AddSquares and
// ClipNorm.
func CheckSquares(who, op string, sum, x Tensor) {
	c := checker{who, op}
	c.shape("sum", sum, F32, Shape{1})
	c.dtype("x", x, F32)
}

// CheckClipNorm checks the arguments of [Optimizer] ClipNorm.
func CheckClipNorm(who string, x, sum Tensor, limit float32) {
	CheckSquares(who, "ClipNorm", sum, x)
	if !(limit > 0) {
		checker{who, "ClipNorm"}.failf("limit is %v, want a positive number", limit)
	}
}

// CheckAverage checks the arguments of [Optimizer] Average and returns its
// factors d and 1 − d, each rounded to float32 once.
func CheckAverage(who string, e, w Tensor, d float64) (keep, fresh float32) {
	CheckSame(who, "Average", "e", e, F32, "w", w, F32)
	if !(d >= 0 && d <= 1) {
		checker{who, "Average"}.failf("d is %v, want 0 ≤ d ≤ 1", d)
	}
	return float32(d), float32(1 - d)
}

// CheckAdaMomentum checks the arguments of [Optimizer] AdaMomentumStep.
func CheckAdaMomentum(who string, w, dw, m, v Tensor, h Adam) {
	CheckStep(who, "AdaMomentumStep", w, dw, m, v)
	if h.Decoupled {
		checker{who, "AdaMomentumStep"}.failf("decoupled decay, want the coupled one, which the gradient holds")
	}
}
