//go:build cgo && !nogpu

package gpu

import (
	"math"

	"gputrain/model/backend"
)

// AdamStep implements [backend.Optimizer]. The derived factors are β1, 1−β1,
// β2, 1−β2, lr/(1−β1^t), √(1−β2^t), eps, wd and 1−lr·wd.
func (d *Device) AdamStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	const op = "AdamStep"
	backend.CheckStep(who, op, w, dw, m, v)
	coupled, decoupled := float32(h.WeightDecay), float32(1)
	if h.Decoupled {
		coupled, decoupled = 0, float32(1-float64(h.LR*h.WeightDecay))
	}
	n, t := w.Shape().Len(), float64(h.Step)
	d.run(op, kernel{file: "adam_step"}, job{over: n,
		buffers: []*memory{d.own(w), d.own(dw), d.own(m), d.own(v)}, ints: []int{n},
		reals: []float32{
			float32(h.Beta1), float32(1 - h.Beta1), float32(h.Beta2), float32(1 - h.Beta2),
			float32(h.LR / (1 - math.Pow(h.Beta1, t))), float32(math.Sqrt(1 - math.Pow(h.Beta2, t))),
			float32(h.Eps), coupled, decoupled,
		}})
}
