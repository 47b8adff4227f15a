package model

import (
	"fmt"

	"gputrain/model/backend"
)

// mobileNetV2 is the network of Sandler, Howard, Zhu, Zhmoginov and Chen,
// "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2,
// with torchvision's names:
//
//	features.0 3×3 32 → features.1 … 17, inverted residuals → features.18 1×1 1280
//	→ average over the image → dropout 0.2 → classifier.1 classes
//
// [StemCIFAR] leaves out the strides of features.0 and features.2: an image of
// 32×32 ends at 4×4.
func mobileNetV2(p *planner, x *value, classes int) *value {
	stages := []struct{ expansion, width, blocks, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	}
	first := 2
	if p.stem(x) == StemCIFAR {
		first, stages[1].stride = 1, 1
	}
	x = p.convReLU6("features.0", x, filter{out: 32, kernel: 3, stride: first, pad: 1})
	block := 1
	for _, s := range stages {
		stride := s.stride
		for range s.blocks {
			x = p.inverted(fmt.Sprintf("features.%d", block), x, s.expansion, s.width, stride)
			block, stride = block+1, 1
		}
	}
	x = p.convReLU6(fmt.Sprintf("features.%d", block), x, filter{out: 1280, kernel: 1, stride: 1})
	if p.err != nil {
		return x
	}
	x = p.avgPool("avgpool", x, backend.Pool2D{Window: [2]int(x.shape[2:4])})
	x = p.dropout("classifier.0", x, 0.2)
	return p.linear("classifier.1", x, classes)
}
