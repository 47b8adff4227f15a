package lut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A .npy file (NumPy Enhancement Proposal 1, numpy.lib.format):
//
//	0 -  5  magic "\x93NUMPY"
//	6 -  7  version: 1.0, 2.0 or 3.0
//	8 -  9  header length n (uint16, version 1)
//	8 - 11  header length n (uint32, versions 2 and 3)
//	n bytes a Python dict with the keys descr, fortran_order and shape
//	rest    the elements, in the order and byte order that the dict says
const npyMagic = "\x93NUMPY"

// Bounds on what a .npy file may ask for, checked before memory is taken.
const (
	maxNPYHeader   = 1 << 16                 // bytes; NumPy's own reader stops at 10,000
	maxNPYElements = 1 << MaxBits << MaxBits // an 8×8-bit table
	maxNPYBytes    = 12 + maxNPYHeader + 8*maxNPYElements
)

// An array is a 2-D array of a .npy file, still in the file's byte order.
type array struct {
	rows, cols int
	kind       byte // 'i', 'u' or 'f'
	size       int  // bytes of an element
	order      binary.ByteOrder
	fortran    bool // columns are contiguous
	data       []byte
}

// readArray reads a .npy file that holds a 2-D array of integers or floats and
// nothing after it.
func readArray(r io.Reader) (*array, error) {
	a, err := readArrayHeader(r)
	if err != nil {
		return nil, err
	}
	a.data = make([]byte, a.rows*a.cols*a.size)
	if n, err := io.ReadFull(r, a.data); err != nil {
		return nil, short(err, fmt.Sprintf("%d bytes of elements, want %d", n, len(a.data)))
	}
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return nil, fmt.Errorf("bytes after the %d×%d array", a.rows, a.cols)
	case err != io.EOF:
		return nil, err
	}
	return a, nil
}

// short words an end of file that came too early.
func short(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated: %s", what)
	}
	return err
}

func readArrayHeader(r io.Reader) (*array, error) {
	var fixed [8]byte
	if n, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, short(err, fmt.Sprintf("%d bytes, want at least 10", n))
	}
	if string(fixed[:6]) != npyMagic {
		return nil, fmt.Errorf("starts with %q, want %q", fixed[:6], npyMagic)
	}
	var length int
	switch major, minor := fixed[6], fixed[7]; {
	case major == 1 && minor == 0:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, short(err, "no header length")
		}
		length = int(binary.LittleEndian.Uint16(b[:]))
	case (major == 2 || major == 3) && minor == 0:
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, short(err, "no header length")
		}
		n := binary.LittleEndian.Uint32(b[:])
		if n > maxNPYHeader {
			return nil, fmt.Errorf("header of %d bytes, want at most %d", n, maxNPYHeader)
		}
		length = int(n)
	default:
		return nil, fmt.Errorf(".npy version %d.%d, want 1.0, 2.0 or 3.0", major, minor)
	}
	text := make([]byte, length)
	if n, err := io.ReadFull(r, text); err != nil {
		return nil, short(err, fmt.Sprintf("%d bytes of header, want %d", n, length))
	}
	d, err := parseNPYDict(string(text))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return d.array()
}

// An npyDict is the dict of a .npy header.
type npyDict struct {
	descr   string
	fortran bool
	shape   []int
}

// array checks what the dict asks for.
func (d npyDict) array() (*array, error) {
	a := &array{fortran: d.fortran, order: binary.LittleEndian}
	t := d.descr
	if t != "" && strings.IndexByte("<>=|", t[0]) >= 0 {
		if t[0] == '>' {
			a.order = binary.BigEndian
		}
		t = t[1:]
	}
	switch t {
	case "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8":
		a.kind, a.size = t[0], int(t[1]-'0')
	default:
		return nil, fmt.Errorf("elements of type %q, want integers (i1 to u8) or, for gradients, floats (f4, f8)", d.descr)
	}
	if len(d.shape) != 2 {
		return nil, fmt.Errorf("array of %d dimensions, want 2", len(d.shape))
	}
	a.rows, a.cols = d.shape[0], d.shape[1]
	// Both factors are at most maxNPYElements, so the product is exact.
	if a.rows > maxNPYElements || a.cols > maxNPYElements || a.rows*a.cols > maxNPYElements {
		return nil, fmt.Errorf("array of %d×%d elements, want at most %d×%d", a.rows, a.cols, 1<<MaxBits, 1<<MaxBits)
	}
	return a, nil
}

// parseNPYDict reads the Python literal that a header is: a dict of exactly
// the three known keys, in any order.
func parseNPYDict(text string) (npyDict, error) {
	var d npyDict
	seen := map[string]bool{}
	p := literal{text}
	if err := p.expect('{'); err != nil {
		return d, err
	}
	for !p.accept('}') {
		key, err := p.str()
		if err != nil {
			return d, err
		}
		if seen[key] {
			return d, fmt.Errorf("key %q is given twice", key)
		}
		seen[key] = true
		if err := p.expect(':'); err != nil {
			return d, err
		}
		switch key {
		case "descr":
			d.descr, err = p.str()
		case "fortran_order":
			d.fortran, err = p.boolean()
		case "shape":
			d.shape, err = p.tuple()
		default:
			err = fmt.Errorf("unknown key %q, want descr, fortran_order and shape", key)
		}
		if err != nil {
			return d, err
		}
		if !p.accept(',') {
			if err := p.expect('}'); err != nil {
				return d, err
			}
			break
		}
	}
	if rest := strings.TrimSpace(p.rest); rest != "" {
		return d, fmt.Errorf("%.20q after the dict", rest)
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return d, fmt.Errorf("key %q is missing", key)
		}
	}
	return d, nil
}

