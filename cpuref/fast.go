package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// A fast holds what the operations of [CPU] need beside their operands: package kernel at one level, and memory to work in, which
// grows to what the largest operation takes and is then reused.
type fast struct {
	level    kernel.Level
	floats   *kernel.Floats
	elements *kernel.Elements
	weights  []kernel.Weights // of each group
	packed   []kernel.Packed  // of each group and block of rows
	taps     []tap
	phases   []phase
	workers  []*workspace // of each thread
}

// A workspace is the memory that the parts of an operation work in, one after
// the other, on one thread.
type workspace struct {
	kernel kernel.Scratch
	codes  im2col[uint8]
	reals  im2col[float32]
	sums   []int32
	plane  []int32
	spans  []span

	columns, tile []float32 // of a product

	group  groupScratch
	stored storedScratch
	lanes  rowScratch
	tap    [1]tap
}

// newFast returns the fast operations for so many threads.
func newFast(level kernel.Level, threads int) fast {
	f := fast{level: level, floats: kernel.FloatsOf(level), elements: kernel.ElementsOf(level)}
	for range threads {
		f.workers = append(f.workers, new(workspace))
	}
	return f
}

// fastTables are a multiplier as package kernel reads it.
type fastTables struct {
	tables
	products             *kernel.Products
	gradientW, gradientX gradientTable // of Full gradients
}

// NewTables implements [backend.Multiplier].
func (c *CPU) NewTables(t *lut.Table, g lut.Gradients) backend.Tables {
	return &fastTables{
		tables:    tables{product: t, gradients: g},
		products:  kernel.NewProducts(t.Products(), t.W().Bits, t.X().Bits, c.fast.level),
		gradientW: newGradientTable(g.DW, c.fast.floats, true),
		gradientX: newGradientTable(g.DX, c.fast.floats, false),
	}
}

// asConv returns the convolution that a product is: one image of height 1, whose
// pixels are the columns, and a group for each batch.
func asConv(d backend.MatMulDims) backend.ConvDims {
	one := [2]int{1, 1}
	return backend.ConvDims{
		Conv2D: backend.Conv2D{Stride: one, Dilation: one, Groups: d.Batch},
		Batch:  1, Cin: d.Batch * d.K, H: 1, W: d.N,
		Cout: d.Batch * d.M, KH: 1, KW: 1, OH: 1, OW: d.N,
		GroupIn: d.K, GroupOut: d.M, K: d.K, PerChannel: d.PerChannel,
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

func roundUp(n, unit int) int { return ceilDiv(n, unit) * unit }
