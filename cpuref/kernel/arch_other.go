//go:build !amd64

package kernel

// archForwards returns the kernels of this architecture, best first.
func archForwards() []*forward { return nil }

// archFloats returns the kernels of a level, nil if it has none of its own.
func archFloats(Level) *Floats { return nil }

// archElements returns the kernels of a level, nil if it has none of its own.
func archElements(Level) *Elements { return nil }