// A literal reads the few Python literals that occur in .npy headers.
type literal struct{ rest string }

func (p *literal) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *literal) accept(c byte) bool {
	p.space()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *literal) expect(c byte) error {
	if !p.accept(c) {
		return fmt.Errorf("%.20q, want %q", p.rest, c)
	}
	return nil
}

// str reads a string in single or double quotes, without escapes: none of the
// legal keys and types needs one.
func (p *literal) str() (string, error) {
	p.space()
	if p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"') {
		if end := strings.IndexByte(p.rest[1:], p.rest[0]); end >= 0 {
			s := p.rest[1 : 1+end]
			p.rest = p.rest[end+2:]
			return s, nil
		}
	}
	return "", fmt.Errorf("%.20q, want a string", p.rest)
}

func (p *literal) boolean() (bool, error) {
	p.space()
	for word, v := range map[string]bool{"True": true, "False": false} {
		if rest, ok := strings.CutPrefix(p.rest, word); ok {
			p.rest = rest
			return v, nil
		}
	}
	return false, fmt.Errorf("%.20q, want True or False", p.rest)
}

// tuple reads a tuple of sizes. An L after a number, as Python 2 wrote, is
// skipped.
func (p *literal) tuple() ([]int, error) {
	const maxDims = 32 // NumPy's own limit
	if err := p.expect('('); err != nil {
		return nil, err
	}
	var sizes []int
	for !p.accept(')') {
		if len(sizes) == maxDims {
			return nil, fmt.Errorf("shape of more than %d dimensions", maxDims)
		}
		p.space()
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			return nil, fmt.Errorf("%.20q, want a size", p.rest)
		}
		sizes = append(sizes, n)
		p.rest = p.rest[digits:]
		p.accept('L')
		if !p.accept(',') {
			if err := p.expect(')'); err != nil {
				return nil, err
			}
			break
		}
	}
	return sizes, nil
}

// place returns where element (i, j) lies in data.
func (a *array) place(i, j int) []byte {
	k := i*a.cols + j
	if a.fortran {
		k = j*a.rows + i
	}
	return a.data[k*a.size:][:a.size]
}

// word returns the bits of an element as an unsigned number.
func (a *array) word(b []byte) uint64 {
	switch a.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(a.order.Uint16(b))
	case 4:
		return uint64(a.order.Uint32(b))
	}
	return a.order.Uint64(b)
}

// int32s returns the elements row by row. It refuses floats and elements that
// do not fit.
func (a *array) int32s() ([]int32, error) {
	if a.kind == 'f' {
		return nil, fmt.Errorf("elements are floats of %d bytes, want integers", a.size)
	}
	out := make([]int32, 0, a.rows*a.cols)
	for i := range a.rows {
		for j := range a.cols {
			v := a.word(a.place(i, j))
			if a.kind == 'u' {
				if v > math.MaxInt32 {
					return nil, fmt.Errorf("element [%d, %d] = %d does not fit an int32", i, j, v)
				}
				out = append(out, int32(v))
				continue
			}
			unused := 64 - 8*a.size
			s := int64(v<<unused) >> unused // the sign of the element's own size
			if int64(int32(s)) != s {
				return nil, fmt.Errorf("element [%d, %d] = %d does not fit an int32", i, j, s)
			}
			out = append(out, int32(s))
		}
	}
	return out, nil
}

// float32s returns the elements row by row, those of 8 bytes rounded. It
// refuses integers.
func (a *array) float32s() ([]float32, error) {
	if a.kind != 'f' {
		return nil, fmt.Errorf("elements are integers of %d bytes, want floats", a.size)
	}
	out := make([]float32, 0, a.rows*a.cols)
	for i := range a.rows {
		for j := range a.cols {
			v := a.word(a.place(i, j))
			if a.size == 4 {
				out = append(out, math.Float32frombits(uint32(v)))
			} else {
				out = append(out, float32(math.Float64frombits(v)))
			}
		}
	}
	return out, nil
}

// writeArray writes v, row by row, as a .npy file of version 1.0, little-endian
// and in C order.
func writeArray[T int32 | float32](w io.Writer, rows, cols int, v []T) error {
	descr := "<i4"
	if _, float := any(v).([]float32); float {
		descr = "<f4"
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, rows, cols)
	// NumPy pads the header so that the elements start at a multiple of 64.
	const fixed = len(npyMagic) + 4
	total := (fixed + len(dict) + 1 + 63) / 64 * 64
	dict += strings.Repeat(" ", total-fixed-len(dict)-1) + "\n"

	head := append([]byte(npyMagic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(dict)))
	if _, err := w.Write(append(head, dict...)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, v)
}

// operandOfCount returns the operand with n values, for an axis of an array.
func operandOfCount(n int, signed bool) (Operand, error) {
	counts := []int{}
	for bits := MinBits; bits <= MaxBits; bits++ {
		o := Operand{Bits: bits, Signed: signed}
		if o.Count() == n {
			return o, nil
		}
		counts = append(counts, o.Count())
	}
	return Operand{}, fmt.Errorf("axis of %d values, want one of %v", n, counts)
}

// canonical rearranges the elements of an array into index order of a Table.
// rows and cols are the sizes of the array as stored.
func canonical[T any](v []T, rows, cols int, a axes) []T {
	at := func(i, n int) int { // place of code i along an axis of n
		if a.twos {
			return (i + n/2) % n
		}
		return i
	}
	out := make([]T, 0, len(v))
	if a.xw {
		for w := range cols {
			for x := range rows {
				out = append(out, v[at(x, rows)*cols+at(w, cols)])
			}
		}
		return out
	}
	for w := range rows {
		for x := range cols {
			out = append(out, v[at(w, rows)*cols+at(x, cols)])
		}
	}
	return out
}
