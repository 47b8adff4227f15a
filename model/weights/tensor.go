package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// A Tensor is a named array as it stands in a file.
type Tensor struct {
	Name  string
	DType string // F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL
	Shape []int  // outermost first; empty for a single element
	Data  []byte // row-major, little-endian
}

// elementSize returns the bytes of one element, 0 for an unknown type.
func elementSize(dtype string) int {
	switch dtype {
	case "F64", "I64", "U64":
		return 8
	case "F32", "I32", "U32":
		return 4
	case "F16", "BF16", "I16", "U16":
		return 2
	case "I8", "U8", "BOOL":
		return 1
	}
	return 0
}

// byteLen returns the bytes of a tensor, or an error where they are no int64.
func byteLen(dtype string, shape []int) (int64, error) {
	size := elementSize(dtype)
	if size == 0 {
		return 0, fmt.Errorf("type %q is not supported", dtype)
	}
	n := uint64(size)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		n = lo
	}
	return int64(n), nil
}

// check reports a tensor whose data does not suit its type and shape.
func (t Tensor) check() error {
	n, err := byteLen(t.DType, t.Shape)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if int64(len(t.Data)) != n {
		return fmt.Errorf("tensor %q: %d bytes, want %d for %s %v", t.Name, len(t.Data), n, t.DType, t.Shape)
	}
	return nil
}

// FromFloat32 returns v as a tensor of type F32. It copies v and panics where
// shape does not hold len(v) elements.
func FromFloat32(name string, shape []int, v []float32) Tensor {
	data := make([]byte, 0, 4*len(v))
	for _, f := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(f))
	}
	return newTensor(name, "F32", shape, data)
}

// FromInt64 returns v as a tensor of type I64, as FromFloat32 does.
func FromInt64(name string, shape []int, v []int64) Tensor {
	data := make([]byte, 0, 8*len(v))
	for _, i := range v {
		data = binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	return newTensor(name, "I64", shape, data)
}

func newTensor(name, dtype string, shape []int, data []byte) Tensor {
	t := Tensor{Name: name, DType: dtype, Shape: append([]int{}, shape...), Data: data}
	if err := t.check(); err != nil {
		panic("weights: " + err.Error())
	}
	return t
}

// Float32 returns the elements of a tensor of type F32, F16, BF16 or F64. The
// first three convert exactly, F64 is rounded to nearest even.
func (t Tensor) Float32() ([]float32, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	v := make([]float32, len(t.Data)/elementSize(t.DType))
	switch t.DType {
	case "F32":
		for i := range v {
			v[i] = math.Float32frombits(le.Uint32(t.Data[4*i:]))
		}
	case "F64":
		for i := range v {
			v[i] = float32(math.Float64frombits(le.Uint64(t.Data[8*i:])))
		}
	case "BF16":
		for i := range v {
			v[i] = math.Float32frombits(uint32(le.Uint16(t.Data[2*i:])) << 16)
		}
	case "F16":
		for i := range v {
			v[i] = fromFloat16(le.Uint16(t.Data[2*i:]))
		}
	default:
		return nil, fmt.Errorf("tensor %q is %s, want F32, F16, BF16 or F64", t.Name, t.DType)
	}
	return v, nil
}

// fromFloat16 widens an IEEE 754 half: 1 sign, 5 exponent (bias 15) and 10
// fraction bits.
func fromFloat16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h >> 10 & 0x1f)
	fraction := uint32(h & 0x3ff)
	switch exponent {
	case 0: // zero or subnormal: fraction·2⁻²⁴, exact in float32
		f := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// Int64 returns the elements of a tensor of type I64, I32, U8 or BOOL.
func (t Tensor) Int64() ([]int64, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	v := make([]int64, len(t.Data)/elementSize(t.DType))
	switch t.DType {
	case "I64":
		for i := range v {
			v[i] = int64(le.Uint64(t.Data[8*i:]))
		}
	case "I32":
		for i := range v {
			v[i] = int64(int32(le.Uint32(t.Data[4*i:])))
		}
	case "U8", "BOOL":
		for i := range v {
			v[i] = int64(t.Data[i])
		}
	default:
		return nil, fmt.Errorf("tensor %q is %s, want I64, I32, U8 or BOOL", t.Name, t.DType)
	}
	return v, nil
}
