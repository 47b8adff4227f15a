package lut

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// bytes32Format is an array of integers indexed by bit patterns, as torch-approx
// (Trommer, Waschneck and Kumar, 2022) and other users of NumPy keep it: signed
// operands run 0 … max, min … −1, so that a byte is an index. It comes as a .npy
// file, or bare:
//
//	0 - 262143  65,536 products (int32, little-endian), row by row
//
// and likewise for narrower square tables. A bare one of 262,144 bytes is
// recognised by its size; a .npy is npy, the native format, unless
// LoadOptions.From says bytes32. Which operand selects the row is nowhere
// agreed, so LoadOptions.Order is required. Operands are taken for signed if a
// product is negative. Written is a .npy of int32 in order wx.
var bytes32Format = Format{
	Name: "bytes32",
	Detect: func(path string, head []byte) bool {
		return filepath.Ext(path) == ".bin" && fileSize(path) == maxBytes32
	},
	Read:  readBytes32,
	Write: writeBytes32,
}

const maxBytes32 = 4 << MaxBits << MaxBits // bytes

var bytes32Convention = convention{codes: "twos", bySign: true}

func readBytes32(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	l, err := parseBytes32(bufio.NewReader(r), nameFromPath(path), o)
	if err != nil {
		return nil, &FormatError{Path: path, Err: err}
	}
	return l, nil
}

func parseBytes32(r *bufio.Reader, name string, o LoadOptions) (*Loaded, error) {
	head, err := r.Peek(len(npyMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(head) == npyMagic {
		a, err := readArray(r)
		if err != nil {
			return nil, err
		}
		p, err := a.int32s()
		if err != nil {
			return nil, err
		}
		return bytes32Convention.table(p, a.rows, a.cols, name, o)
	}

	data, err := readBounded(r, maxBytes32)
	if err != nil {
		return nil, fmt.Errorf("%w: 65,536 products of four bytes are the most", err)
	}
	for bits := MinBits; bits <= MaxBits; bits++ {
		n := 1 << bits
		if len(data) != 4*n*n {
			continue
		}
		p := make([]int32, 0, n*n)
		for i := 0; i < len(data); i += 4 {
			p = append(p, int32(binary.LittleEndian.Uint32(data[i:])))
		}
		return bytes32Convention.table(p, n, n, name, o)
	}
	return nil, fmt.Errorf("%d bytes, want a .npy file or products of four bytes: 262144 for 8×8 bits, 65536 for 7×7, …, %d for 2×2", len(data), 4<<MinBits<<MinBits)
}

func writeBytes32(w io.Writer, t *Table, g Gradients) error {
	c := bytes32Convention
	c.order = "wx"
	p, rows, cols, err := c.array("bytes32", t, g)
	if err != nil {
		return err
	}
	return writeArray(w, rows, cols, p)
}
