//go:build race

package cpuref_test

// The race detector slows the suite down ten times, and has nothing to find in
// one thread.
const oneThread = false
