package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// file returns a safetensors file of the given header and data.
func file(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func read(b []byte) (*File, error) { return readSafetensors(bytes.NewReader(b), int64(len(b))) }

// TestReadGivenBytes reads a file written down from the format's description,
// as its other implementations write it: an entry need not stand in the order
// of the data, nor its keys in any order.
func TestReadGivenBytes(t *testing.T) {
	got, err := read(file(
		`{"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"__metadata__":{"format":"pt"},`+
			`"a":{"shape":[],"data_offsets":[0,8],"dtype":"I64"},"none":{"dtype":"F16","shape":[0,7],"data_offsets":[16,16]}}   `,
		"\x02\x01\x00\x00\x00\x00\x00\x00"+"\x00\x00\x80\x3f"+"\x00\x00\x00\xc0"))
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Tensors: []Tensor{
			{Name: "a", DType: "I64", Shape: []int{}, Data: []byte{2, 1, 0, 0, 0, 0, 0, 0}},
			{Name: "b", DType: "F32", Shape: []int{2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}},
			{Name: "none", DType: "F16", Shape: []int{0, 7}, Data: []byte{}},
		},
		Metadata: map[string]string{"format": "pt"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	a, _ := got.Get("a")
	if v, err := a.Int64(); err != nil || !cmp.Equal(v, []int64{258}) {
		t.Errorf("a = %v, %v", v, err)
	}
	b, _ := got.Get("b")
	if v, err := b.Float32(); err != nil || !cmp.Equal(v, []float32{1, -2}) {
		t.Errorf("b = %v, %v", v, err)
	}
	if _, ok := got.Get("c"); ok {
		t.Error("there is a c")
	}
}

func TestReadFaults(t *testing.T) {
	const one = `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	huge := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	long := append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), make([]byte, maxHeader+1)...)
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "0 bytes, want at least 8"},
		{"header longer than file", file(`{}`, "")[:9], "header of 2 bytes, want at most 1"},
		{"header of 2⁶⁴ bytes", huge, "want at most 0"},
		{"header over the limit", long, "want at most 16777216"},
		{"not JSON", file(`hello`, ""), "invalid character"},
		{"cut JSON", file(`{`+one, ""), "unexpected EOF"},
		{"no object", file(`[]`, ""), "[, want {"},
		{"two objects", file(`{}{}`, ""), "something follows"},
		{"not UTF-8", file("{\"\xff\":1}", ""), "not UTF-8"},
		{"data cut short", file(`{`+one+`}`, "123"), `tensor "a": data [0, 4) outside the 3 bytes`},
		{"data too long", file(`{`+one+`}`, "12345"), "end at byte 4 of 5"},
		{"repeated name", file(`{`+one+`,`+one+`}`, "1234"), `"a" appears twice`},
		{"repeated key", file(`{"a":{"dtype":"F32","dtype":"F32","shape":[1]}}`, "1234"), `"dtype" appears twice`},
		{"missing key", file(`{"a":{"dtype":"F32","shape":[1]}}`, "1234"), "want dtype, shape and data_offsets"},
		{"misspelt key", file(`{"a":{"DType":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234"), `unknown key "DType"`},
		{"overlap", file(`{`+one+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, "123456"), `tensor "b": data begin at 2, want 4`},
		{"gap", file(`{`+one+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}}`, "1234567890"), `tensor "b": data begin at 6, want 4`},
		{"reversed", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, "1234"), "outside"},
		{"shape and data disagree", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234"), "4 bytes of data, want 8 for F32 [2]"},
		{"product overflows", file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "too large"},
		{"product overflows by element size", file(`{"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,0]}}`, ""), "too large"},
		{"negative dimension", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}`, ""), "-1, want an integer from 0"},
		{"broken dimension", file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, "1"), "1.0, want an integer from 0"},
		{"huge offset", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551617]}}`, "1"), "want an integer from 0"},
		{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, "1"), "3 data_offsets, want 2"},
		{"unknown type", file(`{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}`, "12345678"), `type "C64" is not supported`},
		{"shape is no array", file(`{"a":{"dtype":"U8","shape":{},"data_offsets":[0,1]}}`, "1"), "{, want ["},
		{"metadata of numbers", file(`{"__metadata__":{"epoch":3}}`, ""), "3, want a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := read(tt.in)
			if err == nil {
				t.Fatalf("read %v, want an error", f)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, tt.want)
			}
		})
	}
}

// TestReadShortReader has a file shrink after its size was taken.
func TestReadShortReader(t *testing.T) {
	b := file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234")
	for n := range b {
		if _, err := Read(bytes.NewReader(b[:n]), int64(len(b))); err == nil {
			t.Errorf("%d of %d bytes read without an error", n, len(b))
		}
	}
}

func TestFloat16(t *testing.T) {
	// Values of IEEE 754-2008, table 3.5 (binary16), and by its definition.
	for h, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14,
		0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x3555: 0.333251953125,
		0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := fromFloat16(h); float64(got) != want {
			t.Errorf("%#04x = %v, want %v", h, got, want)
		}
	}
	if z := fromFloat16(0x8000); z != 0 || !math.Signbit(float64(z)) {
		t.Errorf("0x8000 = %v, want −0", z)
	}
	if n := fromFloat16(0x7e00); n == n {
		t.Errorf("0x7e00 = %v, want NaN", n)
	}
}

