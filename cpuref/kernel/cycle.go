package kernel

import "time"

// CycleNanoseconds returns the time of an addition that waits for the one
// before it: a cycle of the core at the speed at which it runs just now, and so
// the unit in which figures of different machines compare. It takes a few
// milliseconds.
func CycleNanoseconds() float64 { return cycle(9, 20000) }

// CycleAfterwards is CycleNanoseconds in some 30 µs: so soon after a kernel the core
// still runs at the speed to which wide instructions have slowed it down.
func CycleAfterwards() float64 { return cycle(3, 2000) }

func cycle(rounds, turns int) float64 {
	best := time.Duration(1 << 62)
	for range rounds {
		start := time.Now()
		if sum := dependentAdds(turns); sum == 0 {
			continue // never; the sum must be looked at, or there is no need to add
		}
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds()) / float64(turns*addsPerTurn)
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
