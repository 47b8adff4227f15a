package model

import "fmt"

// inverted adds torchvision's InvertedResidual:
//
//	y = project(ReLU6(bn(depthwise(ReLU6(bn(expand(x)))))))   (+ x)
//
// expand is 1×1 to expansion times the channels of x, and absent where that is
// 1; depthwise is 3×3 with the given stride, each channel by itself; project
// is 1×1 to the given width, with batch normalisation and nothing after it. x
// is added where it has the shape of y.
func (p *planner) inverted(name string, x *value, expansion, width, stride int) *value {
	if p.err != nil {
		return x
	}
	channels := x.shape[1] * expansion
	y, at := x, 0
	if expansion != 1 {
		y = p.convReLU6(name+".conv.0", y, filter{out: channels, kernel: 1, stride: 1})
		at = 1
	}
	y = p.convReLU6(fmt.Sprintf("%s.conv.%d", name, at), y, filter{out: channels, kernel: 3, stride: stride, pad: 1, groups: channels})
	y = p.conv(fmt.Sprintf("%s.conv.%d", name, at+1), y, filter{out: width, kernel: 1, stride: 1})
	y = p.batchNorm(fmt.Sprintf("%s.conv.%d", name, at+2), y)
	if stride == 1 && x.shape[1] == width {
		y = p.sum(name+".add", y, x)
	}
	return y
}

// convReLU6 adds a convolution, batch normalisation and ReLU6: NAME.0, .1, .2.
func (p *planner) convReLU6(name string, x *value, f filter) *value {
	x = p.conv(name+".0", x, f)
	x = p.batchNorm(name+".1", x)
	return p.relu6(name+".2", x)
}
