package weights

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForPyTorch carries the state of quantizers through both formats: beside
// the names that PyTorch knows, and back to the same bits.
func TestForPyTorch(t *testing.T) {
	ranges := FromFloat32("conv1.weight_quantizer.range", []int{3, 2},
		[]float32{float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, 0.1, math.MaxFloat32, 1, 1})
	f := &File{Tensors: []Tensor{ranges, formula(0, "conv1.weight", "F32", 2, 3)}, Metadata: map[string]string{"recipe": "x"}}
	out, err := ForPyTorch(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(f.Tensors[1:], out.Tensors); d != "" {
		t.Error(d)
	}
	if len(f.Metadata) != 1 {
		t.Errorf("the file that was given has metadata %v", f.Metadata)
	}
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return Write(b, out) },
		func(b *bytes.Buffer) error { return WritePTH(b, out) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := readBytes(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		want := &File{Tensors: []Tensor{f.Tensors[1], ranges}, Metadata: f.Metadata, Format: again.Format}
		if d := cmp.Diff(want, again); d != "" {
			t.Error(d)
		}
	}

	f.Tensors[0] = FromFloat32("conv1.weight_quantizer.range", nil, []float32{float32(math.NaN())})
	if _, err := ForPyTorch(f); err == nil {
		t.Error("a NaN became metadata")
	}
	for text, want := range map[string]string{
		`[`:                                "metadata",
		`{"a":{"shape":[1],"values":[1]}}`: "not the name",
		`{"a_quantizer.range":{"shape":[3,1],"values":[1]}}`:         "1 values for the shape [3 1]",
		`{"a_quantizer.range":{"shape":[-3,1],"values":[1]}}`:        "negative",
		`{"taken_quantizer.range":{"shape":[],"values":[1]}}`:        "a tensor of this name",
		`{"a_quantizer.range":{"shape":[4294967296,4294967296]}}`:    "too large",
		`{"a_quantizer.range":{"shape":[1],"values":[1e300]}}`:       "metadata",
		`{"a_quantizer.range":{"shape":[1],"values":["1"]}}`:         "metadata",
		`{"\u00ff_quantizer.range":{"shape":[2],"values":[1,2,3]}}}`: "metadata",
	} {
		var b bytes.Buffer
		err := WritePTH(&b, &File{Tensors: []Tensor{formula(0, "taken_quantizer.range", "F32")}, Metadata: map[string]string{quantizersKey: text}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readBytes(b.Bytes()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestCheckFinite(t *testing.T) {
	inf := math.Inf(1)
	if err := (&File{Tensors: everyType()}).CheckFinite(); err != nil {
		t.Error(err)
	}
	largest := FromFloat32("largest", []int{2}, []float32{math.MaxFloat32, -math.MaxFloat32})
	for _, tt := range []struct {
		t    Tensor
		want string
	}{
		{FromFloat32("w", []int{2, 3}, []float32{1, 2, 3, 4, 5, float32(math.NaN())}), `tensor "w": element [1 2] is NaN`},
		{FromFloat32("w", nil, []float32{float32(-inf)}), `tensor "w": element [] is -Inf`},
		{Tensor{Name: "h", DType: "F16", Shape: []int{2}, Data: []byte{0xff, 0x7b, 0x00, 0x7c}}, `tensor "h": element [1] is +Inf`},
		{Tensor{Name: "b", DType: "BF16", Shape: []int{2}, Data: []byte{0x7f, 0x7f, 0xc0, 0xff}}, `tensor "b": element [1] is NaN`},
		{Tensor{Name: "d", DType: "F64", Shape: []int{1}, Data: []byte{1, 0, 0, 0, 0, 0, 0xf0, 0x7f}}, `tensor "d": element [0] is NaN`},
		{Tensor{Name: "n", DType: "I64", Shape: []int{1}, Data: bytes.Repeat([]byte{0xff}, 8)}, ""},
		{Tensor{Name: "n", DType: "F32", Shape: []int{2}, Data: []byte{0}}, "1 bytes, want 8"},
	} {
		err := (&File{Tensors: []Tensor{largest, tt.t}}).CheckFinite()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}
