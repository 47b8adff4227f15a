package lut

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

// Metrics say how far a multiplier is from the exact one, with the error
// e(W, X) = AM(W, X) − W·X.
type Metrics struct {
	ER   float64 `json:"er"`   // share of pairs with e ≠ 0
	MED  float64 `json:"med"`  // mean |e|
	NMED float64 `json:"nmed"` // MED / (2^(Bw+Bx) − 1)  (Eq. 2)
	MRED float64 `json:"mred"` // mean |e|/|W·X| over the pairs with W·X ≠ 0
	WCE  int64   `json:"wce"`  // max |e|, the paper's MaxED
	MSE  float64 `json:"mse"`  // mean e²
	Bias float64 `json:"bias"` // mean e
}

// Metrics returns the error metrics of t under uniform operands.
//
// ER, MED, MSE and Bias come of exact integer sums, rounded to float64 once;
// NMED is one division more. MRED is a float64 sum.
func (t *Table) Metrics() Metrics {
	var (
		wrong, sum, sumAbs, nonzero int64
		sqHi, sqLo                  uint64 // Σe² needs up to 79 bits
		sumRel                      float64
		m                           Metrics
	)
	i := 0
	for W := t.w.Min(); W <= t.w.Max(); W++ {
		var rowRel float64 // summed by rows, which keeps the rounding error small
		for X := t.x.Min(); X <= t.x.Max(); X++ {
			exact := int64(W) * int64(X)
			e := int64(t.p[i]) - exact
			i++
			dist := max(e, -e)
			if e != 0 {
				wrong++
			}
			sum += e
			sumAbs += dist
			m.WCE = max(m.WCE, dist)
			var carry uint64
			sqLo, carry = bits.Add64(sqLo, uint64(dist)*uint64(dist), 0)
			sqHi += carry
			if exact != 0 {
				nonzero++
				rowRel += float64(dist) / float64(max(exact, -exact))
			}
		}
		sumRel += rowRel
	}
	sq := new(big.Int).SetUint64(sqHi)
	sq.Lsh(sq, 64).Add(sq, new(big.Int).SetUint64(sqLo))
	sumSq, _ := new(big.Float).SetInt(sq).Float64()

	// The number of pairs is a power of two: dividing by it rounds nothing.
	pairs := float64(len(t.p))
	m.ER = float64(wrong) / pairs
	m.MED = float64(sumAbs) / pairs
	m.NMED = m.MED / (pairs - 1)
	m.MRED = sumRel / float64(nonzero)
	m.MSE = sumSq / pairs
	m.Bias = float64(sum) / pairs
	return m
}

// MetricsUnder returns the error metrics of t when the operands are
// independent and distributed as the histograms hw and hx, indexed by code:
// every mean is weighted by hw[W]·hx[X] (so that MED is the WMED of the
// literature), and WCE is the worst over the pairs of nonzero weight. MRED is
// 0 if no pair of nonzero weight has W·X ≠ 0.
//
// Histograms need not be normalised. It is an error if one has not an entry
// for each code, has an entry that is negative or not finite, or is all zero.
func (t *Table) MetricsUnder(hw, hx []float64) (Metrics, error) {
	pw, err := distribution("weight", t.w, hw)
	if err != nil {
		return Metrics{}, err
	}
	px, err := distribution("activation", t.x, hx)
	if err != nil {
		return Metrics{}, err
	}
	var m Metrics
	var sumRel, nonzero float64
	for w, p := range pw {
		if hw[w] == 0 {
			continue
		}
		W := int64(t.w.Value(w))
		var row Metrics
		var rowRel, rowNonzero float64
		for x, p := range px {
			if hx[x] == 0 {
				continue
			}
			exact := W * int64(t.x.Value(x))
			e := int64(t.p[w<<t.x.Bits|x]) - exact
			dist := max(e, -e)
			if e != 0 {
				row.ER += p
			}
			row.MED += p * float64(dist)
			row.MSE += p * float64(dist) * float64(dist)
			row.Bias += p * float64(e)
			m.WCE = max(m.WCE, dist)
			if exact != 0 {
				rowNonzero += p
				rowRel += p * float64(dist) / float64(max(exact, -exact))
			}
		}
		m.ER += p * row.ER
		m.MED += p * row.MED
		m.MSE += p * row.MSE
		m.Bias += p * row.Bias
		nonzero += p * rowNonzero
		sumRel += p * rowRel
	}
	m.NMED = m.MED / float64(len(t.p)-1)
	if nonzero > 0 {
		m.MRED = sumRel / nonzero
	}
	return m, nil
}

// AM00 returns AM(0, 0), which of an approximate multiplier need not be 0.
func (t *Table) AM00() int32 { return t.At(0, 0) }

// distribution returns the histogram h of an operand, scaled to sum 1.
func distribution(name string, o Operand, h []float64) ([]float64, error) {
	if len(h) != o.Count() {
		return nil, fmt.Errorf("lut: %s histogram of %d entries, want %d for %v", name, len(h), o.Count(), o)
	}
	var top float64
	for code, v := range h {
		if !(v >= 0) || math.IsInf(v, 1) {
			return nil, fmt.Errorf("lut: %s histogram: entry %d is %v, want a finite number ≥ 0", name, code, v)
		}
		top = max(top, v)
	}
	if top == 0 {
		return nil, fmt.Errorf("lut: %s histogram is all zero", name)
	}
	p := make([]float64, len(h))
	var sum float64
	for code, v := range h {
		p[code] = v / top // first by the maximum, so that the sum cannot overflow
		sum += p[code]
	}
	for code := range p {
		p[code] /= sum
	}
	return p, nil
}
