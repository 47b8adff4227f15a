package kernel

import "time"

// CycleNanoseconds returns the time of an addition that waits for the one
// before it: a cycle of the core at the speed at which it runs just now, and so
// the unit in which figures of different machines compare. It takes a few
// milliseconds.
func CycleNanoseconds() float64 {
	const turns = 20000
	best := time.Duration(1 << 62)
	for range 9 {
		start := time.Now()
		if sum := dependentAdds(turns); sum == 0 {
			continue // never; the sum must be looked at, or there is no need to add
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / (turns * addsPerTurn)
}

const addsPerTurn = 16

// dependentAdds does addsPerTurn additions a turn, each of which takes the
// result of the one before.
//
//go:noinline
func dependentAdds(turns int) uint64 {
	a, b := uint64(1), uint64(1)
	for range turns {
		a += b
		b += a
		a += b
		b += a
		a += b
		b += a
		a += b
		b += a
		a += b
		b += a
		a += b
		b += a
		a += b
		b += a
		a += b
		b += a
	}
	return a
}
