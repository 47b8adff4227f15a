//go:build !race

package kernel

const oneShapeIn = 1
