//go:build !amd64

package kernel

// archForwards are the kernels of this architecture, best first.
var archForwards []*forward
