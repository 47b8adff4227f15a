package lut

// exactFamily is the exact product, W·X, of any widths and signs. It stands
// for the multiplier that an approximate one replaces.
var exactFamily = family{
	name: "exact",
	build: func(w, x Operand, v map[string]int) (func(W, X int) int, error) {
		return func(W, X int) int { return W * X }, nil
	},
}
