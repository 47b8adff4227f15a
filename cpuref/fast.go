package cpuref

import (
	"sync"

	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// A fast holds what the operations of [CPU] that multiply matrices need beside
// the operands: package kernel at one level, and memory to work in, which
// grows to what the largest operation takes and is then reused.
type fast struct {
	level kernel.Level

	mu      sync.Mutex
	scratch []*scratch // not in use

	weights []kernel.Weights // of each group or batch
	int32s  []int32          // sums that pieces of an operation share
}

// A scratch is the memory of one piece of an operation.
type scratch struct {
	kernel kernel.Scratch
	codes  im2col[uint8]
	matrix kernel.Matrix
	sums   []int32
	plane  []int32
	ranges []tapRange
}

// pieces calls f for each piece of an operation, on all threads.
func (c *CPU) pieces(n int, f func(s *scratch, i int)) {
	c.parallel(n, func(i int) {
		s := c.fast.take()
		f(s, i)
		c.fast.put(s)
	})
}

func (f *fast) take() *scratch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.scratch); n > 0 {
		s := f.scratch[n-1]
		f.scratch = f.scratch[:n-1]
		return s
	}
	return new(scratch)
}

func (f *fast) put(s *scratch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scratch = append(f.scratch, s)
}

// fastTables are a multiplier as package kernel reads it.
type fastTables struct {
	tables
	products *kernel.Products
}

// NewTables implements [backend.Multiplier].
func (c *CPU) NewTables(t *lut.Table, g lut.Gradients) backend.Tables {
	return &fastTables{
		tables:   tables{product: t, gradients: g},
		products: kernel.NewProducts(t.Products(), t.W().Bits, t.X().Bits, c.fast.level),
	}
}

// resize returns s with length n and any content.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
