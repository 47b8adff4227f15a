package lut

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// npzFormat is the native format of products with gradients: a zip archive of
// .npy arrays (numpy.savez),
//
//	am                  int32   [2^Bw, 2^Bx]      the products
//	operands            int32   [[bw, sw], [bx, sx]]  bits, 0/1 signed
//	dw, dx              float32 [2^Bw, 2^Bx]      gradients in Full form
//	dw_u, dw_v          float32 [rank, 2^Bw], [rank, 2^Bx]  ∂AM/∂W, Factored
//	dx_u, dx_v          likewise                  ∂AM/∂X, Factored
//
// values ascending. am is required; without operands the widths come from its
// shape and the sign from LoadOptions. Gradients come in pairs, and a Full one
// is read with storage Float32, whatever it was made with: the values are the
// same. Arrays of other names are refused, lest a misspelt one be lost.
var npzFormat = Format{
	Name:   "npz",
	Detect: func(path string, head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) },
	Read:   readNPZ,
	Write:  writeNPZ,
}

// npzNames are the arrays of an archive.
var npzNames = []string{"am", "operands", "dw", "dx", "dw_u", "dw_v", "dx_u", "dx_v"}

// maxNPZBytes bounds an archive: products, and two gradients of the largest
// kind, the factors of full rank, all in elements of 8 bytes and uncompressed,
// come to 2.6 MiB.
const maxNPZBytes = 4 << 20

func readNPZ(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
	l, err := parseNPZ(r, nameFromPath(path), o)
	if err != nil {
		return nil, &FormatError{Path: path, Err: err}
	}
	return l, nil
}

func parseNPZ(r io.Reader, name string, o LoadOptions) (*Loaded, error) {
	arrays, err := readArchive(r)
	if err != nil {
		return nil, err
	}
	am := arrays["am"]
	if am == nil {
		return nil, errors.New("no array am, the products")
	}
	if arrays["operands"] == nil && len(arrays) == 1 {
		return tableFromArray(am, name, o)
	}
	// From here on the file says which operand is which.
	if o.Order == "xw" || o.Codes == "twos" {
		return nil, errors.New("an .npz with operands or gradients is in order wx with ascending codes, want no other order or codes")
	}
	w, x, how, err := npzOperands(arrays, o)
	if err != nil {
		return nil, err
	}
	if am.rows != w.Count() || am.cols != x.Count() {
		return nil, fmt.Errorf("am is %d×%d, want %d×%d for weight %v × activation %v", am.rows, am.cols, w.Count(), x.Count(), w, x)
	}
	p, err := am.int32s()
	if err != nil {
		return nil, fmt.Errorf("am: %w", err)
	}
	t, err := NewFromProducts(name, w, x, p)
	if err != nil {
		return nil, err
	}
	l := &Loaded{Table: t, Assumed: []string{
		"operand order wx (of the format): the weight selects the row, the activation the column",
		describeOperands(w, x, how), "codes ascending from the least value (of the format)",
	}}
	if l.Gradients.DW, err = npzGradient(arrays, "dw", w, x); err != nil {
		return nil, err
	}
	if l.Gradients.DX, err = npzGradient(arrays, "dx", w, x); err != nil {
		return nil, err
	}
	if (l.Gradients.DW == nil) != (l.Gradients.DX == nil) {
		return nil, errors.New("gradient of one operand only, want both dw and dx or neither")
	}
	return l, nil
}

