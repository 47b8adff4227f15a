package lut

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// adaptFormat is the C header of AdaPT (Danopoulos, Zervakis, Siozios, Soudris
// and Henkel, TCAD 2023) and of its successor TransAxx:
//
//	#include <stdint.h>
//
//	const int16_t lut [256][256] = {{0, 0, …},
//	{…},
//	…};
//
// with any integer type, any size of 2 to 8 bits an operand, comments, include
// guards and qualifiers such as __device__. Signed operands are indexed by
// their two's-complement pattern. The row is the weight in AdaPT's convolutions
// (wx), and the activation in its linear layers: a table that is not
// commutative is two multipliers there. Operands are taken for signed if a
// product is negative. Written is the text above, int16_t if that is enough.
var adaptFormat = Format{
	Name:   "adapt",
	Detect: detectAdapt,
	Read:   readAdapt,
	Write:  writeAdapt,
}

var adaptConvention = convention{order: "wx", codes: "twos", bySign: true}

// maxAdapt bounds a header, in bytes: 65,536 products of up to eleven
// characters with a comma and a blank are 0.9 MB.
const maxAdapt = 4 << 20

// adaptTypes are the element types as cType names them, with the least and the
// greatest product.
var adaptTypes = map[string][2]int64{
	"int8_t": {math.MinInt8, math.MaxInt8}, "uint8_t": {0, math.MaxUint8},
	"int16_t": {math.MinInt16, math.MaxInt16}, "uint16_t": {0, math.MaxUint16},
	"short": {math.MinInt16, math.MaxInt16}, "unsigned short": {0, math.MaxUint16},
	"int32_t": {math.MinInt32, math.MaxInt32}, "uint32_t": {0, math.MaxInt32},
	"int": {math.MinInt32, math.MaxInt32}, "unsigned int": {0, math.MaxInt32},
}

// adaptQualifiers are words before an array that change nothing of it.
var adaptQualifiers = map[string]bool{
	"const": true, "static": true, "extern": true, "constexpr": true, "inline": true, "volatile": true,
	"__device__": true, "__constant__": true, "__managed__": true,
}

// detectAdapt looks for an array of two dimensions and an opening brace.
func detectAdapt(path string, head []byte) bool {
	c := clexer{rest: head, line: 1}
	depth := 0 // how much of [n][m]={ is there
	for {
		token, err := c.next()
		if err != nil || token == "" {
			return false
		}
		_, number := strconv.Atoi(token)
		switch want := []string{"[", "", "]", "[", "", "]", "=", "{"}[depth]; {
		case token == want, want == "" && number == nil:
			if depth++; depth == 8 {
				return true
			}
		case token == "[":
			depth = 1
		default:
			depth = 0
		}
	}
}

// A clexer splits the little C of a table into words, numbers and punctuation.
type clexer struct {
	rest []byte
	line int
}

// next returns the next token, empty at the end. Comments and lines of the
// preprocessor are passed over.
func (c *clexer) next() (string, error) {
	for len(c.rest) > 0 {
		switch b := c.rest[0]; {
		case b == '\n':
			c.line++
			c.rest = c.rest[1:]
		case b == ' ' || b == '\t' || b == '\r' || b == '\f' || b == '\v':
			c.rest = c.rest[1:]
		case b == '#' || bytes.HasPrefix(c.rest, []byte("//")):
			c.skipLine()
		case bytes.HasPrefix(c.rest, []byte("/*")):
			end := bytes.Index(c.rest[2:], []byte("*/"))
			if end < 0 {
				return "", errors.New("comment without end")
			}
			c.line += bytes.Count(c.rest[:end+2], []byte("\n"))
			c.rest = c.rest[end+4:]
		case wordByte(b) || b == '-' || b == '+':
			n := 1
			for n < len(c.rest) && wordByte(c.rest[n]) {
				n++
			}
			return c.take(n), nil
		default:
			return c.take(1), nil
		}
	}
	return "", nil
}

func (c *clexer) take(n int) string {
	token := string(c.rest[:n])
	c.rest = c.rest[n:]
	return token
}

