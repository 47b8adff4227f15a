package lut_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/lut"
)

// lopsided is a multiplier that is neither square nor commutative, with AM(0,
// 0) ≠ 0 and negative products.
func lopsided(w, x lut.Operand) *lut.Table {
	return lut.New("lopsided", w, x, func(W, X int) int { return W*X ^ (1 | W&2) - 3*W })
}

func load(t *testing.T, path string, o lut.LoadOptions) *lut.Loaded {
	t.Helper()
	l, err := lut.Load(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func signed(v bool) *bool { return &v }

// sameGradient compares values, and forms and factors where both are Factored.
func sameGradient(t *testing.T, what string, got, want *lut.Gradient) {
	t.Helper()
	if got == nil || want == nil {
		if got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
		return
	}
	if got.W() != want.W() || got.X() != want.X() || got.Form() != want.Form() {
		t.Errorf("%s is %v %v×%v, want %v %v×%v", what, got.Form(), got.W(), got.X(), want.Form(), want.W(), want.X())
		return
	}
	gr, gu, gv := got.Factors()
	wr, wu, wv := want.Factors()
	if gr != wr || !slices.Equal(gu, wu) || !slices.Equal(gv, wv) || !slices.Equal(got.Values(), want.Values()) {
		t.Errorf("%s: values differ", what)
	}
}

func TestLoadPaper(t *testing.T) {
	for _, name := range append(slices.Clone(paperNames), "mul7u_rm6_c48_derived") {
		path := sharedFile(t, "mults", "paper", name, "product.npy")
		want := readPaperTable(t, name, int(name[3]-'0'))

		l := load(t, path, lut.LoadOptions{Order: "xw"})
		if l.Table.SHA256() != want.SHA256() {
			t.Errorf("%s is not the multiplier that it should be", name)
		}
		if l.Format != "npy" || !slices.Contains(l.Assumed, "sha256 "+want.SHA256()) {
			t.Errorf("%s: format %s, assumed %q", name, l.Format, l.Assumed)
		}
		// The file's own order is the transpose.
		l = load(t, path, lut.LoadOptions{})
		for i, p := range l.Table.Products() {
			n := l.Table.X().Count()
			if W, X := i/n, i%n; p != want.At(X, W) {
				t.Fatalf("%s read as wx: row %d, column %d is %d, want %d", name, W, X, p, want.At(X, W))
			}
		}
	}
}

// TestLoadMeng reads the authors' text, whose numbers the .npy files of the
// shared data hold too.
func TestLoadMeng(t *testing.T) {
	for _, tt := range []struct{ file, paper string }{
		{"mul6u_rm4_lutfp.txt", "mul6u_rm4"},
		{"mul6u_rm4_lutfp+bp_avg_2_2.txt", "mul6u_rm4"},
		{"7_7_U_SP_WT_CL_GenMul_vertical_truncation_6cols_lutfp.txt", "mul7u_rm6"},
		{"Mult_7_7_MED_45.8873_size_189_depth_25_lutfp+bp_avg_8_8.txt", "mul7u_syn1"},
	} {
		bits := int(tt.paper[3] - '0')
		n := 1 << bits
		want := readPaperTable(t, tt.paper, bits)
		path := sharedFile(t, "mults", "formats", "seed_txt", tt.file)
		l := load(t, path, lut.LoadOptions{})
		if l.Format != "meng" || l.Table.SHA256() != want.SHA256() {
			t.Errorf("%s: format %s, digest %s, want meng and %s", tt.file, l.Format, l.Table.SHA256(), want.SHA256())
		}
		if l.Table.Name() != strings.TrimSuffix(tt.file, ".txt") {
			t.Errorf("%s is named %s", tt.file, l.Table.Name())
		}
		transposed := load(t, path, lut.LoadOptions{Order: "wx"})
		if strings.Contains(tt.file, "bp") != (l.Gradients.DW != nil) {
			t.Fatalf("%s: ∂AM/∂W is %v", tt.file, l.Gradients.DW)
		}
		if l.Gradients.DW == nil {
			continue
		}
		// Row a of the files is the activation, so grad_a is ∂AM/∂X.
		gradA := readSquare[int16](t, tt.paper, "grad_a_x16", n)
		gradB := readSquare[int16](t, tt.paper, "grad_b_x16", n)
		for w := range n {
			for x := range n {
				if got, want := l.Gradients.DX.At(w, x), float32(gradA[x*n+w])/16; got != want {
					t.Fatalf("%s: ∂AM/∂X(%d, %d) = %v, want %v", tt.file, w, x, got, want)
				}
				if got, want := l.Gradients.DW.At(w, x), float32(gradB[x*n+w])/16; got != want {
					t.Fatalf("%s: ∂AM/∂W(%d, %d) = %v, want %v", tt.file, w, x, got, want)
				}
				if got, want := transposed.Gradients.DW.At(x, w), float32(gradA[x*n+w])/16; got != want {
					t.Fatalf("%s as wx: ∂AM/∂W(%d, %d) = %v, want %v", tt.file, x, w, got, want)
				}
			}
		}
		if q, scale := l.Gradients.DX.Stored(); scale != 1./16 || int(q[1]) != int(gradA[n]) {
			t.Errorf("%s: stored %d with scale %v, want %d and 1/16", tt.file, q[1], scale, gradA[n])
		}
	}
}

// TestMengSigned reads text as TRAM writes it: values printed, in the order 0 …
// max, min … −1; and the same with bit patterns for values.
func TestMengSigned(t *testing.T) {
	want := lopsided(lut.Signed(3), lut.Signed(3))
	text := func(printed func(v int) int, order []int) string {
		var b strings.Builder
		b.WriteString("LUT for approximate multiplier:\n")
		for _, x := range order {
			for _, w := range order {
				fmt.Fprintln(&b, printed(x), printed(w), want.At(w, x))
			}
		}
		return b.String()
	}
	value := func(v int) int { return v }
	pattern := func(v int) int { return v & 7 }
	tram := []int{0, 1, 2, 3, -4, -3, -2, -1}
	ascending := []int{-4, -3, -2, -1, 0, 1, 2, 3}
	for _, tt := range []struct {
		name, text string
		o          lut.LoadOptions
	}{
		{"TRAM", text(value, tram), lut.LoadOptions{}},
		{"ascending", text(value, ascending), lut.LoadOptions{Signed: signed(true), Order: "xw"}},
		{"patterns", text(pattern, tram), lut.LoadOptions{Signed: signed(true), Codes: "twos"}},
	} {
		path := filepath.Join(t.TempDir(), "tram.txt")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if l := load(t, path, tt.o); l.Table.SHA256() != want.SHA256() {
			t.Errorf("%s: weight %v × activation %v, %v; want %v", tt.name, l.Table.W(), l.Table.X(), l.Table.Products(), want.Products())
		}
	}
	// What is written has that order, too.
	path := filepath.Join(t.TempDir(), "out.txt")
	if err := lut.Save(path, "meng", want, lut.Gradients{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, table, _ := strings.Cut(string(got), "\n"); table != text(value, tram) {
		t.Errorf("written:\n%s\nwant, after a line:\n%s", got, text(value, tram))
	}
}

func TestRoundTrip(t *testing.T) {
	square := lopsided(lut.Unsigned(3), lut.Unsigned(3))
	signedSquare := lopsided(lut.Signed(3), lut.Signed(3))
	mixed := lopsided(lut.Signed(4), lut.Unsigned(2))
	for _, tt := range []struct {
		name   string
		format string
		t      *lut.Table
		g      lut.Gradients
		o      lut.LoadOptions
	}{
		{"npy", "npy", square, lut.Gradients{}, lut.LoadOptions{}},
		{"npy signed", "npy", signedSquare, lut.Gradients{}, lut.LoadOptions{Signed: signed(true)}},
		{"npy rectangular", "npy", lopsided(lut.Unsigned(4), lut.Unsigned(2)), lut.Gradients{}, lut.LoadOptions{}},
		{"npz", "npz", square, lut.Gradients{}, lut.LoadOptions{}},
		{"npz signed", "npz", signedSquare, lut.Gradients{}, lut.LoadOptions{}},
		{"npz mixed", "npz", mixed, lut.Gradients{}, lut.LoadOptions{}},
		{"npz full", "npz", mixed, lut.Gradients{DW: fullOf(mixed, lut.Float32, 1), DX: fullOf(mixed, lut.Int16, 2)}, lut.LoadOptions{}},
		{"npz factored", "npz", mixed, lut.Gradients{DW: factoredOf(mixed, 3), DX: factoredOf(mixed, 1)}, lut.LoadOptions{}},
		{"npz both forms", "npz", mixed, lut.Gradients{DW: factoredOf(mixed, 4), DX: fullOf(mixed, lut.Float32, 3)}, lut.LoadOptions{}},
		{"meng", "meng", square, lut.Gradients{}, lut.LoadOptions{}},
		{"meng gradients", "meng", square, lut.Gradients{DW: sixteenthsOf(square, 5), DX: sixteenthsOf(square, 6)}, lut.LoadOptions{}},
		{"meng signed gradients", "meng", signedSquare, lut.Gradients{DW: sixteenthsOf(signedSquare, 7), DX: sixteenthsOf(signedSquare, 8)}, lut.LoadOptions{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lopsided."+tt.format)
			if err := lut.Save(path, tt.format, tt.t, tt.g); err != nil {
				t.Fatal(err)
			}
			l := load(t, path, tt.o)
			if l.Format != tt.format || l.Table.SHA256() != tt.t.SHA256() || l.Table.Name() != "lopsided" {
				t.Errorf("format %s, %s of %v×%v, %v; want %s and %v", l.Format, l.Table.Name(), l.Table.W(), l.Table.X(), l.Table.Products(), tt.format, tt.t.Products())
			}
			sameGradient(t, "∂AM/∂W", l.Gradients.DW, tt.g.DW)
			sameGradient(t, "∂AM/∂X", l.Gradients.DX, tt.g.DX)
		})
	}
}

// someValues are n numbers with signs, fractions and a zero.
func someValues(n, seed int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32((i*37+seed*11)%101-50) / 3
	}
	return v
}

func fullOf(t *lut.Table, storage lut.Storage, seed int) *lut.Gradient {
	g, err := lut.NewFull(t.W(), t.X(), someValues(len(t.Products()), seed), storage)
	if err != nil {
		panic(err)
	}
	return g
}

func factoredOf(t *lut.Table, rank int) *lut.Gradient {
	g, err := lut.NewFactored(t.W(), t.X(), rank, someValues(rank*t.W().Count(), rank), someValues(rank*t.X().Count(), rank+1))
	if err != nil {
		panic(err)
	}
	return g
}

func sixteenthsOf(t *lut.Table, seed int) *lut.Gradient {
	var q []int16
	for _, v := range someValues(len(t.Products()), seed) {
		q = append(q, int16(v*900))
	}
	g, err := lut.NewFullInt16(t.W(), t.X(), q, 1./16)
	if err != nil {
		panic(err)
	}
	return g
}

// TestMengRounding: the text holds sixteenths, rounded to even.
func TestMengRounding(t *testing.T) {
	tab := lopsided(lut.Unsigned(2), lut.Unsigned(2))
	v := make([]float32, 16)
	v[0], v[1], v[2], v[3] = 0.5/16, 1.5/16, -2.5/16, -0.26/16
	g, err := lut.NewFull(tab.W(), tab.X(), v, lut.Float32)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "t.txt")
	if err := lut.Save(path, "meng", tab, lut.Gradients{DW: g, DX: g}); err != nil {
		t.Fatal(err)
	}
	got := load(t, path, lut.LoadOptions{}).Gradients.DW.Values()
	if want := []float32{0, 2. / 16, -2. / 16, 0}; !slices.Equal(got[:4], want) {
		t.Errorf("read %v, want %v", got[:4], want)
	}
}

// TestSaveFails: a write that fails half-way leaves the former file and nothing
// else.
func TestSaveFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "table.txt")
	if err := os.WriteFile(path, []byte("former"), 0o600); err != nil {
		t.Fatal(err)
	}
	tab := lopsided(lut.Unsigned(3), lut.Unsigned(3))
	steep := someValues(64, 1)
	steep[63] = 1e6 // fails after most of the file is written
	g, err := lut.NewFull(tab.W(), tab.X(), steep, lut.Float32)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		format string
		t      *lut.Table
		g      lut.Gradients
		want   string
	}{
		{"meng", tab, lut.Gradients{DW: g, DX: g}, "gradient 1e+06 at W = 7, X = 7"},
		{"meng", lopsided(lut.Unsigned(3), lut.Unsigned(2)), lut.Gradients{}, "square"},
		{"meng", tab, lut.Gradients{DW: g}, "one operand only"},
		{"npz", tab, lut.Gradients{DX: g}, "one operand only"},
		{"npz", lopsided(lut.Unsigned(2), lut.Unsigned(3)), lut.Gradients{DX: g, DW: g}, "gradient of a 3u×3u"},
		{"npy", tab, lut.Gradients{DW: g, DX: g}, "products only"},
		{"np", tab, lut.Gradients{}, "did you mean npy?"},
	} {
		err := lut.Save(path, tt.format, tt.t, tt.g)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.format, err, tt.want)
		}
	}
	if err := lut.Save(filepath.Join(folder, "none", "t.npy"), "npy", tab, lut.Gradients{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder that is not there: %v", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "former" || len(left) != 1 {
		t.Errorf("%q and %v are left (%v), want the former file alone", text, left, err)
	}
	// One that does not fail takes its place.
	if err := lut.Save(path, "meng", tab, lut.Gradients{}); err != nil {
		t.Fatal(err)
	}
	if l := load(t, path, lut.LoadOptions{}); l.Table.SHA256() != tab.SHA256() {
		t.Error("the file that took its place holds another table")
	}
}

