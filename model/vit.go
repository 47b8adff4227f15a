package model

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// A transformer is a vision transformer (Dosovitskiy et al., "An Image is
// Worth 16x16 Words", arXiv 2010.11929) of one size:
//
//	patches → linear → class token, positions → depth blocks → norm of the
//	class token → head
//	block: x += attention(norm(x)); x += fc2(GELU(fc1(norm(x))))
//
// DeiT (Touvron et al., arXiv 2012.12877) without its distillation token is the
// same network under another training. Dropout and stochastic depth are not
// there: both libraries build their networks with rates of 0, and evaluation
// never has them.
//
// Linear weights start as timm draws them, from N(0, 0.02²), with biases of 0;
// so does the position embedding; the class token from N(0, 10⁻¹²). (timm cuts
// the first two at ±2, a hundred standard deviations.) The patch embedding
// starts as any convolution. The small network's linear weights start from
// N(0, 1/in), for 0.02 suits tokens of many channels and long trainings:
// vit_cifar had 41.0 % in place of 36.9 % right after three epochs of AdamW on
// 10,000 images of CIFAR-10.
type transformer struct {
	image int // height and width; 0: any multiple of patch
	patch int
	dim   int // channels of a token
	depth int // blocks
	heads int
	mlp   int     // channels between fc1 and fc2
	sd    float64 // of linear weights at the start; 0: 1/√in
	names transformerNames
}

// transformerNames are what a library calls the tensors.
type transformerNames struct {
	patches, class, position string
	block                    string // format of the block's number; what follows is within a block
	norm1, attention         string
	qkv, qkvJoint, proj      string
	norm2, fc1, act, fc2     string
	norm, head               string
}

// timmNames are those of timm.models.vision_transformer.VisionTransformer.
var timmNames = transformerNames{
	patches: "patch_embed.proj", class: "cls_token", position: "pos_embed",
	block: "blocks.%d.", norm1: "norm1", attention: "attn", qkv: "attn.qkv", proj: "attn.proj",
	norm2: "norm2", fc1: "mlp.fc1", act: "mlp.act", fc2: "mlp.fc2",
	norm: "norm", head: "head",
}

// torchvisionNames are those of torchvision.models.VisionTransformer.
var torchvisionNames = transformerNames{
	patches: "conv_proj", class: "class_token", position: "encoder.pos_embedding",
	block: "encoder.layers.encoder_layer_%d.", norm1: "ln_1", attention: "self_attention",
	qkv: "self_attention.in_proj", qkvJoint: "_", proj: "self_attention.out_proj",
	norm2: "ln_2", fc1: "mlp.0", act: "mlp.1", fc2: "mlp.3",
	norm: "encoder.ln", head: "heads.head",
}

// imageNet returns a network for images of 224×224, twelve blocks deep, with
// heads of 64 channels.
func imageNet(patch, dim int, names transformerNames) transformer {
	return transformer{image: 224, patch: patch, dim: dim, depth: 12, heads: dim / 64, mlp: 4 * dim, sd: 0.02, names: names}
}

// cifarTransformer is a small network for images of 32×32, or any multiple of
// 4: 65 tokens of 96 channels, 3 heads, 4 blocks, 311,338 parameters for 10
// classes.
var cifarTransformer = transformer{patch: 4, dim: 96, depth: 4, heads: 3, mlp: 192, names: timmNames}

// build is a builder.
func (t transformer) build(p *planner, x *value, classes int) *value {
	h, w := x.shape[2], x.shape[3]
	switch {
	case t.image > 0 && (h != t.image || w != t.image):
		tokens := 1 + (t.image/t.patch)*(t.image/t.patch)
		p.fail(t.names.position, "images of %d×%d, want %d×%d: it has the positions of %d tokens", h, w, t.image, t.image, tokens)
		return x
	case h%t.patch != 0 || w%t.patch != 0:
		p.fail(t.names.patches, "images of %d×%d, want multiples of %d, the edge of a patch", h, w, t.patch)
		return x
	}
	x = p.conv(t.names.patches, x, filter{out: t.dim, kernel: t.patch, stride: t.patch, bias: true})
	x = p.embed("tokens", t.names.class, t.names.position, x)
	for i := range t.depth {
		x = t.block(p, fmt.Sprintf(t.names.block, i), x)
	}
	// The norm is of each token alone, and the head reads the first only.
	x = p.firstToken("token", x)
	x = p.layerNorm(t.names.norm, x)
	x = t.linear(p, t.names.head, "", x, classes)
	if p.err != nil {
		return x
	}
	return p.view(x, backend.Shape{x.shape[0], classes})
}

// linear adds a linear layer over tokens x.
func (t transformer) linear(p *planner, name, joint string, x *value, out int) *value {
	sd := t.sd
	if sd == 0 {
		sd = 1 / math.Sqrt(float64(x.shape[1]))
	}
	return p.linearTokens(name, joint, x, out, sd)
}

// block adds one encoder of x [N, C, 1, L]; prefix begins its names.
func (t transformer) block(p *planner, prefix string, x *value) *value {
	y := p.layerNorm(prefix+t.names.norm1, x)
	y = t.linear(p, prefix+t.names.qkv, t.names.qkvJoint, y, 3*t.dim)
	y = p.attention(prefix+t.names.attention, y, t.heads)
	y = t.linear(p, prefix+t.names.proj, "", y, t.dim)
	x = p.sum(prefix+"add1", y, x)

	y = p.layerNorm(prefix+t.names.norm2, x)
	y = t.linear(p, prefix+t.names.fc1, "", y, t.mlp)
	y = p.gelu(prefix+t.names.act, y)
	y = t.linear(p, prefix+t.names.fc2, "", y, t.dim)
	return p.sum(prefix+"add2", y, x)
}
