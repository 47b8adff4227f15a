package cpuref

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// tables are a multiplier in the form in which package lut keeps it.
type tables struct {
	product   *lut.Table
	gradients lut.Gradients
}

// Product implements [backend.Tables].
func (t *tables) Product() *lut.Table { return t.product }

// Gradients implements [backend.Tables].
func (t *tables) Gradients() lut.Gradients { return t.gradients }

// NewTables implements [backend.Multiplier].
func (p *Plain) NewTables(t *lut.Table, g lut.Gradients) backend.Tables {
	return &tables{product: t, gradients: g}
}

// FreeTables implements [backend.Multiplier]; the collector does the work.
func (p *Plain) FreeTables(backend.Tables) {}

// A quantizer is the content {s, inv, Z} of a quantizer tensor, of one column
// or one for each channel: real = s·(int − Z).
type quantizer []float32

func (p *Plain) quantizer(q backend.Tensor) quantizer { return p.f32(q) }

// at returns the column of channel c, or the only one.
func (q quantizer) at(c int) (s, inv, Z float32) {
	columns := len(q) / 3
	if columns == 1 {
		c = 0
	}
	return q[c], q[columns+c], q[2*columns+c]
}

// scaleAndZero returns s and the integer Z of channel c.
func (q quantizer) scaleAndZero(c int) (s float32, Z int32) {
	s, _, z := q.at(c)
	return s, int32(z)
}
