package cpuref

import "unsafe"

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
		whole := make([]byte, max(arenaMin, 2*len(a.block), a.used+n)+cacheLine)
		skip := -int(uintptr(unsafe.Pointer(&whole[0]))) & (cacheLine - 1)
		a.block, a.used = whole[skip:len(whole)-cacheLine+skip], 0
	}
	a.used += n
	return a.block[a.used-n : a.used : a.used]
}