func TestLoadErrors(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty, noise := file("empty", ""), file("noise.bin", "\x00\x01\x02")
	for _, tt := range []struct {
		name string
		o    lut.LoadOptions
		want string
	}{
		{empty, lut.LoadOptions{}, "empty file"},
		{noise, lut.LoadOptions{}, "format not recognised, name it (npy, npz, meng"},
		{noise, lut.LoadOptions{From: "mengg"}, "did you mean meng?"},
		{noise, lut.LoadOptions{From: "npy"}, "truncated"},
		{noise, lut.LoadOptions{From: "npy", Top: "mul"}, "top and cells are for netlists"},
		{noise, lut.LoadOptions{From: "npy", Cells: "cells.v"}, "top and cells are for netlists"},
		{noise, lut.LoadOptions{Order: "wxy"}, `order "wxy", want wx or xw`},
		{noise, lut.LoadOptions{Codes: "two"}, `codes "two", want ascending or twos`},
		{folder, lut.LoadOptions{}, "is a folder"},
		{"mitchel", lut.LoadOptions{}, "did you mean mitchell?"},
		{filepath.Join(folder, "none.npy"), lut.LoadOptions{}, "no such file"},
		{"trunc:8u,cols=8", lut.LoadOptions{Order: "xw"}, "a spec takes no"},
		{"trunc:8u,cols=80", lut.LoadOptions{}, "cols=80"},
	} {
		_, err := lut.Resolve(tt.name, tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %+v: %v, want %q", tt.name, tt.o, err, tt.want)
		}
		if err != nil && strings.Count(err.Error(), "lut:") != 1 {
			t.Errorf("%s: %v, want the package named once", tt.name, err)
		}
	}
	if _, err := lut.Load("mitchel", lut.LoadOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	var fault *lut.FormatError
	if _, err := lut.Load(noise, lut.LoadOptions{From: "npy"}); !errors.As(err, &fault) || fault.Path != noise {
		t.Errorf("%v is not a FormatError with the path", err)
	}
}

func TestResolveSpec(t *testing.T) {
	l, err := lut.Resolve("drum:8ux4u,k=3", lut.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Format != "spec" || l.Table.Name() != "drum:8ux4u,k=3" || !slices.Contains(l.Assumed, "sha256 "+l.Table.SHA256()) {
		t.Errorf("format %s, name %s, assumed %q", l.Format, l.Table.Name(), l.Assumed)
	}
}

// TestRegisterFormat adds a format as a package outside does.
func TestRegisterFormat(t *testing.T) {
	want := lopsided(lut.Unsigned(2), lut.Unsigned(2))
	lut.RegisterFormat(lut.Format{
		Name:   "shout",
		Detect: func(path string, head []byte) bool { return bytes.HasPrefix(head, []byte("SHOUT")) },
		Read: func(r io.Reader, path string, o lut.LoadOptions) (*lut.Loaded, error) {
			text, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			if len(text) != lut.HeadSize+1 {
				return nil, &lut.FormatError{Line: 7, Err: fmt.Errorf("%d bytes", len(text))}
			}
			return &lut.Loaded{Table: want}, nil
		},
	})
	path := filepath.Join(t.TempDir(), "a.shout")
	for size, fault := range map[int]string{lut.HeadSize + 1: "", 5: path + ":7: 5 bytes"} {
		if err := os.WriteFile(path, append([]byte("SHOUT"), make([]byte, size-5)...), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := lut.Load(path, lut.LoadOptions{})
		switch {
		case fault == "" && (err != nil || l.Format != "shout" || l.Table.SHA256() != want.SHA256()):
			t.Errorf("%d bytes: %v", size, err)
		case fault != "" && (err == nil || !strings.Contains(err.Error(), fault)):
			t.Errorf("%d bytes: %v, want %q", size, err, fault)
		}
	}
	if err := lut.Save(path, "shout", want, lut.Gradients{}); err == nil || !strings.Contains(err.Error(), "cannot be written") && !strings.Contains(err.Error(), "not written") {
		t.Errorf("a format without Write: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second format of the name did not panic")
		}
	}()
	lut.RegisterFormat(lut.Format{Name: "npy", Detect: func(string, []byte) bool { return false },
		Read: func(io.Reader, string, lut.LoadOptions) (*lut.Loaded, error) { return nil, nil }})
}
