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
		return p.stages(x, []int{16, 32, 64}, []int{blocks, blocks, blocks}, (*planner).residual, classes)
	}
}

// resNet returns a residual network of section 4.1 of the same paper, with so
// many blocks in each of its four stages, and torchvision's names:
//
//	conv1 7×7 64, stride 2 → bn1 → ReLU → max pool 3×3, stride 2
//	→ 4 stages of widths 64, 128, 256, 512 → average over the image → fc classes
//
// All stages but the first begin with stride 2. With [StemCIFAR] conv1 is 3×3
// with stride 1, and there is no max pooling.
func resNet(block residualBlock, blocks ...int) builder {
	return func(p *planner, x *value, classes int) *value {
		stem, first := p.stem(x), filter{out: 64, kernel: 7, stride: 2, pad: 3}
		if stem == StemCIFAR {
			first = filter{out: 64, kernel: 3, stride: 1, pad: 1}
		}
		x = p.conv("conv1", x, first)
		x = p.batchNorm("bn1", x)
		x = p.relu("relu", x)
		if stem == StemImageNet {
			x = p.maxPool("maxpool", x, backend.Pool2D{Window: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [2]int{1, 1}})
		}
		return p.stages(x, []int{64, 128, 256, 512}, blocks, block, classes)
	}
}

// A residualBlock is [planner.residual] or [planner.bottleneck].
type residualBlock func(p *planner, name string, x *value, width, stride int) *value

// stages adds the stages of a residual network and what follows them.
func (p *planner) stages(x *value, widths, blocks []int, block residualBlock, classes int) *value {
	for stage, width := range widths {
		for i := range blocks[stage] {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			x = block(p, fmt.Sprintf("layer%d.%d", stage+1, i), x, width, stride)
		}
	}
	if p.err != nil {
		return x
	}
	x = p.avgPool("avgpool", x, backend.Pool2D{Window: [2]int(x.shape[2:4])})
	return p.linear("fc", x, classes)
}