func TestConvert(t *testing.T) {
	f64 := binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.1))
	f64 = binary.LittleEndian.AppendUint64(f64, math.Float64bits(1e300))
	for _, tt := range []struct {
		t    Tensor
		want []float32
	}{
		{Tensor{DType: "F64", Shape: []int{2}, Data: f64}, []float32{0.1, float32(math.Inf(1))}},
		{Tensor{DType: "BF16", Shape: []int{2}, Data: []byte{0x80, 0x3f, 0x49, 0xc0}}, []float32{1, -3.140625}},
		{Tensor{DType: "F16", Shape: []int{1, 1}, Data: []byte{0x00, 0x3c}}, []float32{1}},
		{FromFloat32("", []int{2, 1}, []float32{3, -0.5}), []float32{3, -0.5}},
	} {
		got, err := tt.t.Float32()
		if err != nil || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.t.DType, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		t    Tensor
		want []int64
	}{
		{FromInt64("", nil, []int64{-1 << 62}), []int64{-1 << 62}},
		{Tensor{DType: "I32", Shape: []int{1}, Data: []byte{0xfe, 0xff, 0xff, 0xff}}, []int64{-2}},
		{Tensor{DType: "U8", Shape: []int{2}, Data: []byte{0, 255}}, []int64{0, 255}},
		{Tensor{DType: "BOOL", Shape: []int{1}, Data: []byte{1}}, []int64{1}},
	} {
		got, err := tt.t.Int64()
		if err != nil || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.t.DType, got, err, tt.want)
		}
	}
	if _, err := FromInt64("n", []int{1}, []int64{1}).Float32(); err == nil {
		t.Error("Float32 of I64 gave no error")
	}
	if _, err := FromFloat32("x", []int{1}, []float32{1}).Int64(); err == nil {
		t.Error("Int64 of F32 gave no error")
	}
	if _, err := (Tensor{DType: "F32", Shape: []int{2}, Data: make([]byte, 4)}).Float32(); err == nil {
		t.Error("Float32 of cut data gave no error")
	}
}

func example() *File {
	return &File{
		Tensors: []Tensor{
			FromFloat32("conv1.weight", []int{1, 3}, []float32{1, float32(math.NaN()), float32(math.Copysign(0, -1))}),
			{Name: "codes", DType: "U8", Shape: []int{3}, Data: []byte{1, 2, 3}},
			FromInt64("bn1.num_batches_tracked", nil, []int64{7}),
			{Name: "ein \"Name\" <&> ü", DType: "F16", Shape: []int{0}, Data: []byte{}},
		},
		Metadata: map[string]string{"recipe": "a: b\nc: \"<d>\"\n", "": ""},
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net.safetensors")
	if err := WriteFile(path, example()); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := example()
	if d := cmp.Diff(want.Metadata, got.Metadata); d != "" {
		t.Error(d)
	}
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for _, w := range want.Tensors {
		g, ok := got.Get(w.Name)
		if w.Shape == nil {
			w.Shape = []int{}
		}
		if d := cmp.Diff(w, g); !ok || d != "" {
			t.Errorf("%s: %s", w.Name, d)
		}
	}

	// Each tensor is aligned to its elements: others map such files into memory.
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start := 8 + int(binary.LittleEndian.Uint64(raw))
	entries, _, err := parseHeader(raw[8:start])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if at := start + int(e.begin); at%elementSize(e.dtype) != 0 {
			t.Errorf("%s of %s stands at byte %d", e.name, e.dtype, at)
		}
	}
}

func TestWriteFaults(t *testing.T) {
	a := FromFloat32("a", []int{1}, []float32{1})
	for _, tt := range []struct {
		name string
		f    File
		want string
	}{
		{"same name", File{Tensors: []Tensor{a, a}}, "taken"},
		{"metadata's name", File{Tensors: []Tensor{FromFloat32("__metadata__", nil, []float32{1})}}, "taken"},
		{"data", File{Tensors: []Tensor{{Name: "a", DType: "F32", Shape: []int{2}, Data: make([]byte, 4)}}}, "4 bytes, want 8"},
		{"negative", File{Tensors: []Tensor{{Name: "a", DType: "F32", Shape: []int{-1}}}}, "negative"},
		{"type", File{Tensors: []Tensor{{Name: "a", DType: "float"}}}, "not supported"},
		{"name", File{Tensors: []Tensor{{Name: "\xff", DType: "U8", Shape: []int{0}}}}, "UTF-8"},
		{"metadata", File{Metadata: map[string]string{"a": "\xff"}}, "UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Write(new(bytes.Buffer), &tt.f)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// fullDisk fails after it has taken n bytes.
type fullDisk struct {
	w interface{ Write([]byte) (int, error) }
	n int
}

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.n {
		n, _ := d.w.Write(p[:d.n])
		d.n = 0
		return n, errFull
	}
	d.n -= len(p)
	return d.w.Write(p)
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, example()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{}`, ""))
	f.Add(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234"))
	f.Add(file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]},"__metadata__":{}}`, ""))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := read(in)
		if err != nil {
			return
		}
		total := 0
		for _, tensor := range got.Tensors {
			total += len(tensor.Data)
			if err := tensor.check(); err != nil {
				t.Fatal(err)
			}
		}
		if total > len(in) {
			t.Fatalf("%d bytes of data from a file of %d", total, len(in))
		}
		var b bytes.Buffer
		if err := Write(&b, got); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := read(b.Bytes())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(again.Tensors) != len(got.Tensors) || !cmp.Equal(again.Metadata, got.Metadata) {
			t.Fatalf("%v became %v", got, again)
		}
		for _, w := range got.Tensors {
			if g, _ := again.Get(w.Name); !cmp.Equal(g, w) {
				t.Fatalf("%v became %v", w, g)
			}
		}
	})
}
