package model

// residual adds torchvision's BasicBlock:
//
//	y = ReLU(bn2(conv2(ReLU(bn1(conv1(x))))) + shortcut(x))
//
// conv1 and conv2 are 3×3, conv1 with the given stride. The shortcut is x, or,
// where y has another shape, a 1×1 convolution with that stride and batch
// normalisation.
func (p *planner) residual(name string, x *value, width, stride int) *value {
	if p.err != nil {
		return x
	}
	y := p.conv(name+".conv1", x, filter{out: width, kernel: 3, stride: stride, pad: 1})
	y = p.batchNorm(name+".bn1", y)
	y = p.relu(name+".relu1", y)
	y = p.conv(name+".conv2", y, filter{out: width, kernel: 3, stride: 1, pad: 1})
	y = p.batchNorm(name+".bn2", y)
	shortcut := x
	if stride != 1 || x.shape[1] != width {
		shortcut = p.conv(name+".downsample.0", x, filter{out: width, kernel: 1, stride: stride})
		shortcut = p.batchNorm(name+".downsample.1", shortcut)
	}
	y = p.sum(name+".add", y, shortcut)
	return p.relu(name+".relu2", y)
}
