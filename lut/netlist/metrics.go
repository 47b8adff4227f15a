package netlist

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"gputrain/lut"
)

// Metrics are the error metrics of a circuit under uniform operands.
type Metrics struct {
	lut.Metrics
	WCRE float64 `json:"wcre"` // max |e|/|W·X| over the pairs with W·X ≠ 0

	pairBits int
}

// Metrics simulates c over all operand pairs, 2^28 at most, and gathers its
// error metrics without a table; those of [lut.Table.Metrics] are the same. ER,
// MED, MSE and Bias come of exact integer sums, rounded to float64 once. It is
// an error if the circuit is so large that this takes more than seconds.
func (c *Circuit) Metrics() (Metrics, error) {
	pairBits := c.ports[0].Bits + c.ports[1].Bits
	if work := c.Gates() << max(0, pairBits-6); work > maxWork {
		return Metrics{}, &lut.FormatError{Path: c.path, Line: c.line, Err: fmt.Errorf(
			"%s has %d gates and 2^%d operand pairs: too many to simulate (limit %d gates at that width)",
			show(c.name), c.Gates(), pairBits, maxWork>>max(0, pairBits-6))}
	}
	var (
		wrong, sum, sumAbs, nonzero int64
		sqHi, sqLo                  uint64 // Σe² needs up to 94 bits
		sumRel, rowRel              float64
		m                           = Metrics{pairBits: pairBits}
		row                         = math.MinInt
	)
	// |e| < 2³³, so that 2²⁸ of them sum to less than 2⁶¹.
	c.products(func(W, X int, product int64) {
		if W != row { // summed in pieces, which keeps the rounding error small
			sumRel, rowRel, row = sumRel+rowRel, 0, W
		}
		exact := int64(W) * int64(X)
		if exact != 0 {
			nonzero++
		}
		e := product - exact
		if e == 0 {
			return
		}
		wrong++
		sum += e
		dist := max(e, -e)
		sumAbs += dist
		m.WCE = max(m.WCE, dist)
		hi, lo := bits.Mul64(uint64(dist), uint64(dist))
		var carry uint64
		sqLo, carry = bits.Add64(sqLo, lo, 0)
		sqHi += hi + carry
		if exact != 0 {
			rel := float64(dist) / float64(max(exact, -exact))
			rowRel += rel
			m.WCRE = max(m.WCRE, rel)
		}
	})
	sumRel += rowRel
	sq := new(big.Int).SetUint64(sqHi)
	sq.Lsh(sq, 64).Add(sq, new(big.Int).SetUint64(sqLo))
	sumSq, _ := new(big.Float).SetInt(sq).Float64()

	pairs := float64(int64(1) << pairBits) // dividing by a power of two rounds nothing
	m.ER = float64(wrong) / pairs
	m.MED = float64(sumAbs) / pairs
	m.NMED = m.MED / (pairs - 1)
	m.MRED = sumRel / float64(nonzero)
	m.MSE = sumSq / pairs
	m.Bias = float64(sum) / pairs
	return m, nil
}
