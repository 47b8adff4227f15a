//go:build cgo && !nogpu

package gpu

// lutDequantize sets y = s_w·s_x·(acc − Z_x·ΣW − Z_w·Σ(X − Z_x)): the sums of
// codes first, each once, then a pass over the outputs.
//
// Σ(X − Z_x) runs over the taps inside the image, under both paddings: one
// outside has X = Z_x, or does not count. ΣW runs over all taps where those
// outside count, and depends on the output's place where they do not.
func (d *Device) lutDequantize(y, acc *memory, c codes) {
	placesW := c.dims.Cout
	if c.intZero() != 0 {
		placesW *= c.plane()
	}
	placesX := c.dims.Batch * c.dims.Groups * c.plane()
	sumW, sumX := d.scratch(c.op, placesW), d.scratch(c.op, placesX)
	wMin, xMin := c.t.product.W().Min(), c.t.product.X().Min()
	for first, last := range spans(c.dims.K, maxTurns) {
		d.run(c.op, kernel{file: "lut_sum_w"}, job{over: placesW, turns: last - first, conv: &c.dims,
			buffers: []*memory{sumW, c.w, c.qx}, ints: []int{wMin, c.intZero(), first, last}})
		d.run(c.op, kernel{file: "lut_sum_x"}, job{over: placesX, turns: last - first, conv: &c.dims,
			buffers: []*memory{sumX, c.x, c.qx}, ints: []int{xMin, first, last}})
	}
	d.run(c.op, kernel{file: "lut_dequantize"}, job{over: c.outputs(), conv: &c.dims,
		buffers: []*memory{y, acc, sumW, sumX, c.qw, c.qx}, ints: []int{c.columns(), c.intZero()}})
	d.release(sumW)
	d.release(sumX)
}
