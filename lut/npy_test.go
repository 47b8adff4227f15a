package lut_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sbinet/npyio"

	"gputrain/lut"
)

// npyFile puts a .npy file together by hand.
func npyFile(major byte, dict string, data any, order binary.ByteOrder) []byte {
	b := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dict)))
	}
	b = append(b, dict...)
	b, err := binary.Append(b, order, data)
	if err != nil {
		panic(err)
	}
	return b
}

func dict(descr, fortran, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }   \n", descr, fortran, shape)
}

// loadBytes loads a file with the given content.
func loadBytes(t testing.TB, content []byte, o lut.LoadOptions) (*lut.Loaded, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return lut.Load(path, o)
}

// TestNPYVariants reads every integer type, byte order, element order and code
// order. The table has 8 weights and 4 activations, products below 2⁷ in size.
func TestNPYVariants(t *testing.T) {
	w, x := lut.Unsigned(3), lut.Unsigned(2)
	am := func(W, X int) int { return W*X ^ (1 | W&2) }
	want := lut.New("file", w, x, am)
	ws, xs := lut.Signed(3), lut.Signed(2)
	wantSigned := lut.New("file", ws, xs, am)

	for _, tt := range []struct {
		descr string
		order binary.ByteOrder
		data  func(v []int) any
	}{
		{"|i1", binary.LittleEndian, func(v []int) any { return convert[int8](v) }},
		{"|u1", binary.LittleEndian, func(v []int) any { return convert[uint8](v) }},
		{"<i2", binary.LittleEndian, func(v []int) any { return convert[int16](v) }},
		{">i2", binary.BigEndian, func(v []int) any { return convert[int16](v) }},
		{"<u2", binary.LittleEndian, func(v []int) any { return convert[uint16](v) }},
		{">u2", binary.BigEndian, func(v []int) any { return convert[uint16](v) }},
		{"<i4", binary.LittleEndian, func(v []int) any { return convert[int32](v) }},
		{">i4", binary.BigEndian, func(v []int) any { return convert[int32](v) }},
		{"=u4", binary.LittleEndian, func(v []int) any { return convert[uint32](v) }},
		{">u4", binary.BigEndian, func(v []int) any { return convert[uint32](v) }},
		{"<i8", binary.LittleEndian, func(v []int) any { return convert[int64](v) }},
		{">i8", binary.BigEndian, func(v []int) any { return convert[int64](v) }},
		{"u8", binary.LittleEndian, func(v []int) any { return convert[uint64](v) }},
		{">u8", binary.BigEndian, func(v []int) any { return convert[uint64](v) }},
	} {
		for _, fortran := range []string{"False", "True"} {
			for _, major := range []byte{1, 2, 3} {
				for _, order := range []string{"wx", "xw"} {
					rows, cols := w.Count(), x.Count()
					if order == "xw" {
						rows, cols = cols, rows
					}
					file := func(at func(first, second int) int) []byte {
						v := make([]int, rows*cols)
						for i := range rows {
							for j := range cols {
								k := i*cols + j
								if fortran == "True" {
									k = j*rows + i
								}
								if order == "xw" {
									v[k] = at(j, i)
								} else {
									v[k] = at(i, j)
								}
							}
						}
						return npyFile(major, dict(tt.descr, fortran, fmt.Sprintf("(%d, %d)", rows, cols)), tt.data(v), tt.order)
					}
					check := func(what string, content []byte, o lut.LoadOptions, want *lut.Table) {
						t.Helper()
						o.Order = order
						l, err := loadBytes(t, content, o)
						if err != nil {
							t.Errorf("%s %s %s v%d %s: %v", what, tt.descr, fortran, major, order, err)
						} else if l.Table.SHA256() != want.SHA256() {
							t.Errorf("%s %s %s v%d %s: %v, want %v", what, tt.descr, fortran, major, order, l.Table.Products(), want.Products())
						}
					}
					check("unsigned", file(am), lut.LoadOptions{}, want)
					if !strings.Contains(tt.descr, "i") {
						continue
					}
					check("ascending", file(func(i, j int) int { return am(i-4, j-2) }), lut.LoadOptions{Signed: signed(true)}, wantSigned)
					check("twos", file(func(i, j int) int { return am((i^4)-4, (j^2)-2) }), lut.LoadOptions{Signed: signed(true), Codes: "twos"}, wantSigned)
				}
			}
		}
	}
}

