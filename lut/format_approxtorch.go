package lut

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// approxTorchFormat is the text of ApproxTorch (github.com/woshimark666/
// ApproxTorch): a matrix of integers without indices, one row a line, separated
// by blanks, as numpy.loadtxt reads it; # begins a comment. The first index is
// the activation (xw), and values ascend: rows −128 … 127 for int8, 0 … 255
// for uint8. Operands are taken for signed if a product is negative. Any table
// of 2 to 8 bits an operand is read; ApproxTorch itself takes 256×256 and, for
// int4, 16×16.
var approxTorchFormat = Format{
	Name:   "approxtorch",
	Detect: detectApproxTorch,
	Read:   readApproxTorch,
	Write:  writeApproxTorch,
}

var approxTorchConvention = convention{order: "xw", codes: "ascending", bySign: true}

const maxMatrixSide = 1 << MaxBits

// detectApproxTorch looks for a first row of integers, as many as an operand
// has values.
func detectApproxTorch(path string, head []byte) bool {
	for {
		line, rest, whole := bytes.Cut(head, []byte("\n"))
		if !whole {
			return false // a row of the widest table fits the head
		}
		head = rest
		fields := matrixFields(string(line))
		if len(fields) == 0 {
			continue
		}
		for _, f := range fields {
			if _, err := strconv.ParseInt(f, 10, 32); err != nil {
				return false
			}
		}
		_, err := operandOfCount(len(fields), false)
		return err == nil
	}
}

// matrixFields returns the numbers of a line, without its comment.
func matrixFields(line string) []string {
	line, _, _ = strings.Cut(line, "#")
	return strings.Fields(line)
}

func readApproxTorch(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	l, line, err := parseMatrix(r, nameFromPath(path), o)
	if err != nil {
		return nil, &FormatError{Path: path, Line: line, Err: err}
	}
	return l, nil
}

// parseMatrix returns the line of the fault beside an error.
func parseMatrix(r io.Reader, name string, o LoadOptions) (l *Loaded, line int, err error) {
	var p []int32
	rows, cols := 0, 0
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		line++
		fields := matrixFields(sc.Text())
		if len(fields) == 0 {
			continue
		}
		switch {
		case rows == 0 && len(fields) > maxMatrixSide:
			return nil, line, fmt.Errorf("row of %d products, want at most %d", len(fields), maxMatrixSide)
		case rows == 0:
			cols = len(fields)
		case len(fields) != cols:
			return nil, line, fmt.Errorf("row of %d products, want %d as in the first", len(fields), cols)
		case rows == maxMatrixSide:
			return nil, line, fmt.Errorf("more than %d rows", maxMatrixSide)
		}
		rows++
		for _, f := range fields {
			v, err := strconv.ParseInt(f, 10, 32)
			if err != nil {
				return nil, line, fmt.Errorf("%.20q, want an integer that fits an int32", f)
			}
			p = append(p, int32(v))
		}
	}
	if err := sc.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("line of more than %d bytes", bufio.MaxScanTokenSize)
		}
		return nil, line + 1, err
	}
	l, err = approxTorchConvention.table(p, rows, cols, name, o)
	return l, 0, err
}

func writeApproxTorch(w io.Writer, t *Table, g Gradients) error {
	p, rows, cols, err := approxTorchConvention.array("approxtorch", t, g)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	for i := range rows {
		for j, v := range p[i*cols:][:cols] {
			if j > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(strconv.Itoa(int(v)))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
