//go:build cgo && !nogpu

package gpu

import (
	"math"

	"gputrain/model/backend"
)

// AdaMomentumStep implements [backend.Optimizer]. The derived factors are
// those of AdamStep.
func (d *Device) AdaMomentumStep(w, dw, m, v backend.Tensor, h backend.Adam) {
	const op = "AdaMomentumStep"
	backend.CheckAdaMomentum(who, w, dw, m, v, h)
	n, t := w.Shape().Len(), float64(h.Step)
	d.run(op, kernel{file: "adamomentum_step"}, job{over: n,
		buffers: []*memory{d.own(w), d.own(dw), d.own(m), d.own(v)}, ints: []int{n},
		reals: []float32{
			float32(h.Beta1), float32(1 - h.Beta1), float32(h.Beta2), float32(1 - h.Beta2),
			float32(h.LR / (1 - math.Pow(h.Beta1, t))), float32(math.Sqrt(1 - math.Pow(h.Beta2, t))),
			float32(h.Eps), float32(h.WeightDecay),
		}})
}
