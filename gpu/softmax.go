//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// SoftmaxCrossEntropy implements [backend.Layers]. A label that is no class
// makes the loss NaN.
func (d *Device) SoftmaxCrossEntropy(stats, dlogits, logits, labels backend.Tensor, scale float32) {
	const op = "SoftmaxCrossEntropy"
	N, classes := backend.CheckSoftmaxCrossEntropy(who, stats, dlogits, logits, labels)
	S, dL, L, T := d.own(stats), d.own(dlogits), d.own(logits), d.own(labels)
	rows := d.scratch(op, 2*N)
	d.run(op, kernel{file: "softmax_rows"}, job{groups: [2]int{min(N, maxGroups), 1},
		buffers: []*memory{dL, rows, L, T}, ints: []int{N, classes}, reals: []float32{scale}})
	d.run(op, kernel{file: "softmax_stats"}, job{groups: [2]int{1, 1},
		buffers: []*memory{S, rows}, ints: []int{N}})
	d.release(rows)
}
