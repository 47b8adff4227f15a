package lut

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// mengFormat is the text of Meng et al. (AppMult-Aware-Retraining) and of its
// relative TRAM: a header of any length, then sections that each begin with a
// line of its own and hold 4^B lines of three integers,
//
//	LUT for approximate multiplier:
//	a b AM
//	LUT for the gradient of the approximate multiplier w.r.t. the first operand:
//	a b round(16·∂AM/∂a)
//	LUT for the gradient of the approximate multiplier w.r.t. the second operand:
//	a b round(16·∂AM/∂b)
//
// a is the activation and b the weight (xw) unless LoadOptions.Order says
// otherwise. The operands printed on a line count, not its place: TRAM's signed
// tables run 0 … 127, −128 … −1. The width B comes from the number of lines;
// operands are signed if one of them is negative. Signed files that print bit
// patterns are read with Signed and Codes "twos". Gradients, both or neither,
// are read with storage Int16 and scale 1/16. Written are square tables whose
// operands are alike, gradients rounded to even sixteenths.
var mengFormat = Format{Name: "meng", Detect: detectMeng, Read: readMeng, Write: writeMeng}

// mengTitles open the sections: products, ∂/∂a, ∂/∂b.
var mengTitles = [3]string{
	"LUT for approximate multiplier:",
	"LUT for the gradient of the approximate multiplier w.r.t. the first operand:",
	"LUT for the gradient of the approximate multiplier w.r.t. the second operand:",
}

// mengScale is the unit of gradients, 1/16.
const mengScale = 1. / 16

// detectMeng looks for the first title, which a long header may push out of
// the head; the authors' files have lutfp in their names.
func detectMeng(path string, head []byte) bool {
	return bytes.Contains(head, []byte(mengTitles[0])) ||
		filepath.Ext(path) == ".txt" && strings.Contains(filepath.Base(path), "lutfp")
}

// A mengSection is one section as read.
type mengSection struct {
	start   int // line of its title
	entries []mengEntry
	placed  map[[2]int16]int32 // line on which each pair stands
}

type mengEntry struct {
	a, b int16
	v    int32
	line int32
}

const (
	maxMengEntries = 1 << (2 * MaxBits)
	minMengOperand = -1 << (MaxBits - 1)
	maxMengOperand = 1<<MaxBits - 1
)

func readMeng(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	l, line, err := parseMeng(r, nameFromPath(path), o)
	if err != nil {
		return nil, &FormatError{Path: path, Line: line, Err: err}
	}
	return l, nil
}

// parseMeng returns the line of the fault beside an error.
func parseMeng(r io.Reader, name string, o LoadOptions) (l *Loaded, line int, err error) {
	sections, line, err := scanMeng(r)
	if err != nil {
		return nil, line, err
	}
	if sections[0] == nil {
		return nil, line, fmt.Errorf("no line %q", mengTitles[0])
	}
	if (sections[1] == nil) != (sections[2] == nil) {
		return nil, line, errors.New("gradient of one operand only, want both or neither")
	}

	operand, how, line, err := mengOperand(sections[0], o)
	if err != nil {
		return nil, line, err
	}
	var values [3][]int32
	for i, s := range sections {
		if s == nil {
			continue
		}
		if values[i], line, err = s.values(operand, o.Codes == "twos"); err != nil {
			return nil, line, err
		}
	}

	ax := resolveAxes(o, "xw", "is the first operand", "the second")
	ax.twos = false // values has sorted the codes already
	n := operand.Count()
	t, err := NewFromProducts(name, operand, operand, canonical(values[0], n, n, ax))
	if err != nil {
		return nil, sections[0].start, err
	}
	codes := "operands printed as values"
	if o.Codes == "twos" {
		codes = "operands printed as two's-complement patterns (as asked)"
	}
	l = &Loaded{Table: t, Assumed: append(ax.assumed, describeOperands(operand, operand, how), codes)}
	if sections[1] == nil {
		return l, 0, nil
	}
	var d [2]*Gradient
	for i := range d {
		stored := make([]int16, 0, n*n)
		for _, v := range canonical(values[1+i], n, n, ax) {
			stored = append(stored, int16(v))
		}
		if d[i], err = NewFullInt16(operand, operand, stored, mengScale); err != nil {
			return nil, sections[1+i].start, err
		}
	}
	l.Gradients = Gradients{DW: d[0], DX: d[1]}
	if ax.xw {
		l.Gradients = Gradients{DW: d[1], DX: d[0]}
	}
	l.Assumed = append(l.Assumed, "gradients in sixteenths")
	return l, 0, nil
}

