//go:build cgo && !nogpu

package gpu

import (
	"fmt"

	"gputrain/model/backend"
)

// MaxPool2D implements [backend.Layers].
func (d *Device) MaxPool2D(y, index, x backend.Tensor, g backend.Pool2D) {
	dims := backend.CheckPool2D(who, "MaxPool2D", y, index, x, g)
	d.pooling("MaxPool2D", "maxpool2d_fwd", dims, y.Shape().Len(), d.own(y), d.own(index), d.own(x))
}

// MaxPool2DBackward implements [backend.Layers].
func (d *Device) MaxPool2DBackward(dx, dy, index backend.Tensor, g backend.Pool2D) {
	dims := backend.CheckPool2D(who, "MaxPool2DBackward", dy, index, dx, g)
	d.pooling("MaxPool2DBackward", "maxpool2d_dx", dims, dx.Shape().Len(), d.own(dx), d.own(dy), d.own(index))
}

// AvgPool2D implements [backend.Layers].
func (d *Device) AvgPool2D(y, x backend.Tensor, g backend.Pool2D) {
	dims := backend.CheckPool2D(who, "AvgPool2D", y, nil, x, g)
	d.pooling("AvgPool2D", "avgpool2d_fwd", dims, y.Shape().Len(), d.own(y), d.own(x))
}

// AvgPool2DBackward implements [backend.Layers].
func (d *Device) AvgPool2DBackward(dx, dy backend.Tensor, g backend.Pool2D) {
	dims := backend.CheckPool2D(who, "AvgPool2DBackward", dy, nil, dx, g)
	d.pooling("AvgPool2DBackward", "avgpool2d_dx", dims, dx.Shape().Len(), d.own(dx), d.own(dy))
}

// pooling runs a kernel of pooling over n elements.
//
// One invocation walks a whole window, and llvmpipe would end it silently in
// one of more than maxTurns pixels: that is an error there.
func (d *Device) pooling(op, file string, p backend.PoolDims, n int, buffers ...*memory) {
	if area := p.Window[0] * p.Window[1]; area > maxTurns && d.info.Software {
		d.queue(op, func() error {
			return fmt.Errorf("window %d×%d: software renderers take windows of at most %d pixels", p.Window[0], p.Window[1], maxTurns)
		})
		return
	}
	d.run(op, kernel{file: file}, job{over: n, turns: p.Window[0] * p.Window[1], buffers: buffers, ints: []int{
		p.Planes, p.H, p.W, p.OH, p.OW,
		p.Window[0], p.Window[1], p.Stride[0], p.Stride[1], p.Pad[0], p.Pad[1],
	}})
}
