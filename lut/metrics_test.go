package lut_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"gputrain/lut"
)

// bentProduct is a multiplier with every vice: it is inexact, not symmetric,
// and AM(0, 0) = 1. Of symmetric multipliers ∂AM/∂W is the transpose of
// ∂AM/∂X, which hides a mix-up of rows and columns.
func bentProduct(W, X int) int { return W*X ^ (1 | W&2) }

func exactProduct(W, X int) int { return W * X }

// truncatedProduct is the multiplier of Fig. 2 of the paper: exact, less the
// partial products in the k rightmost columns.
func truncatedProduct(k int) func(W, X int) int {
	return func(W, X int) int {
		y := W * X
		for i := range k {
			for j := range k - i {
				y -= (W >> i & 1) * (X >> j & 1) << (i + j)
			}
		}
		return y
	}
}

// oddTables are small tables of every kind of operands.
func oddTables() []*lut.Table {
	return []*lut.Table{
		lut.New("exact 2u", lut.Unsigned(2), lut.Unsigned(2), exactProduct),
		lut.New("trunc 6u", lut.Unsigned(6), lut.Unsigned(6), truncatedProduct(4)),
		lut.New("bent 5u", lut.Unsigned(5), lut.Unsigned(5), bentProduct),
		lut.New("bent 5s", lut.Signed(5), lut.Signed(5), bentProduct),
		lut.New("bent 8u×4u", lut.Unsigned(8), lut.Unsigned(4), bentProduct),
		lut.New("bent 4s×6u", lut.Signed(4), lut.Unsigned(6), bentProduct),
		lut.New("bent 3u×5s", lut.Unsigned(3), lut.Signed(5), bentProduct),
	}
}

// someHistograms are weights without a pattern, some of them 0.
func someHistograms(t *lut.Table) (hw, hx []float64) {
	hw, hx = make([]float64, t.W().Count()), make([]float64, t.X().Count())
	for i := range hw {
		hw[i] = float64(i * i % 7)
	}
	for i := range hx {
		hx[i] = float64((i*5 + 3) % 4)
	}
	return hw, hx
}

// TestMetricsUnder compares with the definitions in rational arithmetic.
func TestMetricsUnder(t *testing.T) {
	for _, tab := range oddTables() {
		t.Run(tab.Name(), func(t *testing.T) {
			hw, hx := someHistograms(tab)
			got, err := tab.MetricsUnder(hw, hx)
			if err != nil {
				t.Fatal(err)
			}
			rat := func() *big.Rat { return new(big.Rat) }
			all, nonzero, er, med, mred, mse, bias := rat(), rat(), rat(), rat(), rat(), rat(), rat()
			var wce int64
			for w, a := range hw {
				for x, b := range hx {
					W, X := tab.W().Value(w), tab.X().Value(x)
					weight := big.NewRat(int64(a*b), 1)
					e := int64(tab.At(W, X)) - int64(W*X)
					dist := max(e, -e)
					add := func(sum *big.Rat, v *big.Rat) { sum.Add(sum, v.Mul(v, weight)) }
					add(all, big.NewRat(1, 1))
					if e != 0 {
						add(er, big.NewRat(1, 1))
					}
					add(med, big.NewRat(dist, 1))
					add(mse, big.NewRat(e*e, 1))
					add(bias, big.NewRat(e, 1))
					if W*X != 0 {
						add(nonzero, big.NewRat(1, 1))
						add(mred, big.NewRat(dist, int64(max(W*X, -W*X))))
					}
					if a*b > 0 {
						wce = max(wce, dist)
					}
				}
			}
			if got.WCE != wce {
				t.Errorf("WCE = %d, want %d", got.WCE, wce)
			}
			nmed := rat().Quo(med, big.NewRat(int64(len(tab.Products())-1), 1))
			for _, c := range []struct {
				name     string
				got      float64
				sum, per *big.Rat
			}{
				{"ER", got.ER, er, all}, {"MED", got.MED, med, all}, {"NMED", got.NMED, nmed, all},
				{"MRED", got.MRED, mred, nonzero}, {"MSE", got.MSE, mse, all}, {"Bias", got.Bias, bias, all},
			} {
				want, _ := rat().Quo(c.sum, c.per).Float64()
				near(t, c.name, c.got, want, 1e-12)
			}
		})
	}
}