// scanMeng splits the text into sections. It holds no more than three full
// tables, whatever the length of the text.
func scanMeng(r io.Reader) (sections [3]*mengSection, line int, err error) {
	current := -1
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line++
		text := strings.TrimSpace(sc.Text())
		if i := mengTitle(text); i >= 0 {
			if sections[i] != nil {
				return sections, line, fmt.Errorf("a second section %q, the first is on line %d", text, sections[i].start)
			}
			sections[i] = &mengSection{start: line, placed: map[[2]int16]int32{}}
			current = i
			continue
		}
		if current < 0 || text == "" {
			continue // the header, or a blank line
		}
		if err := sections[current].add(text, line, current > 0); err != nil {
			return sections, line, err
		}
	}
	if err := sc.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("line of more than %d bytes", bufio.MaxScanTokenSize)
		}
		return sections, line + 1, err
	}
	return sections, line, nil
}

func mengTitle(text string) int {
	for i, title := range mengTitles {
		if text == title {
			return i
		}
	}
	return -1
}

// add takes a line of three integers.
func (s *mengSection) add(text string, line int, gradient bool) error {
	fields := strings.Fields(text)
	var v [3]int64
	if len(fields) != len(v) {
		return fmt.Errorf("%.60q, want two operands and a value", text)
	}
	for i := range v {
		var err error
		if v[i], err = strconv.ParseInt(fields[i], 10, 32); err != nil {
			return fmt.Errorf("%.20q, want an integer that fits an int32", fields[i])
		}
	}
	for _, operand := range v[:2] {
		if operand < minMengOperand || operand > maxMengOperand {
			return fmt.Errorf("operand %d outside [%d, %d]", operand, minMengOperand, maxMengOperand)
		}
	}
	if gradient && (v[2] < math.MinInt16 || v[2] > math.MaxInt16) {
		return fmt.Errorf("gradient %d outside [%d, %d] sixteenths", v[2], math.MinInt16, math.MaxInt16)
	}
	pair := [2]int16{int16(v[0]), int16(v[1])}
	if first, twice := s.placed[pair]; twice {
		return fmt.Errorf("operands (%d, %d) are there twice, first on line %d", pair[0], pair[1], first)
	}
	if len(s.entries) == maxMengEntries {
		return fmt.Errorf("more than %d pairs of operands, want at most those of %d bits", maxMengEntries, MaxBits)
	}
	s.placed[pair] = int32(line)
	s.entries = append(s.entries, mengEntry{pair[0], pair[1], int32(v[2]), int32(line)})
	return nil
}

// mengOperand infers the operand of a table from the number of its lines and
// from the signs that occur.
func mengOperand(s *mengSection, o LoadOptions) (operand Operand, how string, line int, err error) {
	negative := 0 // line of the first negative operand
	for _, e := range s.entries {
		if e.a < 0 || e.b < 0 {
			negative = int(e.line)
			break
		}
	}
	operand.Bits = MinBits
	for 1<<(2*operand.Bits) < len(s.entries) {
		operand.Bits++
	}
	how = "from the operands"
	operand.Signed = negative > 0
	if o.Signed != nil {
		how = "as asked"
		operand.Signed = *o.Signed
	}
	switch {
	case negative > 0 && (!operand.Signed || o.Codes == "twos"):
		return operand, how, negative, errors.New("negative operand, but operands were said to be unsigned or printed as bit patterns")
	case o.Codes == "twos" && !operand.Signed:
		return operand, how, s.start, errors.New("codes twos without signed: unsigned codes have one order")
	case operand.Signed && negative == 0 && o.Codes != "twos":
		return operand, how, s.start, errors.New("no negative operand, but operands were said to be signed; want codes twos if bit patterns are printed")
	}
	return operand, how, 0, nil
}

