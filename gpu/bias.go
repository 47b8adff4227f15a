//go:build cgo && !nogpu

package gpu

import (
	"gputrain/model/backend"
	"gputrain/shaders"
)

// AddBias implements [backend.Layers].
func (d *Device) AddBias(y, b backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "AddBias", y, backend.Named{Name: "b", T: b})
	n := N * C * each
	d.run("AddBias", kernel{file: "bias_fwd"}, job{over: n,
		buffers: []*memory{d.own(y), d.own(b)}, ints: []int{n, C, each}})
}

// BiasBackward implements [backend.Layers].
func (d *Device) BiasBackward(db, dy backend.Tensor) {
	const op = "BiasBackward"
	N, C, each := backend.CheckChannels(who, op, dy, backend.Named{Name: "db", T: db})
	dB, dY := d.own(db), d.own(dy)
	c := pieces(N * each)
	dst := d.slices(op, dB, C, c)
	d.channelSums(op, 0, c, N, C, each, dst, dY)
	d.addSlices(op, dB, dst, C, c)
}

// channelSums runs channel_sums, of which term says what is summed.
func (d *Device) channelSums(op string, term int, c cut, N, C, each int, buffers ...*memory) {
	d.run(op, kernel{"channel_sums", [4]shaders.Define{{Name: "TERM", Value: term}}}, job{groups: [2]int{c.slices, min(C, maxGroups)}, buffers: buffers, ints: []int{N, C, each, c.length}})
}
