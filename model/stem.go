package model

// The stems that networks for large images come with: what stands before the
// first stage, and how far it shrinks the image.
const (
	// StemCIFAR keeps the size of small images: the form of these networks in
	// papers on CIFAR. A ResNet begins with a 3×3 convolution of stride 1 and has
	// no max pooling; VGG averages over the image what its convolutions leave,
	// and ends in a single linear layer called classifier; MobileNetV2 has
	// stride 1 in its first convolution and in the stage of width 24.
	StemCIFAR = "cifar"

	// StemImageNet is the published network, torchvision's.
	StemImageNet = "imagenet"

	stemPixels = 64 // rows and columns from which StemImageNet is the default
)

// stem returns the stem to build on images x.
func (p *planner) stem(x *value) string {
	p.chosen = p.config.Stem
	if p.chosen == "" {
		p.chosen = StemCIFAR
		if x.shape[2] >= stemPixels && x.shape[3] >= stemPixels {
			p.chosen = StemImageNet
		}
	}
	return p.chosen
}

// checkStem reports a stem that there is not.
func (p *planner) checkStem() {
	switch p.config.Stem {
	case "", p.chosen:
	default:
		p.fail(p.config.Name, "stem %q, but this network has no stems to choose from", p.config.Stem)
	}
}
