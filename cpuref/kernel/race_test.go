//go:build race

package kernel

// The race detector has little to find where no goroutine is started, and slows
// the tests down ten times: they take one shape of so many.
const oneShapeIn = 9
