package model

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// An initializer sets the initial elements of the tensor called name.
type initializer func(dst []float32, seed uint64, name string)

// constant fills a tensor with one number.
func constant(v float32) initializer {
	return func(dst []float32, _ uint64, _ string) {
		for i := range dst {
			dst[i] = v
		}
	}
}

// kaimingUniform draws from U(−b, b), b = 1/√fanIn, what PyTorch gives the
// weights of convolutions and linear layers and their biases:
//
//	b = gain·√(3/fanIn), gain = √(2/(1+a²)), a = √5
//
// (He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", ICCV 2015, for
// a leaky ReLU of slope a.) Each tensor has a generator of its own, seeded by
// its name: a layer starts alike whatever stands before it.
func kaimingUniform(fanIn int) initializer {
	bound := 1 / math.Sqrt(float64(fanIn))
	return func(dst []float32, seed uint64, name string) {
		r := generator(seed, name)
		for i := range dst {
			dst[i] = float32((2*r.Float64() - 1) * bound)
		}
	}
}

// normal draws from N(0, sd²).
func normal(sd float64) initializer {
	return func(dst []float32, seed uint64, name string) {
		r := generator(seed, name)
		for i := range dst {
			dst[i] = float32(sd * r.NormFloat64())
		}
	}
}

// generator returns the source of random numbers of the tensor called name.
func generator(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
