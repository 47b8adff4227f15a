package cpuref

import "gputrain/model/backend"

// Conv2D implements [backend.Layers].
func (c *CPU) Conv2D(y, w, x backend.Tensor, geo backend.Conv2D) {
	d := backend.CheckConv2D(who, "Conv2D", y, w, x, geo)
	c.productForward(c.f32(y), c.f32(w), c.f32(x), &d)
}

// Conv2DBackwardW implements [backend.Layers].
func (c *CPU) Conv2DBackwardW(dw, dy, x backend.Tensor, geo backend.Conv2D) {
	d := backend.CheckConv2D(who, "Conv2DBackwardW", dy, dw, x, geo)
	defer c.release()
	c.fast.taps = forwardTaps(c.fast.taps, &d)
	columns := forwardColumns(&d, c.fast.taps, 0, c.f32(x), 0)
	c.productBackwardW(c.f32(dw), c.f32(dy), &d, columns, weightSum{scale: 1})
}

// Conv2DBackwardX implements [backend.Layers].
func (c *CPU) Conv2DBackwardX(dx, dy, w backend.Tensor, geo backend.Conv2D) {
	d := backend.CheckConv2D(who, "Conv2DBackwardX", dy, w, dx, geo)
	defer c.release()
	W := c.f32(w)
	c.productBackwardX(c.f32(dx), c.f32(dy), &d, func(row []float32, g, ch int, taps []tap) {
		for m := range d.GroupOut {
			filter := W[(g*d.GroupOut+m)*d.K+ch*d.KH*d.KW:]
			for i, t := range taps {
				row[m*len(taps)+i] = filter[t.index]
			}
		}
	}, imageSum{})
}
