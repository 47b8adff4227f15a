package lut

import (
	"errors"
	"fmt"
)

// A convention is what a format means by a bare array of products, one that
// tells neither which operand selects the row, nor whether operands are signed,
// nor in which order signed ones run. LoadOptions overrule it.
type convention struct {
	order string // "wx" or "xw"; empty if LoadOptions must say
	codes string // order of signed operands: "ascending" or "twos"

	// bySign takes operands for signed if a product is negative. Without it
	// they are unsigned.
	bySign bool
}

// table returns the table whose products are p, an array of rows×cols row by
// row, and says what it assumed.
func (c convention) table(p []int32, rows, cols int, name string, o LoadOptions) (*Loaded, error) {
	signed, how := c.signed(p, o)
	if o.Codes == "twos" && !signed {
		return nil, errors.New("codes twos without signed: unsigned codes have one order")
	}
	if c.order == "" && o.Order == "" {
		return nil, errors.New("a byte-pattern array does not tell its rows: give the order, wx if the weight selects the row, xw if the activation does")
	}
	first, err := operandOfCount(rows, signed)
	if err != nil {
		return nil, fmt.Errorf("rows: %w", err)
	}
	second, err := operandOfCount(cols, signed)
	if err != nil {
		return nil, fmt.Errorf("columns: %w", err)
	}

	ax := resolveAxes(o, c.order, "selects the row", "the column")
	ax.twos = signed && (o.Codes == "twos" || o.Codes == "" && c.codes == "twos")
	w, x := first, second
	if ax.xw {
		w, x = second, first
	}
	t, err := NewFromProducts(name, w, x, canonical(p, rows, cols, ax))
	if err != nil {
		return nil, err
	}
	return &Loaded{Table: t, Assumed: append(ax.assumed, describeOperands(w, x, how), describeCodes(o, signed, ax.twos))}, nil
}

// signed returns whether operands are signed, and what says so.
func (c convention) signed(p []int32, o LoadOptions) (signed bool, how string) {
	if o.Signed != nil {
		return *o.Signed, "as asked"
	}
	if !c.bySign {
		return false, "assumed"
	}
	for _, v := range p {
		if v < 0 {
			return true, "assumed, there are negative products"
		}
	}
	return false, "assumed, no product is negative"
}

// array returns the products of t as c arranges them, row by row, with the
// sizes of the array: what table reads. It refuses what an array of the format
// cannot say.
func (c convention) array(format string, t *Table, g Gradients) (p []int32, rows, cols int, err error) {
	if g != (Gradients{}) {
		return nil, 0, 0, fmt.Errorf("format %s holds products only, want npz or meng for gradients", format)
	}
	if t.w.Signed != t.x.Signed {
		return nil, 0, 0, fmt.Errorf("format %s has one sign for both operands, weight %v × activation %v have two, want npz", format, t.w, t.x)
	}
	code := func(i, n int) int { // of place i along an axis
		if c.codes == "twos" && t.w.Signed {
			return (i + n/2) % n
		}
		return i
	}
	nw, nx := t.w.Count(), t.x.Count()
	p = make([]int32, 0, len(t.p))
	if c.order == "xw" {
		for x := range nx {
			for w := range nw {
				p = append(p, t.p[code(w, nw)<<t.x.Bits|code(x, nx)])
			}
		}
		return p, nx, nw, nil
	}
	for w := range nw {
		for x := range nx {
			p = append(p, t.p[code(w, nw)<<t.x.Bits|code(x, nx)])
		}
	}
	return p, nw, nx, nil
}
