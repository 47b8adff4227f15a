//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// Dropout implements [backend.Layers].
func (d *Device) Dropout(y, x backend.Tensor, p float64, seed uint64) {
	threshold, scale := backend.CheckDropout(who, y, x, p)
	n := y.Shape().Len()
	d.run("Dropout", kernel{file: "dropout_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(x)},
		ints:    []int{n, int(int32(uint32(seed))), int(int32(uint32(seed >> 32))), int(int32(threshold))},
		reals:   []float32{scale}})
}
