package lut_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/lut"
)

// save writes t to a new file of the given name.
func save(t *testing.T, name, format string, tab *lut.Table) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := lut.Save(path, format, tab, lut.Gradients{}); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// place returns where value v of an operand of n values lies in two's-complement
// order.
func place(v, n int) int { return v & (n - 1) }

// TestTFApprox: the samples hold the tables beside them, and come back byte for
// byte.
func TestTFApprox(t *testing.T) {
	for _, name := range []string{"mul8u_17KS", "mul8u_18DU", "mul8u_1JFF", "mul8u_2AC", "mul8u_L40"} {
		path := sharedFile(t, "mults", "formats", "tfapprox", name+".bin")
		want := load(t, sharedFile(t, "mults", "formats", "tfapprox", name+"_rowA.npy"), lut.LoadOptions{}).Table
		l := load(t, path, lut.LoadOptions{})
		if l.Format != "tfapprox" || l.Table.SHA256() != want.SHA256() || l.Table.Name() != name {
			t.Errorf("%s: format %s, name %s, digest %s, want %s", name, l.Format, l.Table.Name(), l.Table.SHA256(), want.SHA256())
		}
		if !strings.HasPrefix(l.Assumed[0], "operand order xw (assumed)") {
			t.Errorf("%s: assumed %q", name, l.Assumed)
		}
		asFile := load(t, sharedFile(t, "mults", "formats", "tfapprox", name+"_asfile.npy"), lut.LoadOptions{}).Table
		if got := load(t, path, lut.LoadOptions{Order: "wx"}).Table; got.SHA256() != asFile.SHA256() {
			t.Errorf("%s as wx: digest %s, want %s", name, got.SHA256(), asFile.SHA256())
		}
		if !slices.Equal(readFile(t, save(t, "back.bin", "tfapprox", l.Table)), readFile(t, path)) {
			t.Errorf("%s: other bytes when written again", name)
		}
	}
}

// TestTFApproxSigned: signed operands and products are two's-complement.
func TestTFApproxSigned(t *testing.T) {
	want := lopsided(lut.Signed(8), lut.Signed(8))
	path := save(t, "lopsided.bin", "tfapprox", want)
	data := readFile(t, path)
	for _, v := range [][2]int{{0, 0}, {-1, 3}, {127, -128}, {-128, -1}} {
		W, X := v[0], v[1]
		at := 2 * (place(X, 256)<<8 | place(W, 256))
		if got := int16(binary.LittleEndian.Uint16(data[at:])); int32(got) != want.At(W, X) {
			t.Errorf("AM(%d, %d) is written as %d, want %d", W, X, got, want.At(W, X))
		}
	}
	if l := load(t, path, lut.LoadOptions{Signed: signed(true)}); l.Table.SHA256() != want.SHA256() {
		t.Error("another table when read again")
	}
	ascending := load(t, path, lut.LoadOptions{Signed: signed(true), Codes: "ascending"})
	if got := ascending.Table.At(-128, -128); got != want.At(0, 0) {
		t.Errorf("ascending: AM(-128, -128) = %d, want what stands first, %d", got, want.At(0, 0))
	}
}

func TestAdapt(t *testing.T) {
	for _, name := range []string{"mul8s_1L2H", "mul8s_acc"} {
		path := sharedFile(t, "mults", "formats", "adapt", name+".h")
		npy := sharedFile(t, "mults", "formats", "adapt", name+".npy")
		want := load(t, npy, lut.LoadOptions{Signed: signed(true), Codes: "twos"}).Table
		l := load(t, path, lut.LoadOptions{})
		if l.Format != "adapt" || l.Table.SHA256() != want.SHA256() || l.Table.W() != lut.Signed(8) {
			t.Errorf("%s: format %s, weight %v, digest %s, want %s", name, l.Format, l.Table.W(), l.Table.SHA256(), want.SHA256())
		}
		if !slices.Equal(readFile(t, save(t, "back.h", "adapt", l.Table)), readFile(t, path)) {
			t.Errorf("%s: other bytes when written again", name)
		}
	}
}

