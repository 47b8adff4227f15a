package weights

import (
	"encoding/binary"
	"fmt"
)

// CheckFinite reports the first element, in the order of the tensors, that is
// NaN or infinite. A network has no use for one.
func (f *File) CheckFinite() error {
	for _, t := range f.Tensors {
		if err := t.check(); err != nil {
			return err
		}
		if i := t.firstNonFinite(); i >= 0 {
			v, err := Tensor{Name: t.Name, DType: t.DType, Data: t.Data[i*elementSize(t.DType):][:elementSize(t.DType)]}.Float32()
			if err != nil {
				return err
			}
			return fmt.Errorf("tensor %q: element %v is %v, want finite numbers", t.Name, t.index(i), v[0])
		}
	}
	return nil
}

// firstNonFinite returns the place of the first element whose exponent has all
// bits set, −1 if there is none.
func (t Tensor) firstNonFinite() int {
	le := binary.LittleEndian
	size := elementSize(t.DType)
	n := len(t.Data) / size
	switch t.DType {
	case "F64":
		const exponent = 0x7ff << 52
		for i := range n {
			if le.Uint64(t.Data[8*i:])&exponent == exponent {
				return i
			}
		}
	case "F32":
		const exponent = 0xff << 23
		for i := range n {
			if le.Uint32(t.Data[4*i:])&exponent == exponent {
				return i
			}
		}
	case "F16", "BF16":
		exponent := uint16(0x1f << 10)
		if t.DType == "BF16" {
			exponent = 0xff << 7
		}
		for i := range n {
			if le.Uint16(t.Data[2*i:])&exponent == exponent {
				return i
			}
		}
	}
	return -1
}

// index returns the place of element i along each axis.
func (t Tensor) index(i int) []int {
	out := make([]int, len(t.Shape))
	for d := len(t.Shape) - 1; d >= 0; d-- {
		out[d] = i % t.Shape[d]
		i /= t.Shape[d]
	}
	return out
}