// TestMetricsOfExtremes pins sums that overflow an int64: every product is the
// least int32.
func TestMetricsOfExtremes(t *testing.T) {
	tab := lut.New("low", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return math.MinInt32 })
	got := tab.Metrics()
	sum, sq := new(big.Int), new(big.Int)
	for W := range 256 {
		for X := range 256 {
			e := big.NewInt(math.MinInt32 - int64(W*X))
			sum.Add(sum, e)
			sq.Add(sq, e.Mul(e, e))
		}
	}
	mean := func(n *big.Int) float64 {
		v, _ := new(big.Rat).SetFrac(n, big.NewInt(1<<16)).Float64()
		return v
	}
	if want := mean(sum); got.Bias != want || got.MED != -want {
		t.Errorf("Bias, MED = %v, %v, want %v, %v", got.Bias, got.MED, want, -want)
	}
	if want := mean(sq); got.MSE != want {
		t.Errorf("MSE = %v, want %v", got.MSE, want)
	}
	if want := int64(1<<31 + 255*255); got.WCE != want || got.ER != 1 {
		t.Errorf("WCE, ER = %d, %v, want %d, 1", got.WCE, got.ER, want)
	}
}

// TestMetricsUnderZero has no pair of nonzero weight with a nonzero product.
func TestMetricsUnderZero(t *testing.T) {
	tab := lut.New("bent", lut.Unsigned(2), lut.Unsigned(2), bentProduct)
	got, err := tab.MetricsUnder([]float64{1, 0, 0, 0}, []float64{0, 0, 0, math.MaxFloat64})
	if err != nil {
		t.Fatal(err)
	}
	if want := (lut.Metrics{ER: 1, MED: 1, NMED: 1. / 15, WCE: 1, MSE: 1, Bias: 1}); got != want {
		t.Errorf("MetricsUnder = %+v, want %+v", got, want)
	}
}

func TestMetricsUnderErrors(t *testing.T) {
	tab := lut.New("exact", lut.Unsigned(2), lut.Signed(2), exactProduct)
	good := []float64{1, 1, 1, 1}
	for _, c := range []struct {
		hw, hx []float64
		want   string
	}{
		{nil, good, "lut: weight histogram of 0 entries, want 4 for 2u"},
		{good, good[:3], "lut: activation histogram of 3 entries, want 4 for 2s"},
		{[]float64{0, 0, 0, 0}, good, "lut: weight histogram is all zero"},
		{good, []float64{0, -1, 0, 0}, "lut: activation histogram: entry 1 is -1, want a finite number ≥ 0"},
		{good, []float64{0, 0, math.NaN(), 0}, "lut: activation histogram: entry 2 is NaN, want a finite number ≥ 0"},
		{[]float64{0, 0, 0, math.Inf(1)}, good, "lut: weight histogram: entry 3 is +Inf, want a finite number ≥ 0"},
	} {
		if _, err := tab.MetricsUnder(c.hw, c.hx); err == nil || err.Error() != c.want {
			t.Errorf("MetricsUnder(%v, %v): %v, want %s", c.hw, c.hx, err, c.want)
		}
	}
}

func TestMetricsJSON(t *testing.T) {
	text, err := json.Marshal(lut.Metrics{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"er", "med", "nmed", "mred", "wce", "mse", "bias"} {
		if !strings.Contains(string(text), `"`+key+`":`) {
			t.Errorf("%s lacks key %q", text, key)
		}
	}
}
