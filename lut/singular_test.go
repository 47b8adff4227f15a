package lut_test

import (
	"math"
	"testing"

	"gputrain/lut"
)

// TestSingularValues holds singular values to what defines them without a
// decomposition: their squares sum to those of the entries, and as many are
// not 0 as the rank, which is found by elimination over the integers.
func TestSingularValues(t *testing.T) {
	for _, tab := range oddTables() {
		for _, c := range []struct {
			name   string
			values func() ([]float64, error)
			at     func(W, X, w, x int) float64
			rank   int // −1: unknown
		}{
			{"products", tab.SingularValues, func(W, X, w, x int) float64 { return float64(tab.At(W, X)) }, tab.Rank()},
			{"errors", tab.ErrorSingularValues, func(W, X, w, x int) float64 { return float64(int(tab.At(W, X)) - W*X) }, errorTable(tab).Rank()},
			{"ste", ste(t, tab).DW.SingularValues, func(W, X, w, x int) float64 { return float64(X) }, 1},
		} {
			s, err := c.values()
			if err != nil {
				t.Fatal(err)
			}
			if want := min(tab.W().Count(), tab.X().Count()); len(s) != want {
				t.Fatalf("%s, %s: %d values, want %d", tab.Name(), c.name, len(s), want)
			}
			var got, want float64
			rank := 0
			for i, v := range s {
				got += v * v
				if v > 1e-9*s[0] {
					rank++
				}
				if i > 0 && v > s[i-1] {
					t.Errorf("%s, %s: value %d is %v after %v", tab.Name(), c.name, i, v, s[i-1])
				}
			}
			eachPair(tab, func(W, X, w, x int) { want += c.at(W, X, w, x) * c.at(W, X, w, x) })
			if math.Abs(got-want) > 1e-10*want {
				t.Errorf("%s, %s: squares sum to %v, want %v", tab.Name(), c.name, got, want)
			}
			if rank != c.rank {
				t.Errorf("%s, %s: %d values are not 0, want %d", tab.Name(), c.name, rank, c.rank)
			}
		}
	}
}

// errorTable returns the errors of t as the products of another table.
func errorTable(t *lut.Table) *lut.Table {
	return lut.New("errors", t.W(), t.X(), func(W, X int) int { return int(t.At(W, X)) - W*X })
}

func ste(t *testing.T, tab *lut.Table) lut.Gradients {
	t.Helper()
	g, err := lut.Estimator{Method: "ste"}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
