package weights

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

	"github.com/google/go-cmp/cmp"
)

// formula returns the elements of tensor number k of the files of PyTorch in
// testdata, as .ci/pytorch/formula.py states them: with n = (7i + 13k) mod 32
// floats are (n − 16)/8, signed integers n − 16, unsigned n, booleans n odd.
func formula(k int, name, dtype string, shape ...int) Tensor {
	count := 1
	for _, d := range shape {
		count *= d
	}
	t := Tensor{Name: name, DType: dtype, Shape: append([]int{}, shape...), Data: []byte{}}
	for i := range count {
		t.Data = append(t.Data, element(dtype, (7*i+13*k)%32)...)
	}
	return t
}

func element(dtype string, n int) []byte {
	le := binary.LittleEndian
	f := float64(n-16) / 8
	switch dtype {
	case "F64":
		return le.AppendUint64(nil, math.Float64bits(f))
	case "F32":
		return le.AppendUint32(nil, math.Float32bits(float32(f)))
	case "BF16": // the upper half of F32, the lower being 0
		return le.AppendUint16(nil, uint16(math.Float32bits(float32(f))>>16))
	case "F16":
		if f == 0 {
			return []byte{0, 0}
		}
		// f = ±1.fraction · 2^e (IEEE 754, binary16).
		fraction, e := math.Frexp(math.Abs(f))
		h := uint16(e-1+15)<<10 | uint16((2*fraction-1)*1024)
		if f < 0 {
			h |= 1 << 15
		}
		return le.AppendUint16(nil, h)
	case "I64":
		return le.AppendUint64(nil, uint64(n-16))
	case "I32":
		return le.AppendUint32(nil, uint32(n-16))
	case "I16":
		return le.AppendUint16(nil, uint16(n-16))
	case "I8":
		return []byte{byte(n - 16)}
	case "U8":
		return []byte{byte(n)}
	case "BOOL":
		return []byte{byte(n % 2)}
	}
	panic(dtype)
}

func everyType() []Tensor {
	return []Tensor{
		formula(0, "conv.weight", "F32", 2, 3, 2, 2), formula(1, "conv.bias", "F32", 2),
		formula(2, "double", "F64", 3), formula(3, "half", "F16", 5, 3), formula(4, "brain", "BF16", 4),
		formula(5, "bn.num_batches_tracked", "I64"), formula(6, "int", "I32", 2, 2), formula(7, "short", "I16", 3),
		formula(8, "char", "I8", 7), formula(9, "byte", "U8", 9), formula(10, "bool", "BOOL", 6), formula(11, "empty", "F32", 0, 3),
	}
}

