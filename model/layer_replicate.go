package model

import "gputrain/model/backend"

// averageTo adds PyTorch's AdaptiveAvgPool2d to size×size, where all its
// windows are of one size: x is passed on as it is if it has that size,
// averaged in windows if its rows and columns are multiples of it, and
// replicated if it is 1×1.
func (p *planner) averageTo(name string, x *value, size int) *value {
	if p.err != nil {
		return x
	}
	switch h, w := x.shape[2], x.shape[3]; {
	case h == size && w == size:
		return x
	case h%size == 0 && w%size == 0:
		return p.avgPool(name, x, backend.Pool2D{Window: [2]int{h / size, w / size}})
	case h == 1 && w == 1:
		return p.replicate(name, x, size)
	default:
		p.fail(name, "%d×%d averaged to %d×%d would need windows of different sizes, want 1×1 or multiples of %d: images of another size, or stem %q",
			h, w, size, size, size, StemCIFAR)
		return x
	}
}

// A replicate repeats x [N, C, 1, 1] in each of size×size pixels.
type replicate struct {
	common
	dxRow, dyRow *value // gradients as [N·C] and [1, N·C, size²]
}

func (p *planner) replicate(name string, x *value, size int) *value {
	out := backend.Shape{x.shape[0], x.shape[1], size, size}
	return p.add(&replicate{common: common{b: p.b, name: name, kind: "replicate", x: x, y: p.value(name, backend.F32, out)}})
}

func (l *replicate) forward(bool) {
	planes := l.x.shape.Len()
	pixels := l.y.shape.Len() / planes
	l.b.Copy(l.y.t, backend.Layout{Stride: [4]int{pixels, 1}}, l.x.t, backend.Layout{Stride: [4]int{1}}, [4]int{planes, pixels, 1, 1})
}

func (l *replicate) differentiate(p *planner) {
	l.dy, l.dx = p.gradient(l.y), p.gradientFor(l.name, l.x)
	if l.dx == nil {
		return
	}
	planes := l.x.shape.Len()
	l.dxRow = p.view(l.dx, backend.Shape{planes})
	l.dyRow = p.view(l.dy, backend.Shape{1, planes, l.y.shape.Len() / planes})
	p.backward(l, l.dx, l.dy)
	p.contribute(l.name, l.x, l.dx)
}

// backward sets dx to the sum of dy over the pixels, which is what a bias
// receives.
func (l *replicate) backward() { l.b.BiasBackward(l.dxRow.t, l.dyRow.t) }
