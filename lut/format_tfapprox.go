package lut

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// tfapproxFormat is the binary table of TFApprox (Vaverka, Mrazek, Vasicek and
// Sekanina, DATE 2020), 8×8 bits and without a header:
//
//	0 - 131071  65,536 products (uint16, little-endian), [a<<8 | b]
//
// a is the activation (xw). Files made of the C code of EvoApproxLib name its
// first argument first, which often is port B of the Verilog: such a file is
// the transpose of the circuit. Operands are unsigned unless LoadOptions.Signed
// says otherwise; signed ones are two's-complement bytes, and so are products.
var tfapproxFormat = Format{
	Name: "tfapprox",
	Detect: func(path string, head []byte) bool {
		return filepath.Ext(path) == ".bin" && fileSize(path) == tfapproxSize
	},
	Read:  readTFApprox,
	Write: writeTFApprox,
}

const tfapproxSize = 2 << 16 // bytes

var tfapproxConvention = convention{order: "xw", codes: "twos"}

// fileSize returns the size of the file, or −1. Files without a header are
// recognised by it.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// readBounded reads r to its end, which must come after at most limit bytes.
func readBounded(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return data, nil
}

func readTFApprox(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	fault := func(err error) (*Loaded, error) { return nil, &FormatError{Path: path, Err: err} }
	data, err := readBounded(r, tfapproxSize)
	if err == nil && len(data) < tfapproxSize {
		err = fmt.Errorf("%d bytes", len(data))
	}
	if err != nil {
		return fault(fmt.Errorf("%w, want %d: 65,536 products of two bytes", err, tfapproxSize))
	}
	signed := o.Signed != nil && *o.Signed
	p := make([]int32, 0, tfapproxSize/2)
	for i := 0; i < len(data); i += 2 {
		v := binary.LittleEndian.Uint16(data[i:])
		if signed {
			p = append(p, int32(int16(v)))
		} else {
			p = append(p, int32(v))
		}
	}
	l, err := tfapproxConvention.table(p, 256, 256, nameFromPath(path), o)
	if err != nil {
		return fault(err)
	}
	return l, nil
}

func writeTFApprox(w io.Writer, t *Table, g Gradients) error {
	p, rows, cols, err := tfapproxConvention.array("tfapprox", t, g)
	if err != nil {
		return err
	}
	if rows != 256 || cols != 256 {
		return fmt.Errorf("format tfapprox holds 8×8 bits, not weight %v × activation %v", t.w, t.x)
	}
	lo, hi := int32(0), int32(math.MaxUint16)
	if t.w.Signed {
		lo, hi = math.MinInt16, math.MaxInt16
	}
	data := make([]byte, 0, tfapproxSize)
	for _, v := range p {
		if v < lo || v > hi {
			return fmt.Errorf("product %d outside [%d, %d], what the two bytes of format tfapprox hold", v, lo, hi)
		}
		data = binary.LittleEndian.AppendUint16(data, uint16(v))
	}
	_, err = w.Write(data)
	return err
}
