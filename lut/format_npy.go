package lut

import (
	"bytes"
	"errors"
	"io"
)

// npyFormat is the native format of products: a .npy file with a 2-D array of
// integers [2^Bw, 2^Bx], the weight selecting the row and values ascending.
// Operands are unsigned unless LoadOptions.Signed says otherwise: the file does
// not tell. Any integer type, byte order and C or Fortran order is read; int32,
// little-endian, C order is written.
var npyFormat = Format{
	Name:   "npy",
	Detect: func(path string, head []byte) bool { return bytes.HasPrefix(head, []byte(npyMagic)) },
	Read:   readNPY,
	Write: func(w io.Writer, t *Table, g Gradients) error {
		if g != (Gradients{}) {
			return errors.New("format npy holds products only, want npz or meng for gradients")
		}
		return writeArray(w, t.w.Count(), t.x.Count(), t.p)
	},
}

func readNPY(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	a, err := readArray(r)
	if err != nil {
		return nil, &FormatError{Path: path, Err: err}
	}
	l, err := tableFromArray(a, nameFromPath(path), o)
	if err != nil {
		return nil, &FormatError{Path: path, Err: err}
	}
	return l, nil
}

// npyConvention is that of the native format.
var npyConvention = convention{order: "wx", codes: "ascending"}

// tableFromArray makes a table of an array of which only o is known.
func tableFromArray(a *array, name string, o LoadOptions) (*Loaded, error) {
	p, err := a.int32s()
	if err != nil {
		return nil, err
	}
	return npyConvention.table(p, a.rows, a.cols, name, o)
}
