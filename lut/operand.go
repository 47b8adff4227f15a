package lut

import "fmt"

// MinBits and MaxBits bound the width of an operand of a [Table].
const (
	MinBits = 2
	MaxBits = 8
)

// An Operand is the width and sign of one side of a multiplier.
type Operand struct {
	Bits   int
	Signed bool
}

// Unsigned returns the operand with values [0, 2^bits).
func Unsigned(bits int) Operand { return Operand{Bits: bits} }

// Signed returns the operand with values [−2^(bits−1), 2^(bits−1)).
func Signed(bits int) Operand { return Operand{Bits: bits, Signed: true} }

// Count returns the number of values, n = 2^Bits.
func (o Operand) Count() int { return 1 << o.Bits }

// Min returns the least value: 0, or −n/2 if signed.
func (o Operand) Min() int {
	if o.Signed {
		return -1 << (o.Bits - 1)
	}
	return 0
}

// Max returns the greatest value: n − 1, or n/2 − 1 if signed.
func (o Operand) Max() int { return o.Min() + o.Count() - 1 }

// Code returns the code of a value: value − Min. It panics outside [Min, Max].
func (o Operand) Code(value int) int {
	if value < o.Min() || value > o.Max() {
		panic(fmt.Sprintf("lut: operand %d outside [%d, %d]", value, o.Min(), o.Max()))
	}
	return value - o.Min()
}

// Value returns the value of a code: code + Min.
func (o Operand) Value(code int) int { return code + o.Min() }

// String formats o as in "8u" or "7s".
func (o Operand) String() string {
	if o.Signed {
		return fmt.Sprintf("%ds", o.Bits)
	}
	return fmt.Sprintf("%du", o.Bits)
}

// Valid reports why o cannot be an operand of a Table, or nil.
func (o Operand) Valid() error {
	if o.Bits < MinBits || o.Bits > MaxBits {
		return fmt.Errorf("operand of %d bits, want %d to %d", o.Bits, MinBits, MaxBits)
	}
	return nil
}
