package cpuref

import (
	"reflect"
	"unsafe"
)

// scratch returns n elements of memory for the operation that runs, aligned
// to 64 bytes, with whatever they held before. An operation that calls scratch
// says first
//
//	defer c.release()
//
// after which the memory belongs to the next operation: nothing is allocated
// once the longest operation has run. Only the goroutine of the operation may
// call scratch, not its parts.
func scratch[E int16 | uint16 | int32 | uint32 | uint64 | uint8 | float32 | float64](c *CPU, n int) []E {
	if n == 0 {
		return nil
	}
	var e E
	return unsafe.Slice((*E)(unsafe.Pointer(&c.memory.take(n * int(unsafe.Sizeof(e)))[0])), n)
}

// release ends the use of all scratch memory.
func (c *CPU) release() { c.memory.used = 0 }

// An arena hands out memory from the front of a block to its end.
type arena struct {
	block []byte
	used  int
}

const (
	cacheLine = 64
	arenaMin  = 1 << 16 // bytes of the first block
)

// take returns n bytes. Where the block is too short it begins another, at
// least twice as long; what was handed out keeps the old one alive.
func (a *arena) take(n int) []byte {
	n = (n + cacheLine - 1) &^ (cacheLine - 1)
	if a.used+n > len(a.block) {
		a.begin(max(arenaMin, 2*len(a.block), a.used+n))
	}
	a.used += n
	return a.block[a.used-n : a.used : a.used]
}

// begin begins a block of n bytes.
func (a *arena) begin(n int) {
	whole := make([]byte, n+cacheLine)
	skip := -int(uintptr(unsafe.Pointer(&whole[0]))) & (cacheLine - 1)
	a.block, a.used = whole[skip:len(whole)-cacheLine+skip], 0
}

// Reserve implements [backend.Scratching]: the longest scratch of an operation
// is a float32 copy of its largest tensor, and partial sums.
func (c *CPU) Reserve(n int) {
	if size := 4*n + n; size > len(c.memory.block) {
		c.memory.begin(size)
	}
}

// Expect implements [backend.Scratching]: beside the memory of Reserve the
// weights of a layer in the order of the kernels, as floats and as codes, and
// the blocks of columns that each thread works in, which are of much the same
// size in all networks.
func (c *CPU) Expect(tensor, weight int) int64 {
	const columns = 5 << 20
	return 5*int64(tensor) + 6*int64(weight) + int64(c.crew.threads)*columns
}

// Scratch implements [backend.Scratching].
func (c *CPU) Scratch() int64 {
	return int64(len(c.memory.block)) + held(reflect.ValueOf(c.fast.weights)) + held(reflect.ValueOf(c.fast.packed)) +
		held(reflect.ValueOf(c.fast.workers))
}

// held returns the bytes of the slices that v holds, and of those in their
// elements. An im2col is left out, and what slices of slices hold: they look at
// operands and tables.
func held(v reflect.Value) int64 {
	var n int64
	switch v.Type() {
	case reflect.TypeFor[im2col[float32]](), reflect.TypeFor[im2col[uint8]]():
		return 0
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n = held(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += held(v.Field(i))
		}
	case reflect.Slice:
		n = int64(v.Cap()) * int64(v.Type().Elem().Size())
		switch v.Type().Elem().Kind() {
		case reflect.Struct, reflect.Pointer:
			for i := range v.Len() {
				n += held(v.Index(i))
			}
		}
	}
	return n
}
