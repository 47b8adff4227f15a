package model

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// vggPool stands for max pooling of 2×2 in a list of widths.
const vggPool = 0

// Configurations A, B, D and E of the paper's table 1.
var (
	vgg11 = []int{64, vggPool, 128, vggPool, 256, 256, vggPool, 512, 512, vggPool, 512, 512, vggPool}
	vgg13 = []int{64, 64, vggPool, 128, 128, vggPool, 256, 256, vggPool, 512, 512, vggPool, 512, 512, vggPool}
	vgg16 = []int{64, 64, vggPool, 128, 128, vggPool, 256, 256, 256, vggPool, 512, 512, 512, vggPool, 512, 512, 512, vggPool}
	vgg19 = []int{64, 64, vggPool, 128, 128, vggPool, 256, 256, 256, 256, vggPool, 512, 512, 512, 512, vggPool, 512, 512, 512, 512, vggPool}
)

// vgg returns a network of Simonyan and Zisserman, "Very Deep Convolutional
// Networks for Large-Scale Image Recognition", ICLR 2015, of 3×3 convolutions
// of the given widths, with or without batch normalisation, and torchvision's
// names: the layers of the convolutional part, ReLU and pooling included, are
// features.0, features.1, …
//
//	features → average to 7×7 → classifier.0 4096 → ReLU → dropout 0.5
//	→ classifier.3 4096 → ReLU → dropout 0.5 → classifier.6 classes
//
// With [StemCIFAR] it is features → average over the image → classifier.
//
// Without batch normalisation weights and biases start as torchvision's:
// convolutions from N(0, 2/(out·9)), linear weights from N(0, 0.01²), biases
// from 0. From the uniform distribution that all else starts from, the logits of
// two images differ by 10⁻⁸ after 16 such layers, and no gradient is left.
func vgg(widths []int, norm bool) builder {
	return func(p *planner, x *value, classes int) *value {
		stem := p.stem(x)
		at := 0
		name := func() string {
			at++
			return fmt.Sprintf("features.%d", at-1)
		}
		for _, w := range widths {
			if w == vggPool {
				x = p.maxPool(name(), x, backend.Pool2D{Window: [2]int{2, 2}})
				continue
			}
			f := filter{out: w, kernel: 3, stride: 1, pad: 1, bias: true}
			if !norm {
				f.weights, f.biases = normal(math.Sqrt(2/float64(9*w))), constant(0)
			}
			x = p.conv(name(), x, f)
			if norm {
				x = p.batchNorm(name(), x)
			}
			x = p.relu(name(), x)
		}
		if p.err != nil {
			return x
		}
		linear := func(name string, x *value, out int) *value {
			f := filter{out: out}
			if !norm {
				f.weights, f.biases = normal(0.01), constant(0)
			}
			return p.linearFrom(name, x, f)
		}
		if stem == StemCIFAR {
			if window := [2]int(x.shape[2:4]); window != [2]int{1, 1} {
				x = p.avgPool("avgpool", x, backend.Pool2D{Window: window})
			}
			return linear("classifier", x, classes)
		}
		x = p.averageTo("avgpool", x, 7)
		x = p.relu("classifier.1", linear("classifier.0", x, 4096))
		x = p.dropout("classifier.2", x, 0.5)
		x = p.relu("classifier.4", linear("classifier.3", x, 4096))
		x = p.dropout("classifier.5", x, 0.5)
		return linear("classifier.6", x, classes)
	}
}
