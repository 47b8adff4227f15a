package dataset

import "math/rand/v2"

// The purposes that random numbers are drawn for. Streams of different purpose
// are independent though seed, epoch and index are the same.
const (
	purposeShuffle uint64 = iota + 1
	purposeAugment
	purposeSynthesizeTrain
	purposeSynthesizeTest
	purposeMix
)

// reseed starts g on the stream that belongs to the key: the first numbers of
// two streams are unrelated however close their keys are.
//
// The key is folded by the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast
// Splittable Pseudorandom Number Generators", OOPSLA 2014), a bijection of 64
// bits, applied once for each part of the key.
func reseed(g *rand.PCG, purpose, seed, epoch, index uint64) {
	const golden = 0x9e3779b97f4a7c15
	fold := func(h, v uint64) uint64 {
		h += golden + v
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		return h ^ h>>31
	}
	h := fold(fold(fold(fold(0, purpose), seed), epoch), index)
	g.Seed(h, fold(h, 0))
}
