package lut

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// A Table holds every product of one approximate multiplier.
type Table struct {
	name string
	w, x Operand
	p    []int32 // len 2^(Bw+Bx); see the package comment for the layout
	sha  string
	maxK int
}

// New tabulates am over all pairs of values.
//
// It panics if an operand is not [Operand.Valid] or a product does not fit an
// int32: both are written in code, not read from a file. See [NewFromProducts]
// for tables that come from outside.
func New(name string, w, x Operand, am func(W, X int) int) *Table {
	for _, o := range []Operand{w, x} {
		if err := o.Valid(); err != nil {
			panic("lut: " + name + ": " + err.Error())
		}
	}
	p := make([]int32, 0, w.Count()*x.Count())
	for W := w.Min(); W <= w.Max(); W++ {
		for X := x.Min(); X <= x.Max(); X++ {
			v := am(W, X)
			if int(int32(v)) != v {
				panic(fmt.Sprintf("lut: %s: AM(%d, %d) = %d does not fit an int32", name, W, X, v))
			}
			p = append(p, int32(v))
		}
	}
	t, err := NewFromProducts(name, w, x, p)
	if err != nil {
		panic(err)
	}
	return t
}

// NewFromProducts returns the table with products p, in index order (see the
// package comment). It copies p.
func NewFromProducts(name string, w, x Operand, p []int32) (*Table, error) {
	if err := w.Valid(); err != nil {
		return nil, fmt.Errorf("lut: weight %w", err)
	}
	if err := x.Valid(); err != nil {
		return nil, fmt.Errorf("lut: activation %w", err)
	}
	if want := w.Count() * x.Count(); len(p) != want {
		return nil, fmt.Errorf("lut: %d products, want %d for a %v×%v multiplier", len(p), want, w, x)
	}
	t := &Table{name: name, w: w, x: x, p: append([]int32(nil), p...)}
	t.sha = t.digest()
	t.maxK = t.longestSum()
	return t, nil
}

// Name returns the name that the table was made under. It is a label: two
// published circuits share the name mul8u_17C8. [Table.SHA256] is the identity.
func (t *Table) Name() string { return t.name }

// Renamed returns the same products under another name.
func (t *Table) Renamed(name string) *Table {
	u := *t
	u.name = name
	return &u
}

// W returns the weight operand, which selects the row.
func (t *Table) W() Operand { return t.w }

// X returns the activation operand, which selects the column.
func (t *Table) X() Operand { return t.x }

// At returns AM(W, X) for values W and X. It panics if one is out of range.
func (t *Table) At(W, X int) int32 { return t.p[t.w.Code(W)<<t.x.Bits|t.x.Code(X)] }

// Products returns the table in index order. The caller must not modify it.
func (t *Table) Products() []int32 { return t.p }

// Row returns the products of the weight with the given code, indexed by the
// code of the activation. The caller must not modify it.
func (t *Table) Row(code int) []int32 { return t.p[code<<t.x.Bits:][:t.x.Count()] }

// SHA256 returns the identity of the multiplier in lower-case hexadecimal: the
// digest of the four bytes bw, sw, bx, sx (bits, 0/1 signed) followed by the
// products as little-endian int32 in index order.
func (t *Table) SHA256() string { return t.sha }

func (t *Table) digest() string {
	buf := make([]byte, 4, 4+4*len(t.p))
	buf[0], buf[2] = byte(t.w.Bits), byte(t.x.Bits)
	if t.w.Signed {
		buf[1] = 1
	}
	if t.x.Signed {
		buf[3] = 1
	}
	for _, v := range t.p {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(v))
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

// MaxK returns the longest sum of products whose zero-point correction (Eq. 8
// summed over k) is certain to fit an int32:
//
//	K ≤ (2³¹−1) / max(max|AM|, (2^Bw−1)(2^Bx−1) + max|AM − W·X|)
//
// 31,073 for mul8u_1DMU.
func (t *Table) MaxK() int { return t.maxK }

func (t *Table) longestSum() int {
	var worstProduct, worstError int64
	i := 0
	for W := t.w.Min(); W <= t.w.Max(); W++ {
		for X := t.x.Min(); X <= t.x.Max(); X++ {
			am := int64(t.p[i])
			worstProduct = max(worstProduct, am, -am)
			e := am - int64(W)*int64(X)
			worstError = max(worstError, e, -e)
			i++
		}
	}
	exact := int64(t.w.Count()-1) * int64(t.x.Count()-1)
	return int(math.MaxInt32 / max(worstProduct, exact+worstError))
}

// Commutative reports whether AM(a, b) = AM(b, a) for all operands. A table
// whose operands differ in width or sign is not.
func (t *Table) Commutative() bool {
	if t.w != t.x {
		return false
	}
	n := t.w.Count()
	for i := range n {
		for j := range i {
			if t.p[i*n+j] != t.p[j*n+i] {
				return false
			}
		}
	}
	return true
}