// skipLine passes over a line, and those that it goes on to by a backslash.
func (c *clexer) skipLine() {
	for {
		end := bytes.IndexByte(c.rest, '\n')
		if end < 0 {
			c.rest = nil
			return
		}
		continued := bytes.HasSuffix(bytes.TrimRight(c.rest[:end], "\r"), []byte(`\`))
		c.line++
		c.rest = c.rest[end+1:]
		if !continued {
			return
		}
	}
}

func wordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func (c *clexer) expect(want string) error {
	token, err := c.next()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%s, want %q", quoted(token), want)
	}
	return nil
}

// quoted is a token in a message.
func quoted(token string) string {
	if token == "" {
		return "end of file"
	}
	return fmt.Sprintf("%.20q", token)
}

func readAdapt(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	data, err := readBounded(r, maxAdapt)
	if err != nil {
		return nil, &FormatError{Path: path, Err: err}
	}
	c := &clexer{rest: data, line: 1}
	p, rows, cols, err := c.table()
	if err != nil {
		return nil, &FormatError{Path: path, Line: c.line, Err: err}
	}
	l, err := adaptConvention.table(p, rows, cols, nameFromPath(path), o)
	if err != nil {
		return nil, &FormatError{Path: path, Err: err}
	}
	if o.Order == "" {
		l.Assumed[0] += ", as in AdaPT's convolutions"
	}
	return l, nil
}

// table reads a declaration and the products of its array.
func (c *clexer) table() (p []int32, rows, cols int, err error) {
	limits, err := c.declaration()
	if err != nil {
		return nil, 0, 0, err
	}
	if rows, err = c.side(); err != nil {
		return nil, 0, 0, err
	}
	if err := c.expect("["); err != nil {
		return nil, 0, 0, err
	}
	if cols, err = c.side(); err != nil {
		return nil, 0, 0, err
	}
	for _, want := range []string{"=", "{"} {
		if err := c.expect(want); err != nil {
			return nil, 0, 0, err
		}
	}
	p = make([]int32, 0, rows*cols)
	for row := range rows {
		if err := c.expect("{"); err != nil {
			return nil, 0, 0, fmt.Errorf("row %d of %d: %w", row, rows, err)
		}
		if p, err = c.row(p, cols, limits); err != nil {
			return nil, 0, 0, fmt.Errorf("row %d of %d: %w", row, rows, err)
		}
		separator := ","
		if row == rows-1 {
			separator = "}"
		}
		token, err := c.next()
		if err == nil && token == "," && separator == "}" { // as C allows after the last row
			token, err = c.next()
		}
		if err != nil {
			return nil, 0, 0, err
		}
		if token != separator {
			return nil, 0, 0, fmt.Errorf("%s after row %d of %d, want %q", quoted(token), row, rows, separator)
		}
	}
	if err := c.expect(";"); err != nil {
		return nil, 0, 0, err
	}
	token, err := c.next()
	if err == nil && token != "" {
		err = fmt.Errorf("%s after the array, want one table a file", quoted(token))
	}
	return p, rows, cols, err
}

// declaration reads the type and the name of the array up to its first bracket,
// and returns the range of the type.
func (c *clexer) declaration() (limits [2]int64, err error) {
	var words []string
	for {
		token, err := c.next()
		if err != nil {
			return limits, err
		}
		if token == "[" {
			break
		}
		if token == "" || !wordByte(token[0]) || '0' <= token[0] && token[0] <= '9' || len(words) == 8 {
			return limits, fmt.Errorf("%s, want the declaration of an array such as const int16_t lut[256][256]", quoted(token))
		}
		if !adaptQualifiers[token] {
			words = append(words, token)
		}
	}
	if len(words) < 2 {
		return limits, fmt.Errorf("%q, want a type and a name before the sizes of the array", strings.Join(words, " "))
	}
	typ := strings.Join(words[:len(words)-1], " ")
	limits, known := adaptTypes[cType(words[:len(words)-1])]
	if !known {
		return limits, fmt.Errorf("elements of type %q, want an integer type of 8 to 32 bits such as int16_t", typ)
	}
	return limits, nil
}

// cType returns the name in adaptTypes of a type in other words, such as
// "signed short int" or "unsigned".
func cType(words []string) string {
	unsigned := ""
	rest := make([]string, 0, len(words))
	for _, w := range words {
		switch w {
		case "unsigned":
			unsigned = "unsigned "
		case "signed":
		default:
			rest = append(rest, w)
		}
	}
	base := strings.Join(rest, " ")
	switch base {
	case "short int", "int short":
		base = "short"
	case "":
		base = "int"
	}
	return unsigned + base
}

// side reads the size of one dimension and its closing bracket.
func (c *clexer) side() (int, error) {
	token, err := c.next()
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(token)
	if err != nil {
		return 0, fmt.Errorf("%s, want the size of the array as a number", quoted(token))
	}
	if _, err := operandOfCount(n, false); err != nil {
		return 0, err
	}
	return n, c.expect("]")
}

// row reads n products and the closing brace, and appends them to p.
func (c *clexer) row(p []int32, n int, limits [2]int64) ([]int32, error) {
	for i := 0; ; i++ {
		token, err := c.next()
		if err != nil {
			return nil, err
		}
		if token == "}" && i == n { // after a comma, as C allows
			return p, nil
		}
		if token == "}" || i == n {
			return nil, fmt.Errorf("%s after %d products, want %d", quoted(token), i, n)
		}
		v, err := strconv.ParseInt(token, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s, want a decimal integer", quoted(token))
		}
		if v < limits[0] || v > limits[1] {
			return nil, fmt.Errorf("product %d outside [%d, %d], the range of the element type", v, limits[0], limits[1])
		}
		p = append(p, int32(v))
		switch token, err = c.next(); {
		case err != nil:
			return nil, err
		case token == "}" && i == n-1:
			return p, nil
		case token != ",":
			return nil, fmt.Errorf("%s after %d products, want %d", quoted(token), i+1, n)
		}
	}
}

func writeAdapt(w io.Writer, t *Table, g Gradients) error {
	p, rows, cols, err := adaptConvention.array("adapt", t, g)
	if err != nil {
		return err
	}
	typ := "int16_t"
	for _, v := range p {
		if v < math.MinInt16 || v > math.MaxInt16 {
			typ = "int32_t"
			break
		}
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "#include <stdint.h>\n\nconst %s lut [%d][%d] = {", typ, rows, cols)
	for i := range rows {
		if i > 0 {
			b.WriteString(",\n")
		}
		for j, v := range p[i*cols:][:cols] {
			if j == 0 {
				b.WriteByte('{')
			} else {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Itoa(int(v)))
		}
		b.WriteByte('}')
	}
	b.WriteString("};\n")
	return b.Flush()
}
