package backend

import (
	"fmt"
	"slices"
	"strings"
)

// A DType is the type of a tensor's elements as arithmetic sees them. How a
// backend packs them in memory is its own affair.
type DType uint8

const (
	F32 DType = iota // real numbers
	I32              // sums of products, labels, indices
	U8               // codes of operands, in [0, 2^bits)
)

func (dt DType) String() string {
	switch dt {
	case F32:
		return "f32"
	case I32:
		return "i32"
	case U8:
		return "u8"
	}
	return fmt.Sprintf("DType(%d)", uint8(dt))
}

// Size returns the bytes of one element.
func (dt DType) Size() int {
	if dt == U8 {
		return 1
	}
	return 4
}

// A Shape lists dimensions, outermost first.
type Shape []int

// Len returns the number of elements in a tensor of shape s.
func (s Shape) Len() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Equal reports whether s and t are the same.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// String formats s as in "64×3×32×32".
func (s Shape) String() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint([]int(s)), "[]"), " ", "×")
}

// A Tensor is a dense array, row-major, in the memory of one backend.
type Tensor interface {
	DType() DType
	Shape() Shape
}
