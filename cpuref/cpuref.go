// Package cpuref implements package backend on the host, in Go.
//
// [Plain] is the reference that all else is held to: each operation is the
// loop that its equation suggests, in one goroutine. [CPU] is what machines
// without a GPU train on: the same results from all cores.
//
// # Order of sums
//
// Integers are exact in any order. Plain sums floats in the order in which its
// loops read; where it adds in float64, the comment of the operation says so.
// CPU cuts work into pieces whose number and size depend on shapes only, never
// on the number of threads, and combines partial sums in the order of the
// pieces. Its results are therefore the same bits for any number of threads.
// They are those of Plain, bit for bit, in all integers and in all operations
// that work element by element.
package cpuref

import (
	"fmt"
	"reflect"
	"runtime"

	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// who begins the panics of this package.
const who = "cpuref"

var (
	_ backend.Backend = (*Plain)(nil)
	_ backend.Guarded = (*Plain)(nil)
	_ backend.Backend = (*CPU)(nil)
	_ backend.Guarded = (*CPU)(nil)
)

// A Plain is a backend of plain loops in the caller's goroutine. It is made by
// [NewPlain].
type Plain struct {
	guards uint32 // tensors with guards so far
}

// NewPlain returns a Plain.
func NewPlain() *Plain { return new(Plain) }

// Name returns "plain".
func (*Plain) Name() string { return "plain" }

// A CPU is a backend that computes what [Plain] does on several threads. It is
// made by [New] or [NewThreads].
type CPU struct {
	Plain
	fast   fast // what the operations of fast_*.go keep
	crew   crew
	memory arena
	kept   map[reflect.Type]any
}

// New returns a CPU with as many threads as Go runs at once (GOMAXPROCS).
func New() *CPU { return NewThreads(runtime.GOMAXPROCS(0)) }

// NewThreads returns a CPU with n threads, at least 1, at the level of
// [kernel.Default]. It panics where that returns an error: a program asks first.
func NewThreads(n int) *CPU {
	level, err := kernel.Default()
	if err != nil {
		panic(who + ": " + err.Error())
	}
	return NewLevel(n, level)
}

// NewLevel returns a CPU with n threads, at least 1, whose kernels use the
// instructions of the given level, which must be one of [kernel.Levels]. Its
// goroutines start with the first operation that has work for them.
func NewLevel(n int, level kernel.Level) *CPU {
	n = max(n, 1)
	return &CPU{fast: newFast(level, n), crew: crew{threads: n}, kept: make(map[reflect.Type]any)}
}

// Close ends the goroutines of c. Tensors stay; a later operation starts the
// goroutines again.
func (c *CPU) Close() { c.crew.stop() }

// Name returns the kernels' instruction set and the number of threads, as in
// "cpuref (avx512vbmi, 2 threads)".
func (c *CPU) Name() string {
	if c.crew.threads == 1 {
		return fmt.Sprintf("cpuref (%s, 1 thread)", c.fast.level)
	}
	return fmt.Sprintf("cpuref (%s, %d threads)", c.fast.level, c.crew.threads)
}