// readArchive unpacks the arrays of a zip archive. An array stops at the size
// that its own header states and readArray allows, so a small archive cannot
// grow large.
func readArchive(r io.Reader) (map[string]*array, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxNPZBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxNPZBytes {
		return nil, fmt.Errorf("archive of more than %d bytes", maxNPZBytes)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	arrays := map[string]*array{}
	for _, f := range archive.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok || !slices.Contains(npzNames, name) {
			return nil, fmt.Errorf("array %q, want one of %s%s", f.Name, strings.Join(npzNames, ", "), didYouMean(name, npzNames))
		}
		if arrays[name] != nil {
			return nil, fmt.Errorf("array %s is there twice", name)
		}
		if arrays[name], err = readEntry(f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return arrays, nil
}

func readEntry(f *zip.File) (*array, error) {
	if f.UncompressedSize64 > maxNPYBytes {
		return nil, fmt.Errorf("array of %d bytes, want at most %d", f.UncompressedSize64, maxNPYBytes)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readArray(r)
}

// npzOperands returns the operands, and where their signs came from.
func npzOperands(arrays map[string]*array, o LoadOptions) (w, x Operand, how string, err error) {
	a := arrays["operands"]
	if a == nil {
		signed := o.Signed != nil && *o.Signed
		if w, err = operandOfCount(arrays["am"].rows, signed); err != nil {
			return w, x, "", fmt.Errorf("rows of am: %w", err)
		}
		if x, err = operandOfCount(arrays["am"].cols, signed); err != nil {
			return w, x, "", fmt.Errorf("columns of am: %w", err)
		}
		how = "assumed"
		if o.Signed != nil {
			how = "as asked"
		}
		return w, x, how, nil
	}
	if a.rows != 2 || a.cols != 2 {
		return w, x, "", fmt.Errorf("operands is %d×%d, want 2×2: [[bw, sw], [bx, sx]]", a.rows, a.cols)
	}
	v, err := a.int32s()
	if err != nil {
		return w, x, "", fmt.Errorf("operands: %w", err)
	}
	for i, operand := range []*Operand{&w, &x} {
		bits, sign := v[2*i], v[2*i+1]
		if sign != 0 && sign != 1 {
			return w, x, "", fmt.Errorf("operands: sign %d, want 0 or 1", sign)
		}
		*operand = Operand{Bits: int(bits), Signed: sign == 1}
		if err := operand.Valid(); err != nil {
			return w, x, "", fmt.Errorf("operands: %w", err)
		}
		if o.Signed != nil && *o.Signed != operand.Signed {
			return w, x, "", fmt.Errorf("operands %v × %v, but signed was said to be %v", w, x, *o.Signed)
		}
	}
	return w, x, "from the file", nil
}

// npzGradient returns the gradient called name, nil if there is none.
func npzGradient(arrays map[string]*array, name string, w, x Operand) (*Gradient, error) {
	full, u, v := arrays[name], arrays[name+"_u"], arrays[name+"_v"]
	switch {
	case full == nil && u == nil && v == nil:
		return nil, nil
	case full != nil && u == nil && v == nil:
		if full.rows != w.Count() || full.cols != x.Count() {
			return nil, fmt.Errorf("%s is %d×%d, want %d×%d", name, full.rows, full.cols, w.Count(), x.Count())
		}
		g, err := full.float32s()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return NewFull(w, x, g, Float32)
	case full == nil && u != nil && v != nil:
		if u.rows != v.rows || u.cols != w.Count() || v.cols != x.Count() {
			return nil, fmt.Errorf("%s_u is %d×%d and %s_v %d×%d, want rank×%d and rank×%d", name, u.rows, u.cols, name, v.rows, v.cols, w.Count(), x.Count())
		}
		us, err := u.float32s()
		if err != nil {
			return nil, fmt.Errorf("%s_u: %w", name, err)
		}
		vs, err := v.float32s()
		if err != nil {
			return nil, fmt.Errorf("%s_v: %w", name, err)
		}
		return NewFactored(w, x, u.rows, us, vs)
	}
	return nil, fmt.Errorf("want either %s, or both %s_u and %s_v", name, name, name)
}

func writeNPZ(w io.Writer, t *Table, g Gradients) error {
	if err := checkPair(t, g); err != nil {
		return err
	}
	z := zip.NewWriter(w)
	entry := func(name string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Deflate,
			Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}) // so that equal contents are equal files
	}
	ints := func(name string, rows, cols int, v []int32) error {
		e, err := entry(name)
		if err != nil {
			return err
		}
		return writeArray(e, rows, cols, v)
	}
	floats := func(name string, rows, cols int, v []float32) error {
		e, err := entry(name)
		if err != nil {
			return err
		}
		return writeArray(e, rows, cols, v)
	}
	gradient := func(name string, g *Gradient) error {
		if g.Form() == Full {
			return floats(name, t.w.Count(), t.x.Count(), g.Values())
		}
		rank, u, v := g.Factors()
		if err := floats(name+"_u", rank, t.w.Count(), u); err != nil {
			return err
		}
		return floats(name+"_v", rank, t.x.Count(), v)
	}

	if err := ints("am", t.w.Count(), t.x.Count(), t.p); err != nil {
		return err
	}
	sign := map[bool]int32{true: 1}
	if err := ints("operands", 2, 2, []int32{int32(t.w.Bits), sign[t.w.Signed], int32(t.x.Bits), sign[t.x.Signed]}); err != nil {
		return err
	}
	if g.DW != nil {
		if err := gradient("dw", g.DW); err != nil {
			return err
		}
		if err := gradient("dx", g.DX); err != nil {
			return err
		}
	}
	return z.Close()
}

// checkPair reports gradients that are not those of t, both or neither.
func checkPair(t *Table, g Gradients) error {
	if g == (Gradients{}) {
		return nil
	}
	if g.DW == nil || g.DX == nil {
		return errors.New("gradient of one operand only, want both or neither")
	}
	for _, d := range []*Gradient{g.DW, g.DX} {
		if d.w != t.w || d.x != t.x {
			return fmt.Errorf("gradient of a %v×%v multiplier for a table of %v×%v", d.w, d.x, t.w, t.x)
		}
	}
	return nil
}
