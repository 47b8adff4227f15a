package lut

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// SingularValues returns the singular values of the products as a matrix
// [2^Bw, 2^Bx], descending. As many as [Table.Rank] says are not 0, but for
// rounding.
func (t *Table) SingularValues() ([]float64, error) {
	return singularValues(t.w, t.x, func(w, x int) float64 { return float64(t.p[w<<t.x.Bits|x]) })
}

// ErrorSingularValues returns those of the errors AM(W, X) − W·X: as many terms
// as are not 0, each a product of a function of W and one of X, make up for all
// of the error.
func (t *Table) ErrorSingularValues() ([]float64, error) {
	return singularValues(t.w, t.x, func(w, x int) float64 {
		return float64(t.p[w<<t.x.Bits|x]) - float64(t.w.Value(w)*t.x.Value(x))
	})
}

// SingularValues returns the singular values of the gradient as a matrix
// [2^Bw, 2^Bx], descending. The squares of those after the r-th are what lowrank
// of rank r leaves of the squared gradient.
func (g *Gradient) SingularValues() ([]float64, error) {
	return singularValues(g.w, g.x, func(w, x int) float64 { return float64(g.At(w, x)) })
}

func singularValues(w, x Operand, at func(w, x int) float64) ([]float64, error) {
	m := mat.NewDense(w.Count(), x.Count(), nil)
	for i := range w.Count() {
		for j := range x.Count() {
			m.Set(i, j, at(i, j))
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		return nil, fmt.Errorf("lut: the singular value decomposition of a %d×%d matrix does not converge", w.Count(), x.Count())
	}
	return svd.Values(nil), nil
}
