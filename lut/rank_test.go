package lut_test

import (
	"math/big"
	"testing"

	"gputrain/lut"
)

// TestRank compares with elimination in rational arithmetic.
func TestRank(t *testing.T) {
	tables := append(oddTables(),
		lut.New("exact 8s", lut.Signed(8), lut.Signed(8), exactProduct),
		lut.New("zero", lut.Unsigned(3), lut.Unsigned(2), func(W, X int) int { return 0 }),
		lut.New("least pivot last", lut.Unsigned(2), lut.Unsigned(2), func(W, X int) int { return (W + X) / 3 }),
		// Singular modulo the greater prime, not modulo the lesser one.
		lut.New("prime", lut.Unsigned(2), lut.Unsigned(2), func(W, X int) int {
			if W != X {
				return 0
			}
			return 2147483647
		}),
	)
	for _, tab := range tables {
		rows, cols := tab.W().Count(), tab.X().Count()
		m := make([][]*big.Rat, rows)
		for i := range m {
			m[i] = make([]*big.Rat, cols)
			for j := range m[i] {
				m[i][j] = big.NewRat(int64(tab.Products()[i*cols+j]), 1)
			}
		}
		want := 0
		for j := range cols {
			pivot := want
			for pivot < rows && m[pivot][j].Sign() == 0 {
				pivot++
			}
			if pivot == rows {
				continue
			}
			m[want], m[pivot] = m[pivot], m[want]
			for i := want + 1; i < rows; i++ {
				f := new(big.Rat).Quo(m[i][j], m[want][j])
				for k := j; k < cols; k++ {
					m[i][k].Sub(m[i][k], new(big.Rat).Mul(f, m[want][k]))
				}
			}
			want++
		}
		if got := tab.Rank(); got != want {
			t.Errorf("%s: Rank() = %d, want %d", tab.Name(), got, want)
		}
	}
	if got := tables[len(tables)-4].Rank(); got != 1 {
		t.Errorf("rank of the exact table = %d, want 1", got)
	}
}