// TestTransAxx puts an AdaPT table between the lines with which TransAxx wraps
// its own.
func TestTransAxx(t *testing.T) {
	wrap := string(readFile(t, sharedFile(t, "mults", "formats", "adapt", "transaxx_prologue_epilogue.txt")))
	prologue, epilogue, ok := strings.Cut(wrap, " ... ")
	if !ok {
		t.Fatalf("no place for a table in %q", wrap)
	}
	path := sharedFile(t, "mults", "formats", "adapt", "mul8s_acc.h")
	text := string(readFile(t, path))
	rows := strings.TrimSuffix(text[strings.Index(text, "{{")+1:], "}};\n") // the epilogue closes both
	wrapped := filepath.Join(t.TempDir(), "mul8s_acc.h")
	if err := os.WriteFile(wrapped, []byte(prologue+rows+epilogue), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := load(t, wrapped, lut.LoadOptions{}), load(t, path, lut.LoadOptions{}); got.Format != "adapt" || got.Table.SHA256() != want.Table.SHA256() {
		t.Errorf("format %s, another table", got.Format)
	}
}

// adaptHeader writes want as AdaPT does, after a declaration.
func adaptHeader(declaration string, want *lut.Table) string {
	var b strings.Builder
	b.WriteString(declaration + " = {")
	n := want.W().Count()
	for i := range n {
		b.WriteString("{")
		for j := range want.X().Count() {
			W, X := i, j
			if want.W().Signed {
				W, X = int(int8(i<<(8-want.W().Bits)))>>(8-want.W().Bits), int(int8(j<<(8-want.X().Bits)))>>(8-want.X().Bits)
			}
			fmt.Fprintf(&b, "%d, ", want.At(W, X))
		}
		b.WriteString("},\n")
	}
	return b.String() + "};"
}

// TestAdaptForms reads what other generators of such headers write.
func TestAdaptForms(t *testing.T) {
	s := lopsided(lut.Signed(2), lut.Signed(3))
	u := lut.New("squares", lut.Unsigned(3), lut.Unsigned(3), func(W, X int) int { return W * W * X })
	for _, tt := range []struct {
		declaration string
		want        *lut.Table
		o           lut.LoadOptions
	}{
		{"const int16_t lut[4][8]", s, lut.LoadOptions{}},
		{"#pragma once\nstatic const signed short int\n\tlut[4] [8]", s, lut.LoadOptions{}},
		{"// a table\n/* of\nint x[2][2] = {1} */ constexpr __device__ int t [4][8]", s, lut.LoadOptions{Signed: signed(true)}},
		{"#define A \\\n  B\nint32_t lut[4][8]", s, lut.LoadOptions{Codes: "twos"}},
		{"unsigned short lut[8][8]", u, lut.LoadOptions{}},
		{"uint16_t lut[8][8]", u, lut.LoadOptions{Signed: signed(false)}},
		{"unsigned lut[8][8]", u, lut.LoadOptions{Order: "wx"}},
	} {
		path := filepath.Join(t.TempDir(), "lopsided.h")
		if err := os.WriteFile(path, []byte(adaptHeader(tt.declaration, tt.want)), 0o600); err != nil {
			t.Fatal(err)
		}
		if l := load(t, path, tt.o); l.Format != "adapt" || l.Table.SHA256() != tt.want.SHA256() {
			t.Errorf("%q: weight %v × activation %v, %v; want %v", tt.declaration, l.Table.W(), l.Table.X(), l.Table.Products(), tt.want.Products())
		}
	}
}

// TestApproxTorch writes tables as that tool's numpy.loadtxt reads them, by
// hand, and compares.
func TestApproxTorch(t *testing.T) {
	for _, want := range []*lut.Table{
		lopsided(lut.Signed(8), lut.Signed(8)),
		lopsided(lut.Signed(4), lut.Signed(4)),
		lut.New("squares", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return W*X + W }),
	} {
		var text strings.Builder
		x, w := want.X(), want.W()
		for X := x.Min(); X <= x.Max(); X++ { // the first index is the activation
			for W := w.Min(); W <= w.Max(); W++ {
				separator := "\t"
				if W == w.Max() {
					separator = "\n"
				}
				fmt.Fprintf(&text, "%d%s", want.At(W, X), separator)
			}
		}
		path := save(t, "t.txt", "approxtorch", want)
		if got := string(readFile(t, path)); got != text.String() {
			t.Errorf("%v: written\n%.100s\nwant\n%.100s", w, got, text.String())
		}
		loose := filepath.Join(t.TempDir(), "loose.txt")
		if err := os.WriteFile(loose, []byte("# a comment\n\n"+strings.ReplaceAll(text.String(), "\t", "  ")), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{path, loose} {
			if l := load(t, path, lut.LoadOptions{}); l.Format != "approxtorch" || l.Table.SHA256() != want.SHA256() {
				t.Errorf("%s: format %s, weight %v, another table", path, l.Format, l.Table.W())
			}
		}
	}
}

// TestBytes32 writes tables as torch-approx holds them.
func TestBytes32(t *testing.T) {
	for _, want := range []*lut.Table{
		lopsided(lut.Signed(8), lut.Signed(8)),
		lut.New("squares", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return W*X + W }),
	} {
		var raw []byte
		for i := range 256 {
			for j := range 256 {
				W, X := i, j
				if want.W().Signed {
					W, X = int(int8(i)), int(int8(j))
				}
				raw = binary.LittleEndian.AppendUint32(raw, uint32(want.At(W, X)))
			}
		}
		bin := filepath.Join(t.TempDir(), "t.bin")
		if err := os.WriteFile(bin, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		npy := save(t, "t.npy", "bytes32", want)
		if got := readFile(t, npy); !slices.Equal(got[len(got)-len(raw):], raw) {
			t.Errorf("%v: other elements are written", want.W())
		}
		for path, from := range map[string]string{bin: "", npy: "bytes32"} {
			l := load(t, path, lut.LoadOptions{From: from, Order: "wx"})
			if l.Format != "bytes32" || l.Table.SHA256() != want.SHA256() {
				t.Errorf("%s: format %s, weight %v, another table", path, l.Format, l.Table.W())
			}
			l = load(t, path, lut.LoadOptions{From: from, Order: "xw"})
			if W, X := 3, 5; l.Table.At(X, W) != want.At(W, X) {
				t.Errorf("%s as xw: AM(%d, %d) = %d, want %d", path, X, W, l.Table.At(X, W), want.At(W, X))
			}
			if _, err := lut.Load(path, lut.LoadOptions{From: from}); err == nil || !strings.Contains(err.Error(), "give the order") {
				t.Errorf("%s without an order: %v", path, err)
			}
		}
	}
}

// TestApproxTrain reads the samples, and compares significands with the arrays
// beside them.
func TestApproxTrain(t *testing.T) {
	for _, name := range []string{"ACC_7", "MBM_1", "MBM_3", "MBM_5", "MBM_7", "MIT_1", "MIT_3", "MIT_5", "MIT_7"} {
		path := sharedFile(t, "mults", "formats", "approxtrain", name+".bin")
		m, err := lut.LoadMantissa(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 1 << m.Bits()
		if m.Name() != name || fmt.Sprint(m.Bits()) != name[4:] {
			t.Errorf("%s: %s of %d bits", path, m.Name(), m.Bits())
		}
		// NumPy pads the header of these arrays to 128 bytes.
		want := readFile(t, sharedFile(t, "mults", "formats", "approxtrain", name+"_significand_i32.npy"))[128:]
		for a := range n {
			for b := range n {
				if got, want := m.Significand(a, b), int(binary.LittleEndian.Uint32(want[4*(a*n+b):])); got != want {
					t.Fatalf("%s: significand(%d, %d) = %d, want %d", name, a, b, got, want)
				}
			}
		}
		s := m.Metrics()
		switch name {
		case "ACC_7": // exact, cut off
			if s.ER != 0 || s.WCRE >= 1./128 || s.RelBias != -s.MRED {
				t.Errorf("%s: %+v", name, s)
			}
		case "MIT_7": // Mitchell, whose error is at most 1/9 and never positive
			if math.Abs(s.WCRE-1./9) > 1e-3 || s.RelBias != -s.MRED || math.Abs(s.MRED-0.0385) > 1e-4 {
				t.Errorf("%s: %+v", name, s)
			}
		}

		_, err = lut.Load(path, lut.LoadOptions{})
		var fault *lut.FormatError
		if !errors.Is(err, lut.ErrFloatingPoint) || !errors.As(err, &fault) || fault.Path != path {
			t.Errorf("%s as a table: %v", name, err)
		}
	}
}

// TestMantissa works out 1.5 × 1.5 = 2.25 by hand, with one bit: cut off, 2.
func TestMantissa(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ACC_1.bin")
	exact := []byte{0x00, 0x01, 0x01, 0x80}
	if err := os.WriteFile(path, exact, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := lut.LoadMantissa(path)
	if err != nil {
		t.Fatal(err)
	}
	want := lut.MantissaMetrics{ER: 0, MRED: (2.25 - 2) / 2.25 / 4, WCRE: (2.25 - 2) / 2.25, RelBias: -(2.25 - 2) / 2.25 / 4}
	if got := m.Metrics(); got != want || !m.Commutative() || m.Significand(1, 1) != 4 {
		t.Errorf("metrics %+v, want %+v; commutative %v, 1.5 × 1.5 = %d/2", got, want, m.Commutative(), m.Significand(1, 1))
	}
	if got, want := m.SHA256(), fmt.Sprintf("%x", sha256.Sum256([]byte{1, 0x00, 0x01, 0x01, 0x80})); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	exact[1] = 0x81 // 1 × 1.5 = 3
	if err := os.WriteFile(path, exact, 0o600); err != nil {
		t.Fatal(err)
	}
	if m, err = lut.LoadMantissa(path); err != nil || m.Commutative() || m.Metrics().WCRE != 1 {
		t.Errorf("1 × 1.5 = 3 is commutative: %v, %v", m.Commutative(), err)
	}
}

func TestToolErrors(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	row := strings.Repeat("1 ", 4) + "\n"
	for _, tt := range []struct {
		from, content string
		line          int
		want          string
	}{
		{"tfapprox", strings.Repeat("a", 131071), 0, "131071 bytes, want 131072"},
		{"tfapprox", strings.Repeat("a", 131073), 0, "more than 131072 bytes, want 131072"},
		{"bytes32", strings.Repeat("a", 65), 0, "65 bytes, want a .npy file or products of four bytes"},
		{"bytes32", strings.Repeat("a", 262145), 0, "more than 262144 bytes"},
		{"approxtrain", "abcde", 0, "5 bytes, want 4^M"},
		{"approxtrain", "\x00\x01\x02\x00", 0, "product 0x02 at a = 1, b = 0"},
		{"approxtrain", strings.Repeat("a", 16385), 0, "more than 16384 bytes"},
		{"approxtorch", row + row + "1 2 3\n", 3, "row of 3 products, want 4"},
		{"approxtorch", row + "1 2 x 4\n", 2, `"x", want an integer`},
		{"approxtorch", row + "1 2 99999999999 4\n", 2, "fits an int32"},
		{"approxtorch", row + row + row, 0, "rows: axis of 3 values"},
		{"approxtorch", strings.Repeat("1 ", 257), 1, "row of 257 products, want at most 256"},
		{"approxtorch", strings.Repeat(row, 257), 257, "more than 256 rows"},
		{"approxtorch", row + strings.Repeat("1", 1<<17), 2, "line of more than"},
		{"approxtorch", "# nothing\n", 0, "axis of 0 values"},
		{"adapt", "", 1, "end of file, want the declaration of an array"},
		{"adapt", "/* no end\n", 1, "comment without end"},
		{"adapt", "lut[4][4] = {", 1, `"lut", want a type and a name`},
		{"adapt", "\nfloat lut[4][4] = {", 2, `elements of type "float"`},
		{"adapt", "int lut[N][4] = {", 1, `"N", want the size of the array as a number`},
		{"adapt", "int lut[4096][4096] = {", 1, "axis of 4096 values"},
		{"adapt", "int lut[4] = {", 1, `"=", want "["`},
		{"adapt", "int lut[4][4] = {\n{1, 2, 3},", 2, `row 0 of 4: "}" after 3 products, want 4`},
		{"adapt", "int lut[4][4] = {\n{1, 2, 3, 4, 5},", 2, `row 0 of 4: "5" after 4 products, want 4`},
		{"adapt", "int lut[4][4] = {\n{1, 2, 3 4},", 2, `"4" after 3 products`},
		{"adapt", "int lut[4][4] = {\n{1, 2, a, 4},", 2, `"a", want a decimal integer`},
		{"adapt", "short lut[4][4] = {\n{1, 2,\n40000, 4},", 3, "product 40000 outside [-32768, 32767]"},
		{"adapt", "int lut[4][4] = {{1,2,3,4},{1,2,3,4},\n{1,2,3,4}};", 2, `"}" after row 2 of 4, want ","`},
		{"adapt", "int lut[4][4] = {" + strings.Repeat("{1,2,3,4},", 5) + "};", 1, `"{" after row 3 of 4, want "}"`},
		{"adapt", "int lut[4][4] = {" + strings.Repeat("{1,2,3,4},", 4) + "};\nint b[4][4] = {", 2, `"int" after the array`},
		{"adapt", "int lut[4][4] = {" + strings.Repeat("{1,2,3,4},", 4) + "}", 1, `end of file, want ";"`},
		{"adapt", strings.Repeat(" ", 5<<20), 0, "more than 4194304 bytes"},
	} {
		path := file("fault", tt.content)
		_, err := lut.Load(path, lut.LoadOptions{From: tt.from, Order: "wx"})
		if tt.content == "" {
			path = file("fault", "\n")
			_, err = lut.Load(path, lut.LoadOptions{From: tt.from})
			tt.line++
		}
		var fault *lut.FormatError
		if !errors.As(err, &fault) || fault.Path != path || fault.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %.40q: %v, want line %d and %q", tt.from, tt.content, err, tt.line, tt.want)
		}
		if err != nil && strings.Count(err.Error(), "lut:") != 1 {
			t.Errorf("%v, want the package named once", err)
		}
	}
	if _, err := lut.LoadMantissa(filepath.Join(folder, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestToolSaveErrors: what a format cannot say is refused.
func TestToolSaveErrors(t *testing.T) {
	square := lopsided(lut.Unsigned(8), lut.Unsigned(8))
	for _, tt := range []struct {
		format string
		t      *lut.Table
		g      lut.Gradients
		want   string
	}{
		{"tfapprox", square, lut.Gradients{}, "product -"},
		{"tfapprox", lopsided(lut.Unsigned(7), lut.Unsigned(7)), lut.Gradients{}, "holds 8×8 bits, not weight 7u"},
		{"tfapprox", lut.New("large", lut.Signed(8), lut.Signed(8), func(W, X int) int { return 32768 }), lut.Gradients{}, "product 32768 outside [-32768, 32767]"},
		{"adapt", lopsided(lut.Signed(8), lut.Unsigned(8)), lut.Gradients{}, "one sign for both operands"},
		{"approxtorch", square, lut.Gradients{DW: fullOf(square, lut.Float32, 1), DX: fullOf(square, lut.Float32, 1)}, "products only"},
		{"bytes32", lopsided(lut.Signed(8), lut.Unsigned(4)), lut.Gradients{}, "one sign for both operands"},
		{"approxtrain", square, lut.Gradients{}, "can be read but not written"},
	} {
		err := lut.Save(filepath.Join(t.TempDir(), "t"), tt.format, tt.t, tt.g)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.format, err, tt.want)
		}
	}
}

// TestDetect: a file is taken for what it is, whatever the others would say.
func TestDetect(t *testing.T) {
	small := lopsided(lut.Signed(4), lut.Signed(4))
	for name, format := range map[string]string{"t.npy": "npy", "t.npz": "npz", "t.txt": "meng", "a.txt": "approxtorch", "t.h": "adapt"} {
		l := load(t, save(t, name, format, small), lut.LoadOptions{})
		if l.Format != format {
			t.Errorf("%s of format %s is taken for %s", name, format, l.Format)
		}
	}
}
