package lut

// ste returns the straight-through estimate: the gradients of the exact
// multiplier, whatever the products of t (Eq. 3):
//
//	∂AM/∂W = X,  ∂AM/∂X = W
//
// Both are of rank 1 and exact.
func ste(t *Table) (g Gradients, err error) {
	if g.DW, err = t.onlyX(values(t.x)); err != nil {
		return Gradients{}, err
	}
	if g.DX, err = t.onlyW(values(t.w)); err != nil {
		return Gradients{}, err
	}
	return g, nil
}

// values returns the value of every code of o.
func values(o Operand) []float32 {
	y := make([]float32, o.Count())
	for code := range y {
		y[code] = float32(o.Value(code))
	}
	return y
}
