package lut

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// lowrank returns lut2d truncated to a sum of rank products,
//
//	g(W, X) ≈ Σ_r u_r(W)·v_r(X)
//
// by the singular value decomposition of the float32 values of [lut2d] before
// storage: of all sums of so many products, the one with the least
//
//	Σ_{W,X} p(W)·q(X)·(g(W, X) − Σ_r u_r(W)·v_r(X))²
//
// p and q are the histograms hw and hx, scaled to sum 1; nil is uniform.
//
// With the decomposition √p(W)·g(W, X)·√q(X) = Σ_r s_r·a_r(W)·b_r(X), s
// descending, the factors are
//
//	u_r(W) = Σ_X g(W, X)·√q(X)·b_r(X) / √s_r
//	v_r(X) = Σ_W g(W, X)·√p(W)·a_r(W) / √s_r
//
// which is a_r·√s_r/√p and b_r·√s_r/√q where the weights are not zero, and
// where they are, the best fit of that row or column to the factors of the
// other side: an operand that a histogram has not seen gets the gradient that
// the seen ones imply, which is a fair one unless they are very few. The
// weighted squared error is Σ s² of the terms left out. u_r is positive where
// it is greatest in magnitude (of equals, at the least code). A term with
// s_r ≤ 2⁻²⁴·s_1 is zero: it is the noise of rounding g to float32, as beyond
// the rank of g, and would be blown up for operands of weight 0.
//
// Computed in float64; the factors are rounded to float32 once. They are the same
// in every run, but their last bits may depend on the processor's architecture.
func lowrank(t *Table, hws, rank int, hw, hx []float64) (g Gradients, err error) {
	along := func(a axis) (*Gradient, error) {
		u, v, err := factorize(t, differences(t, a, hws), rank, hw, hx)
		if err != nil {
			return nil, err
		}
		return NewFactored(t.w, t.x, rank, u, v)
	}
	if g.DW, err = along(t.alongW()); err != nil {
		return Gradients{}, err
	}
	if g.DX, err = along(t.alongX()); err != nil {
		return Gradients{}, err
	}
	return g, nil
}

// factorize returns the factors u [rank, 2^Bw] and v [rank, 2^Bx] of g. Those
// of a lower rank are their beginnings.
func factorize(t *Table, g []float32, rank int, hw, hx []float64) (u, v []float32, err error) {
	p, err := weighting("weight", t.w, hw)
	if err != nil {
		return nil, nil, err
	}
	q, err := weighting("activation", t.x, hx)
	if err != nil {
		return nil, nil, err
	}
	rows, cols := t.w.Count(), t.x.Count()
	full := mat.NewDense(rows, cols, nil)
	for i, v := range g {
		full.Set(i/cols, i%cols, float64(v))
	}
	// rowRoot and colRoot are the roots of the weights, as diagonals.
	rowRoot, colRoot := mat.NewDiagDense(rows, roots(p)), mat.NewDiagDense(cols, roots(q))
	var scaled mat.Dense
	scaled.Mul(rowRoot, full)
	scaled.Mul(&scaled, colRoot)

	var svd mat.SVD
	if !svd.Factorize(&scaled, mat.SVDThin) {
		return nil, nil, fmt.Errorf("lut: the singular value decomposition of a %d×%d gradient does not converge", rows, cols)
	}
	s := svd.Values(nil)
	var a, b, left, right mat.Dense
	svd.UTo(&a)
	svd.VTo(&b)
	right.Mul(colRoot, &b)
	left.Mul(full, &right) // g·√q·b, [2^Bw, terms]
	a.Mul(rowRoot, &a)
	right.Mul(full.T(), &a) // gᵀ·√p·a, [2^Bx, terms]

	u, v = make([]float32, rank*rows), make([]float32, rank*cols)
	noise := s[0] * 0x1p-24
	for r := range rank {
		if s[r] <= noise {
			break
		}
		by := signOfGreatest(left.ColView(r)) / math.Sqrt(s[r])
		for w := range rows {
			u[r*rows+w] = float32(left.At(w, r) * by)
		}
		for x := range cols {
			v[r*cols+x] = float32(right.At(x, r) * by)
		}
	}
	return u, v, nil
}

// weighting returns the distribution of h, or of a uniform operand if h is nil.
func weighting(name string, o Operand, h []float64) ([]float64, error) {
	if h != nil {
		return distribution(name, o, h)
	}
	p := make([]float64, o.Count())
	for i := range p {
		p[i] = 1 / float64(len(p))
	}
	return p, nil
}

func roots(p []float64) []float64 {
	y := make([]float64, len(p))
	for i, v := range p {
		y[i] = math.Sqrt(v)
	}
	return y
}

// signOfGreatest returns the sign, ±1, of the first entry of y that is the
// greatest in magnitude but for rounding.
func signOfGreatest(y mat.Vector) float64 {
	var top float64
	for i := range y.Len() {
		top = max(top, math.Abs(y.AtVec(i)))
	}
	for i := range y.Len() {
		if v := y.AtVec(i); math.Abs(v) >= top*(1-0x1p-20) {
			return math.Copysign(1, v)
		}
	}
	return 1
}
