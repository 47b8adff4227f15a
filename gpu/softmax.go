//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// SoftmaxCrossEntropy implements [backend.Layers]. A label that is no class
// makes the loss NaN.
func (d *Device) SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) {
	const op = "SoftmaxCrossEntropy"
	l := backend.CheckSoftmaxCrossEntropy(who, stats, dlogits, logits, t)
	S, dL, L, T := d.own(stats), d.own(dlogits), d.own(logits), d.own(t.Labels)
	mixed := T
	if t.Mixed != nil {
		mixed = d.own(t.Mixed)
	}
	rows := d.scratch(op, 3*l.N)
	d.run(op, kernel{file: "softmax_rows"}, job{groups: [2]int{min(l.N, maxGroups), 1},
		buffers: []*memory{dL, rows, L, T, mixed}, ints: []int{l.N, l.Classes, flag(t.Mixed != nil)},
		reals: []float32{l.Label, l.Mixed, l.Rest, scale}})
	d.run(op, kernel{file: "softmax_stats"}, job{groups: [2]int{1, 1},
		buffers: []*memory{S, rows}, ints: []int{l.N}})
	d.release(rows)
}
