//go:build !race

package cpuref_test

const oneThread = true