func convert[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](v []int) []T {
	out := make([]T, len(v))
	for i := range v {
		out[i] = T(v[i])
	}
	return out
}

// TestNPYOtherReader has another package read what Save writes.
func TestNPYOtherReader(t *testing.T) {
	tab := lopsided(lut.Unsigned(4), lut.Signed(3))
	path := filepath.Join(t.TempDir(), "t.npy")
	if err := lut.Save(path, "npy", tab, lut.Gradients{}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := npyio.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Header.Descr; d.Type != "<i4" || d.Fortran || fmt.Sprint(d.Shape) != "[16 8]" {
		t.Errorf("header %+v", d)
	}
	var got []int32
	if err := r.Read(&got); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(tab.Products()) {
		t.Errorf("%v, want %v", got, tab.Products())
	}
	if info, err := f.Stat(); err != nil || (info.Size()-4*16*8)%64 != 0 {
		t.Errorf("%v: the elements do not start at a multiple of 64 (%v)", info.Size(), err)
	}
}

func TestNPYErrors(t *testing.T) {
	ok := func(s string) []byte { return npyFile(1, s, make([]int32, 16), binary.LittleEndian) }
	plain := dict("<i4", "False", "(4, 4)")
	for _, tt := range []struct {
		name string
		file []byte
		o    lut.LoadOptions
		want string // "" for a file that is accepted
	}{
		{"plain", ok(plain), lut.LoadOptions{}, ""},
		{"reordered", ok("{'shape': (4, 4), 'descr': '<i4', 'fortran_order': False}"), lut.LoadOptions{}, ""},
		{"other quotes, no space", ok(`{"descr":"<i4","fortran_order":False,"shape":(4,4)}`), lut.LoadOptions{}, ""},
		{"Python 2", ok("{'descr': '<i4', 'fortran_order': False, 'shape': (4L, 4L), }"), lut.LoadOptions{}, ""},
		{"truncated data", ok(plain)[:100], lut.LoadOptions{}, "truncated: "},
		{"truncated by one", ok(plain)[:len(ok(plain))-1], lut.LoadOptions{}, "63 bytes of elements, want 64"},
		{"truncated header", ok(plain)[:30], lut.LoadOptions{}, "bytes of header"},
		{"truncated length", ok(plain)[:9], lut.LoadOptions{}, "no header length"},
		{"oversized", append(ok(plain), 0), lut.LoadOptions{}, "bytes after the 4×4 array"},
		{"twice", ok("{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (4, 4)}"), lut.LoadOptions{}, `"descr" is given twice`},
		{"missing", ok("{'descr': '<i4', 'shape': (4, 4)}"), lut.LoadOptions{}, `"fortran_order" is missing`},
		{"unknown", ok("{'descr': '<i4', 'fortran_order': False, 'shape': (4, 4), 'order': 'C'}"), lut.LoadOptions{}, `unknown key "order"`},
		{"no dict", ok("[4, 4]"), lut.LoadOptions{}, `want '{'`},
		{"rest", ok(plain[:len(plain)-2] + "}"), lut.LoadOptions{}, "after the dict"},
		{"no end", ok("{'descr': '<i4', 'fortran_order': False, 'shape': (4, 4)"), lut.LoadOptions{}, `want '}'`},
		{"structured", ok("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (4, 4)}"), lut.LoadOptions{}, "want a string"},
		{"no boolean", ok("{'descr': '<i4', 'fortran_order': 0, 'shape': (4, 4)}"), lut.LoadOptions{}, "want True or False"},
		{"float", npyFile(1, dict("<f4", "False", "(4, 4)"), make([]float32, 16), binary.LittleEndian), lut.LoadOptions{}, "floats of 4 bytes, want integers"},
		{"bool", ok(dict("|b1", "False", "(4, 4)")), lut.LoadOptions{}, `type "|b1"`},
		{"object", ok(dict("|O", "False", "(4, 4)")), lut.LoadOptions{}, `type "|O"`},
		{"1-D", ok(dict("<i4", "False", "(16,)")), lut.LoadOptions{}, "array of 1 dimensions, want 2"},
		{"0-D", ok(dict("<i4", "False", "()")), lut.LoadOptions{}, "array of 0 dimensions, want 2"},
		{"negative", ok(dict("<i4", "False", "(-4, 4)")), lut.LoadOptions{}, "want a size"},
		{"5×4", npyFile(1, dict("<i4", "False", "(5, 4)"), make([]int32, 20), binary.LittleEndian), lut.LoadOptions{}, "rows: axis of 5 values, want one of [4 8 16"},
		{"4×0", npyFile(1, dict("<i4", "False", "(4, 0)"), []int32{}, binary.LittleEndian), lut.LoadOptions{}, "columns: axis of 0 values"},
		{"huge", ok(dict("<i8", "False", "(4294967296, 4294967296)")), lut.LoadOptions{}, "4294967296×4294967296 elements"},
		{"huger", ok(dict("<i8", "False", "(99999999999999999999, 4)")), lut.LoadOptions{}, "want a size"},
		{"wide", ok(dict("<i8", "False", "(512, 256)")), lut.LoadOptions{}, "at most 256×256"},
		{"many dimensions", ok(dict("<i8", "False", "("+strings.Repeat("1,", 100)+")")), lut.LoadOptions{}, "more than 32 dimensions"},
		{"version", append([]byte("\x93NUMPY\x04\x00"), ok(plain)[8:]...), lut.LoadOptions{}, "version 4.0"},
		{"long header", npyFile(2, plain+strings.Repeat(" ", 1<<16), []int32{}, binary.LittleEndian), lut.LoadOptions{}, "header of 65"},
		{"too large", npyFile(1, dict("<i8", "False", "(4, 4)"), []int64{0, 0, 0, 0, 1 << 31, 15: 0}, binary.LittleEndian), lut.LoadOptions{}, "element [1, 0] = 2147483648 does not fit"},
		{"too small", npyFile(1, dict("<i8", "False", "(4, 4)"), []int64{-1<<31 - 1, 15: 0}, binary.LittleEndian), lut.LoadOptions{}, "element [0, 0] = -2147483649 does not fit"},
		{"too large unsigned", npyFile(1, dict("<u8", "False", "(4, 4)"), []uint64{0, math.MaxUint64, 15: 0}, binary.LittleEndian), lut.LoadOptions{}, "element [0, 1] = 18446744073709551615 does not fit"},
		{"unsigned twos", ok(plain), lut.LoadOptions{Codes: "twos"}, "codes twos without signed"},
	} {
		_, err := loadBytes(t, tt.file, tt.o)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// An entry is a file in an archive.
type entry struct {
	name string
	data []byte
}

func archive(entries ...entry) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.Create(e.name)
		if err != nil {
			panic(err)
		}
		if _, err := w.Write(e.data); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func ints(rows, cols int, v ...int32) []byte {
	if v == nil {
		v = make([]int32, rows*cols)
	}
	return npyFile(1, dict("<i4", "False", fmt.Sprintf("(%d, %d)", rows, cols)), v, binary.LittleEndian)
}

func floats(rows, cols int, v ...float32) []byte {
	if v == nil {
		v = make([]float32, rows*cols)
	}
	return npyFile(1, dict("<f4", "False", fmt.Sprintf("(%d, %d)", rows, cols)), v, binary.LittleEndian)
}

func TestNPZErrors(t *testing.T) {
	am := entry{"am.npy", ints(4, 8)}
	operands := entry{"operands.npy", ints(2, 2, 2, 1, 3, 0)}
	yes, no := signed(true), signed(false)
	for _, tt := range []struct {
		name string
		file []byte
		o    lut.LoadOptions
		want string
	}{
		{"products alone", archive(am), lut.LoadOptions{}, ""},
		{"products alone, order", archive(am), lut.LoadOptions{Order: "xw", Signed: yes, Codes: "twos"}, ""},
		{"no operands", archive(am, entry{"dw.npy", floats(4, 8)}, entry{"dx.npy", floats(4, 8)}), lut.LoadOptions{Signed: no}, ""},
		{"float64", archive(am, operands, entry{"dw.npy", floats(4, 8)}, entry{"dx.npy",
			npyFile(1, dict(">f8", "True", "(4, 8)"), make([]float64, 32), binary.BigEndian)}), lut.LoadOptions{}, ""},
		{"empty archive", append([]byte("PK\x03\x04"), archive()...), lut.LoadOptions{}, "no array am"},
		{"no am", archive(operands), lut.LoadOptions{}, "no array am"},
		{"am twice", archive(am, am), lut.LoadOptions{}, "am is there twice"},
		{"unknown", archive(am, entry{"dW.npy", floats(4, 8)}), lut.LoadOptions{}, `array "dW.npy", want one of am`},
		{"not npy", archive(am, entry{"readme.txt", nil}), lut.LoadOptions{}, `array "readme.txt"`},
		{"broken array", archive(entry{"am.npy", ints(4, 8)[:99]}), lut.LoadOptions{}, "am: truncated"},
		{"cut short", archive(am)[:150], lut.LoadOptions{}, "zip: not a valid zip file"},
		{"shape", archive(entry{"am.npy", ints(8, 4)}, operands), lut.LoadOptions{}, "am is 8×4, want 4×8 for weight 2s × activation 3u"},
		{"sign", archive(am, entry{"operands.npy", ints(2, 2, 2, 2, 3, 0)}), lut.LoadOptions{}, "sign 2, want 0 or 1"},
		{"bits", archive(am, entry{"operands.npy", ints(2, 2, 2, 0, 9, 0)}), lut.LoadOptions{}, "operand of 9 bits"},
		{"operands shape", archive(am, entry{"operands.npy", ints(1, 4)}), lut.LoadOptions{}, "operands is 1×4"},
		{"float am", archive(entry{"am.npy", floats(4, 8)}, operands), lut.LoadOptions{}, "am: elements are floats"},
		{"contradicted", archive(am, operands), lut.LoadOptions{Signed: yes}, "signed was said to be true"},
		{"order", archive(am, operands), lut.LoadOptions{Order: "xw"}, "want no other order"},
		{"dw alone", archive(am, operands, entry{"dw.npy", floats(4, 8)}), lut.LoadOptions{}, "one operand only"},
		{"dw and factors", archive(am, operands, entry{"dw.npy", floats(4, 8)}, entry{"dw_u.npy", floats(1, 4)}), lut.LoadOptions{}, "either dw, or both"},
		{"u alone", archive(am, operands, entry{"dw_u.npy", floats(1, 4)}), lut.LoadOptions{}, "both dw_u and dw_v"},
		{"ranks", archive(am, operands, entry{"dw_u.npy", floats(1, 4)}, entry{"dw_v.npy", floats(2, 8)}), lut.LoadOptions{}, "want rank×4 and rank×8"},
		{"rank 0", archive(am, operands, entry{"dw_u.npy", floats(0, 4)}, entry{"dw_v.npy", floats(0, 8)}), lut.LoadOptions{}, "rank 0"},
		{"dw shape", archive(am, operands, entry{"dw.npy", floats(8, 4)}), lut.LoadOptions{}, "dw is 8×4, want 4×8"},
		{"dw integers", archive(am, operands, entry{"dw.npy", ints(4, 8)}), lut.LoadOptions{}, "dw: elements are integers"},
		{"NaN", archive(am, operands, entry{"dw.npy", floats(4, 8, append([]float32{float32(math.NaN())}, make([]float32, 31)...)...)}), lut.LoadOptions{}, "value 0 is NaN"},
		{"large", append(archive(am), make([]byte, 5<<20)...), lut.LoadOptions{}, "more than 4194304 bytes"},
	} {
		_, err := loadBytes(t, tt.file, tt.o)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestBounded: files that promise gigabytes are refused with little memory.
func TestBounded(t *testing.T) {
	bomb := entry{"am.npy", npyFile(1, dict("<i8", "False", "(256, 256)"), make([]int64, 1<<21), binary.LittleEndian)} // 16 MiB of zeros
	hidden := archive(bomb)
	// The directory says that the entry is small.
	at := bytes.LastIndex(hidden, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(hidden[at+24:], 1000)
	directory := archive(append(make([]entry, 20_000), entry{"am.npy", ints(4, 4)})...)

	for name, file := range map[string][]byte{
		"array":          npyFile(1, dict("<i8", "False", "(1073741824, 4)"), []int32{}, binary.LittleEndian),
		"header":         npyFile(2, strings.Repeat(" ", 1<<20), []int32{}, binary.LittleEndian),
		"bomb":           archive(bomb),
		"hidden bomb":    hidden,
		"long directory": directory,
		"one long line":  []byte("LUT for approximate multiplier:\n" + strings.Repeat("0", 8<<20)),
		"long text":      []byte("LUT for approximate multiplier:\n" + strings.Repeat("0 0 0\n", 1<<20)),
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := lut.Load(path, lut.LoadOptions{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error, want one", name)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 48<<20 {
			t.Errorf("%s: %d MiB allocated, want at most 48 (%v)", name, took>>20, err)
		} else {
			t.Logf("%s: %d KiB, %v", name, took>>10, err)
		}
	}
}
