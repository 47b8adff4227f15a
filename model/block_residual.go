package model

// residual adds torchvision's BasicBlock:
//
//	y = ReLU(bn2(conv2(ReLU(bn1(conv1(x))))) + shortcut(x))
//
// conv1 and conv2 are 3×3, conv1 with the given stride.
func (p *planner) residual(name string, x *value, width, stride int) *value {
	if p.err != nil {
		return x
	}
	y := p.conv(name+".conv1", x, filter{out: width, kernel: 3, stride: stride, pad: 1})
	y = p.batchNorm(name+".bn1", y)
	y = p.relu(name+".relu1", y)
	y = p.conv(name+".conv2", y, filter{out: width, kernel: 3, stride: 1, pad: 1})
	y = p.batchNorm(name+".bn2", y)
	y = p.sum(name+".add", y, p.shortcut(name, x, width, stride))
	return p.relu(name+".relu2", y)
}

// shortcut returns x, or, where a block of the given width and stride gives
// another shape, a 1×1 convolution with that stride and batch normalisation.
func (p *planner) shortcut(name string, x *value, width, stride int) *value {
	if p.err != nil || stride == 1 && x.shape[1] == width {
		return x
	}
	x = p.conv(name+".downsample.0", x, filter{out: width, kernel: 1, stride: stride})
	return p.batchNorm(name+".downsample.1", x)
}
