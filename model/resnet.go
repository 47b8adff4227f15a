package model

import (
	"fmt"

	"gputrain/model/backend"
)

// cifarResNet returns a residual network of He, Zhang, Ren and Sun, "Deep
// Residual Learning for Image Recognition", CVPR 2016, section 4.2, with
// blocks in each of its three stages: 6·blocks + 2 layers with weights.
//
//	conv1 3×3 16 → bn1 → ReLU → 3 stages of widths 16, 32, 64
//	→ average over the image → fc classes
//
// The second and third stage begin with stride 2. Shortcuts that change the
// shape are 1×1 convolutions with batch normalisation, as in torchvision,
// where the paper pads with zeros: 272,474 parameters for blocks = 3 and 10
// classes.
func cifarResNet(blocks int) builder {
	return func(p *planner, x *value, classes int) *value {
		x = p.conv("conv1", x, filter{out: 16, kernel: 3, stride: 1, pad: 1})
		x = p.batchNorm("bn1", x)
		x = p.relu("relu", x)
		for stage, width := range []int{16, 32, 64} {
			for i := range blocks {
				stride := 1
				if stage > 0 && i == 0 {
					stride = 2
				}
				x = p.residual(fmt.Sprintf("layer%d.%d", stage+1, i), x, width, stride)
			}
		}
		if p.err != nil {
			return x
		}
		x = p.avgPool("avgpool", x, backend.Pool2D{Window: [2]int(x.shape[2:4])})
		return p.linear("fc", x, classes)
	}
}
