package backend

import "math"

// CheckDropout checks a dropout and returns its two factors: an element stays
// where its hash is threshold = ⌊p·2³²⌋ or more, and is scaled by 1/(1−p),
// rounded to float32 once.
func CheckDropout(who string, y, x Tensor, p float64) (threshold uint32, scale float32) {
	const op = "Dropout"
	CheckSame(who, op, "y", y, F32, "x", x, F32)
	if !(p >= 0 && p < 1) {
		checker{who, op}.failf("p is %v, want 0 ≤ p < 1", p)
	}
	return uint32(math.Floor(p * (1 << 32))), float32(1 / (1 - p))
}

// CheckBatchNormFrozen checks the backward pass of a batch normalization by
// fixed statistics.
func CheckBatchNormFrozen(who string, dx, dgamma, dbeta, dy, x Tensor, p BatchNormParams) (N, C, each int) {
	const op = "BatchNormFrozenBackward"
	CheckSame(who, op, "dx", dx, F32, "x", x, F32)
	CheckSame(who, op, "dy", dy, F32, "x", x, F32)
	return CheckChannels(who, op, x, Named{"dgamma", dgamma}, Named{"dbeta", dbeta},
		Named{"gamma", p.Gamma}, Named{"mean", p.Mean}, Named{"variance", p.Variance})
}
