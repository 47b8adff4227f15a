// Package kernel holds the fast loops under package cpuref: sums of table
// look-ups, their gradients, float32 matrix products, and in vectors what works
// element by element ([Elements]).
//
// Every tool that reads one random table entry per multiply-accumulate stands
// at the cost of that read. The kernels here pass it in one of two ways:
//
//   - Row reuse keeps the few table rows of one weight near the core while all
//     columns pass by.
//   - Row expansion fixes k and a block of rows m and lists, for every
//     activation code x, the products of the block's weights side by side. One
//     read at X[k,n] then yields a whole vector of products, and the list is
//     used for every column n.
//
// Names follow package backend: Y[M,N] = Σ_k AM(W[M,k], X[k,N]).
//
// # Levels
//
// A [Level] is a set of instructions; kernels of lower levels serve where
// those of a higher one have nothing to offer. Integers are the same at every
// level, always: a kernel whose arithmetic is narrower than int32 states why
// it is exact, the condition is checked on the table ([NewProducts]), and a
// table that fails it takes a wider kernel. Sums of float32 are in a fixed
// order at each level, whatever the number of threads, and differ between
// levels within the bound of the contract (package backend).
//
// The assembly is generated: go generate in this directory, with the
// generators in asm, reproduces it.
package kernel