// values returns the values of every pair, a selecting the row, both ascending.
// patterns tells that signed operands are printed as bit patterns. An error
// comes with the line of the fault.
func (s *mengSection) values(o Operand, patterns bool) (v []int32, line int, err error) {
	n := o.Count()
	lo, hi := o.Min(), o.Max()
	if patterns {
		lo, hi = 0, n-1
	}
	code := func(printed int16) int {
		if patterns {
			return (int(printed) + n/2) % n
		}
		return int(printed) - lo
	}
	v = make([]int32, n*n)
	for _, e := range s.entries {
		for _, operand := range []int16{e.a, e.b} {
			if int(operand) < lo || int(operand) > hi {
				return nil, int(e.line), fmt.Errorf("operand %d outside [%d, %d], the range of a table of %d lines", operand, lo, hi, len(s.entries))
			}
		}
		v[code(e.a)*n+code(e.b)] = e.v
	}
	if len(s.entries) == n*n {
		return v, 0, nil
	}
	// Pairs are in range and distinct, so too few of them means a gap. It is
	// where the successor of a pair, in the order of these files, is not there.
	order := mengOrder(o)
	if patterns || len(s.entries) > 0 && s.entries[0].a < 0 {
		order = order[:0]
		for printed := lo; printed <= hi; printed++ {
			order = append(order, printed)
		}
	}
	line = s.start + 1
	for _, a := range order {
		for _, b := range order {
			at, there := s.placed[[2]int16{int16(a), int16(b)}]
			if !there {
				return nil, line, fmt.Errorf("%d of %d pairs of operands, (%d, %d) is missing here", len(s.entries), n*n, a, b)
			}
			line = int(at) + 1
		}
	}
	return nil, line, fmt.Errorf("%d of %d pairs of operands", len(s.entries), n*n)
}

func writeMeng(w io.Writer, t *Table, g Gradients) error {
	if t.w != t.x {
		return fmt.Errorf("format meng holds square tables, weight %v × activation %v is not, want npz", t.w, t.x)
	}
	if err := checkPair(t, g); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "INFO: %q, sha256 %s, a = activation, b = weight\n", t.name, t.sha)
	section := func(title string, at func(W, X int) (int, error)) error {
		fmt.Fprintln(b, title)
		for _, X := range mengOrder(t.x) {
			for _, W := range mengOrder(t.w) {
				v, err := at(W, X)
				if err != nil {
					return err
				}
				fmt.Fprintln(b, X, W, v)
			}
		}
		return nil
	}
	if err := section(mengTitles[0], func(W, X int) (int, error) { return int(t.At(W, X)), nil }); err != nil {
		return err
	}
	if g.DX != nil {
		for i, d := range []*Gradient{g.DX, g.DW} { // a is the activation
			err := section(mengTitles[1+i], func(W, X int) (int, error) {
				v := math.RoundToEven(float64(d.At(t.w.Code(W), t.x.Code(X))) / mengScale)
				if v < math.MinInt16 || v > math.MaxInt16 {
					return 0, fmt.Errorf("gradient %v at W = %d, X = %d does not fit 16 bits of sixteenths, want npz", v*mengScale, W, X)
				}
				return int(v), nil
			})
			if err != nil {
				return err
			}
		}
	}
	return b.Flush()
}

// mengOrder returns the values of o in the order of the authors' files: as
// two's-complement patterns ascend.
func mengOrder(o Operand) []int {
	values := make([]int, 0, o.Count())
	for v := 0; v <= o.Max(); v++ {
		values = append(values, v)
	}
	for v := o.Min(); v < 0; v++ {
		values = append(values, v)
	}
	return values
}