// views are views of tensor 0 of the formula, [24], and tensor 1, [2, 3, 2, 2],
// which lies in its file with the channels last.
func views() []Tensor {
	base := formula(0, "", "F32", 24).Data
	at := func(name string, shape []int, elements ...int) Tensor {
		t := Tensor{Name: name, DType: "F32", Shape: shape}
		for _, i := range elements {
			t.Data = append(t.Data, base[4*i:4*i+4]...)
		}
		return t
	}
	turned := []int{}
	for column := range 6 {
		for row := range 4 {
			turned = append(turned, 6*row+column)
		}
	}
	return []Tensor{
		formula(0, "base", "F32", 24),
		at("tail", []int{3, 4}, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
		at("turned", []int{6, 4}, turned...),
		at("column", []int{4, 1}, 2, 8, 14, 20),
		at("scalar", []int{}, 5),
		formula(1, "channels_last", "F16", 2, 3, 2, 2),
	}
}

func parameters() []Tensor {
	return []Tensor{formula(0, "conv.weight", "F32", 2, 3, 2, 2), formula(1, "conv.bias", "F32", 2),
		formula(2, "bn.weight", "F32", 2), formula(3, "bn.bias", "F32", 2)}
}

func state() []Tensor {
	return append(parameters(), formula(4, "bn.running_mean", "F32", 2), formula(5, "bn.running_var", "F32", 2),
		formula(6, "bn.num_batches_tracked", "I64"))
}

// TestReadPyTorch reads what PyTorch 1.13 has written (.ci/pytorch/make_fixtures.py).
func TestReadPyTorch(t *testing.T) {
	checkpoint := []string{
		`the tensors are those under "model"; left out beside it: "epoch", "optimizer", "args", "best"`,
		`every name began with "module._orig_mod.", which is left out`,
	}
	for _, tt := range []struct {
		file string
		want File
	}{
		{"types.pth", File{Tensors: everyType(), Format: FormatZip}},
		{"types-legacy.pth", File{Tensors: everyType(), Format: FormatLegacy}},
		{"protocol4.pth", File{Tensors: everyType(), Format: FormatZip}},
		{"views.pth", File{Tensors: views(), Format: FormatZip}},
		{"views-legacy.pth", File{Tensors: views(), Format: FormatLegacy}},
		{"parameters.pth", File{Tensors: parameters(), Format: FormatZip}},
		{"checkpoint.pth", File{Tensors: state(), Format: FormatZip, Notes: checkpoint}},
		{"checkpoint-legacy.pth", File{Tensors: state(), Format: FormatLegacy, Notes: checkpoint}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			got, err := ReadFile(filepath.Join("testdata", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, *got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRefusePyTorch reads what PyTorch has written and this package does not
// take: programs that would run, above all.
func TestRefusePyTorch(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"system.pth", `asks for "posix.system", which is refused`},
		{"system-legacy.pth", `asks for "posix.system", which is refused`},
		{"system-protocol4.pth", `asks for "posix.system", which is refused`},
		{"system-plain.pth", "none of PyTorch"},
		{"model.pth", `asks for "torch.nn.modules.linear.Linear", which is refused`},
		{"expanded.pth", "4000000 bytes in a storage of 4: save it with .contiguous()"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			_, err := ReadFile(filepath.Join("testdata", tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestReadCut cuts the files of PyTorch at every length.
func TestReadCut(t *testing.T) {
	for _, name := range []string{"views.pth", "views-legacy.pth"} {
		b := fixture(t, name)
		for n := range len(b) {
			if f, err := readBytes(b[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes gives %v", name, n, len(b), f)
			}
		}
	}
}

// TestReadFlipped spoils each byte of a file in turn: elements that are not
// what they were would have to be noticed by the checksums.
func TestReadFlipped(t *testing.T) {
	b := fixture(t, "views.pth")
	want := views()
	for i := range b {
		b[i] ^= 0x21
		if f, err := readBytes(b); err == nil {
			if d := cmp.Diff(want, f.Tensors); d != "" {
				t.Errorf("byte %d spoilt: %s", i, d)
			}
		}
		b[i] ^= 0x21
	}
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readBytes(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

// records returns an archive of these records, name and content in turns.
func records(method uint16, parts ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: parts[i], Method: method})
		if err == nil {
			_, err = w.Write([]byte(parts[i+1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// statePickle is that of one tensor "w" of n elements of a class of storages.
func statePickle(class string, n int) string {
	p := &pickler{}
	p.op(0x80, 2, '}')
	p.text("w")
	p.tensor("0", Tensor{DType: "F32", Shape: []int{n}, Data: make([]byte, 4*n)})
	p.op('s', '.')
	return strings.Replace(string(p.b), "FloatStorage", class, 1)
}

func TestArchive(t *testing.T) {
	one := statePickle("FloatStorage", 1)
	for _, tt := range []struct {
		name string
		in   []byte
		want string // of the error, "" for none
	}{
		{"stored", records(zip.Store, "any/data.pkl", one, "any/data/0", "\x00\x00\x80\x3f", "any/version", "3\n"), ""},
		{"deflated", records(zip.Deflate, "a/data.pkl", one, "a/data/0", "\x00\x00\x80\x3f"), ""},
		{"little-endian", records(zip.Store, "a/byteorder", "little", "a/data.pkl", one, "a/data/0", "\x00\x00\x80\x3f"), ""},
		{"big-endian", records(zip.Store, "a/byteorder", "big", "a/data.pkl", one, "a/data/0", "\x3f\x80\x00\x00"), `byte order "big", want little`},
		{"bomb", records(zip.Deflate, "a/data.pkl", statePickle("FloatStorage", 1<<20), "a/data/0", strings.Repeat("\x00", 4<<20)), "may grow 8-fold"},
		{"bomb of many", records(zip.Deflate, "a/data.pkl", one, "a/data/0", "1234", "a/1", strings.Repeat("\x00", 700<<10), "a/2", strings.Repeat("\x00", 700<<10)), "may grow 8-fold"},
		{"twice", records(zip.Store, "a/data.pkl", one, "a/data/0", "1234", "a/data/0", "5678"), `"a/data/0" appears twice`},
		{"two folders", records(zip.Store, "a/data.pkl", one, "b/data/0", "1234"), `folders "a" and "b"`},
		{"no folder", records(zip.Store, "data.pkl", one), "in no folder"},
		{"another archive", records(zip.Store, "a/readme", "x"), "without data.pkl"},
		{"program", records(zip.Store, "a/data.pkl", one, "a/constants.pkl", "x", "a/code/a.py", ""), "TorchScript"},
		{"no record", records(zip.Store, "a/data.pkl", one), "no record data/0"},
		{"small record", records(zip.Store, "a/data.pkl", one, "a/data/0", "123"), "larger than the 3 bytes"},
		{"large record", records(zip.Store, "a/data.pkl", one, "a/data/0", "12345"), "5 bytes, want 4"},
		{"another type", records(zip.Store, "a/data.pkl", statePickle("ComplexFloatStorage", 1), "a/data/0", "12345678"), "ComplexFloatStorage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := readBytes(tt.in)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]Tensor{FromFloat32("w", []int{1}, []float32{1})}, f.Tensors); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestOverlap lets two records of an archive have the same content: the sizes
// together must not pass that of the file.
func TestOverlap(t *testing.T) {
	big := strings.Repeat("x", 1000)
	b := records(zip.Store, "a/data.pkl", statePickle("FloatStorage", 1), "a/data/0", big, "a/data/1", "")
	i := bytes.LastIndex(b, []byte("PK\x01\x02")) // the entry of data/1, made that of data/0
	j := bytes.LastIndex(b[:i], []byte("PK\x01\x02"))
	copy(b[i+16:i+28], b[j+16:j+28]) // checksum and sizes
	copy(b[i+42:i+46], b[j+42:j+46]) // place
	if _, err := readBytes(b); err == nil || !strings.Contains(err.Error(), "more than the file has left") {
		t.Errorf("error %v", err)
	}
}

// TestClaims reads files of a few hundred bytes that claim 10 GiB, and looks
// at the memory that it takes.
func TestClaims(t *testing.T) {
	const numel = 10 << 28
	claim := func(b []byte) []byte { // in place of the 24 elements of tensor base
		long := append([]byte("\x8a\x08"), binary.LittleEndian.AppendUint64(nil, numel)...)
		return bytes.ReplaceAll(b, []byte("K\x18"), long)
	}
	archive := func(pickle []byte) []byte {
		return records(zip.Store, "a/data.pkl", string(pickle), "a/data/0", strings.Repeat("x", 96), "a/data/1", strings.Repeat("x", 48))
	}
	a, err := openArchive(bytes.NewReader(fixture(t, "views.pth")), int64(len(fixture(t, "views.pth"))))
	if err != nil {
		t.Fatal(err)
	}
	pickle, err := a.read(a.pickle, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.AppendUint64(nil, 24)
	legacy := bytes.ReplaceAll(claim(fixture(t, "views-legacy.pth")), size, binary.LittleEndian.AppendUint64(nil, numel))
	header := fmt.Sprintf(`{"a":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, numel, 4*numel)
	for name, b := range map[string][]byte{
		"zip":                  archive(claim(pickle)),
		"legacy":               legacy,
		"safetensors":          file(header, "1234"),
		"length of the header": append(binary.LittleEndian.AppendUint64(nil, 4*numel), "{}"...),
		"string":               archive(bytes.Replace(pickle, []byte("X\x04\x00\x00\x00base"), []byte("X\x00\x00\x00\xf0base"), 1)),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readBytes(b)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("no error")
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
				t.Errorf("%d bytes taken for a file of %d", took, len(b))
			}
		})
	}
}

func TestWritePTH(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.pth")
	want := File{Tensors: everyType(), Format: FormatZip, Metadata: map[string]string{"recipe": "a: b\nc: \"ü\"\n", "": ""}}
	if err := WriteFile(path, &want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, *got); d != "" {
		t.Error(d)
	}

	// As PyTorch's own: stored, each content at a multiple of 64 bytes.
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != len(want.Tensors)+3 {
		t.Errorf("%d records for %d tensors, data.pkl, byteorder and version", len(z.File), len(want.Tensors))
	}
	for _, f := range z.File {
		at, err := f.DataOffset()
		if err != nil || at%64 != 0 || f.Method != zip.Store || !strings.HasPrefix(f.Name, "archive/") {
			t.Errorf("%s: method %d, byte %d, %v", f.Name, f.Method, at, err)
		}
	}

	for _, f := range []File{
		{Tensors: []Tensor{{Name: "a", DType: "U16", Shape: []int{0}}}},
		{Tensors: []Tensor{{Name: "a", DType: "F32", Shape: []int{1}}}},
		{Tensors: []Tensor{formula(0, "a", "F32"), formula(0, "a", "F32")}},
		{Tensors: []Tensor{formula(0, "\xff", "F32")}},
	} {
		if err := WritePTH(new(bytes.Buffer), &f); err == nil {
			t.Errorf("%v was written", f)
		}
	}
}

func FuzzReadPTH(f *testing.F) {
	list, err := filepath.Glob("testdata/*.pth")
	if err != nil || len(list) == 0 {
		f.Fatal("no files in testdata")
	}
	for _, path := range list {
		f.Add(fixture(f, filepath.Base(path)))
	}
	var b bytes.Buffer
	if err := WritePTH(&b, example()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(records(zip.Deflate, "a/data.pkl", statePickle("FloatStorage", 1), "a/data/0", "1234"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, err := readBytes(in); err == nil {
			checkRead(t, got)
		}
	})
}

// FuzzUnpickle reads state dicts whose storages are all there: without the
// checksum of an archive, which a fuzzer would seldom meet.
func FuzzUnpickle(f *testing.F) {
	for _, name := range []string{"types.pth", "views.pth", "checkpoint.pth", "protocol4.pth", "parameters.pth", "system.pth", "system-protocol4.pth"} {
		b := fixture(f, name)
		a, err := openArchive(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			f.Fatal(err)
		}
		pickle, err := a.read(a.pickle, maxPickle)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pickle)
	}
	const there = 4096
	f.Fuzz(func(t *testing.T, in []byte) {
		storages := storageTable{}
		root, n, err := unpickleState(in, storages, func(string) (int64, error) { return there, nil })
		if err != nil {
			return
		}
		if n > len(in) {
			t.Fatalf("a pickle of %d bytes in %d", n, len(in))
		}
		got, list, err := fromState(root)
		if err != nil {
			return
		}
		got.Tensors, err = readTensors(list, func(s *storageRef) ([]byte, error) {
			if s.bytes() > there {
				t.Fatalf("%v of a storage of %d bytes", s, there)
			}
			return make([]byte, s.bytes()), nil
		})
		if err == nil && got.checkNames() == nil {
			checkRead(t, got)
		}
	})
}

// checkRead writes what was read in both formats and reads it again.
func checkRead(t *testing.T, got *File) {
	want := make(map[string]Tensor)
	for _, x := range got.Tensors {
		if err := x.check(); err != nil {
			t.Fatal(err)
		}
		want[x.Name] = x
	}
	f := &File{Tensors: got.Tensors} // foreign metadata may be of any form
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return Write(b, f) },
		func(b *bytes.Buffer) error { return WritePTH(b, f) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			if strings.Contains(err.Error(), "PyTorch has no type") || strings.Contains(err.Error(), "too large") {
				continue
			}
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := readBytes(b.Bytes())
		if len(f.Tensors) == 0 && err != nil {
			continue // a state dict of none is refused
		}
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		for i, x := range again.Tensors {
			w := want[x.Name]
			if len(again.Notes) > 0 { // FuzzUnpickle strips no prefixes
				w = f.Tensors[i]
				w.Name = x.Name
			}
			if again.Format == FormatZip && !cmp.Equal(x, w) {
				t.Fatalf("%v became %v", w, x)
			}
		}
	}
}
