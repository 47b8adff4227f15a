//go:build cgo && !nogpu

package gpu

import (
	"math"

	"gputrain/model/backend"
)

// AdanStep implements [backend.Optimizer]. The derived factors are β, 1−β,
// 1/(1−β1^t), β2/(1−β2^t), √(1−β3^t), eps, lr and 1/(1+lr·wd).
func (d *Device) AdanStep(w, dw, m, v, n, prev backend.Tensor, h backend.Adan) {
	const op = "AdanStep"
	backend.CheckStep(who, op, w, dw, m, v, n, prev)
	size, t := w.Shape().Len(), float64(h.Step)
	d.run(op, kernel{file: "adan_step"}, job{over: size,
		buffers: []*memory{d.own(w), d.own(dw), d.own(m), d.own(v), d.own(n), d.own(prev)},
		ints:    []int{size, flag(h.Step == 1)},
		reals: []float32{
			float32(h.Beta1), float32(1 - h.Beta1), float32(h.Beta2), float32(1 - h.Beta2),
			float32(h.Beta3), float32(1 - h.Beta3),
			float32(1 / (1 - math.Pow(h.Beta1, t))), float32(h.Beta2 / (1 - math.Pow(h.Beta2, t))),
			float32(math.Sqrt(1 - math.Pow(h.Beta3, t))),
			float32(h.Eps), float32(h.LR), float32(1 / (1 + float64(h.LR*h.WeightDecay))),
		}})
}
