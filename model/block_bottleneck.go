package model

// bottleneckExpansion is the width of a bottleneck's output over that of its
// 3×3 convolution.
const bottleneckExpansion = 4

// bottleneck adds torchvision's Bottleneck:
//
//	y = ReLU(bn3(conv3(ReLU(bn2(conv2(ReLU(bn1(conv1(x)))))))) + shortcut(x))
//
// conv1 is 1×1, conv2 3×3, both of the given width, conv3 1×1 of four times
// that. The stride is conv2's ("ResNet v1.5"; in the paper it is conv1's). The
// shortcut is that of [planner.residual].
func (p *planner) bottleneck(name string, x *value, width, stride int) *value {
	if p.err != nil {
		return x
	}
	y := p.conv(name+".conv1", x, filter{out: width, kernel: 1, stride: 1})
	y = p.batchNorm(name+".bn1", y)
	y = p.relu(name+".relu1", y)
	y = p.conv(name+".conv2", y, filter{out: width, kernel: 3, stride: stride, pad: 1})
	y = p.batchNorm(name+".bn2", y)
	y = p.relu(name+".relu2", y)
	y = p.conv(name+".conv3", y, filter{out: bottleneckExpansion * width, kernel: 1, stride: 1})
	y = p.batchNorm(name+".bn3", y)
	y = p.sum(name+".add", y, p.shortcut(name, x, bottleneckExpansion*width, stride))
	return p.relu(name+".relu3", y)
}
