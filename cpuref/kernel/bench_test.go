package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkForward measures one thread. It reports the best of its rounds, as
// look-ups a second and a cycle.
func BenchmarkForward(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, bits := range []int{8, 7, 6} {
		mul := newMultiplier("", bits, bits, func(w, x int) int32 { return int32(w * x) })
		for _, shape := range [][3]int{{64, 576, 4096}, {128, 1152, 4096}, {128, 512, 512}} {
			M, K, N := shape[0], shape[1], shape[2]
			w, x := randomCodes(rng, M*K, bits), Matrix{Code: randomCodes(rng, K*N, bits), LD: N}
			for _, level := range Levels() {
				p := NewProducts(mul.all, bits, bits, level)
				b.Run(fmt.Sprintf("%s/%d bits/%d×%d×%d", p.Kernel(M, N), bits, M, K, N), func(b *testing.B) {
					var s Scratch
					var packed Weights
					best := time.Duration(1 << 62)
					for b.Loop() {
						start := time.Now()
						p.Pack(&packed, w, K, M, K)
						strip := p.Strip(M, N)
						for n0 := 0; n0 < N; n0 += strip {
							p.Sum(&s, &packed, 0, M, &x, n0, min(strip, N-n0))
						}
						best = min(best, time.Since(start))
					}
					perSecond := float64(M) * float64(K) * float64(N) / best.Seconds()
					b.ReportMetric(perSecond/1e9, "G/s")
					b.ReportMetric(perSecond*CycleNanoseconds()/1e9, "per-cycle")
				})
			}
		}
	}
}
