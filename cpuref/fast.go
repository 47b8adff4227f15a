package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// A fast holds what the operations of [CPU] that multiply matrices need beside
// their operands: package kernel at one level, and memory to work in, which
// grows to what the largest operation takes and is then reused.
type fast struct {
	level   kernel.Level
	weights []kernel.Weights // of each group or batch
	workers []*workspace     // of each thread
}

// A workspace is the memory that the parts of an operation work in, one after
// the other, on one thread.
type workspace struct {
	kernel kernel.Scratch
	codes  im2col[uint8]
	matrix kernel.Matrix
	sums   []int32
	plane  []int32
	ranges []tapRange
}

// newFast returns the fast operations for so many threads.
func newFast(level kernel.Level, threads int) fast {
	f := fast{level: level}
	for range threads {
		f.workers = append(f.workers, new(workspace))
	}
	return f
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
