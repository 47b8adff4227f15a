//go:build !amd64

package kernel

// highest is the highest level of this machine.
const highest = Go
