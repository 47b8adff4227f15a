// Package model composes the operations of a backend into networks that can
// be trained, and owns their parameters and the state of their quantizers.
//
// [Build] makes a [Network] for a fixed batch. It checks every shape, plans
// which values may share memory, makes every tensor, and reports the bytes;
// a step then makes none and can mismatch nowhere:
//
//	n.Forward(true)                // Input → Logits
//	n.Loss(Loss{Scale: 1 / batch}) // Logits, Labels → Stats, and the gradient of Logits
//	n.Backward()                   // → Grad of every Param
//
// # Approximate layers
//
// A convolution or linear layer whose multiplier has a table computes, its
// input x and weight w observed and quantized first,
//
//	y[m,n] = s_w[m]·s_x·(Σ_k AM(W,X) − Z_x·Σ_k W − Z_w[m]·Σ_k X + K·Z_w[m]·Z_x) + b[m]
//
// and backward, by the multiplier's gradients g_W and g_X,
//
//	dw = mask_w · s_x·Σ_n dy·(g_W(W,X) − Z_x)
//	dx = mask_x · Σ_m s_w[m]·dy·(g_X(W,X) − Z_w[m])
//
// where the masks are 0 where quantization clamped. Everything else is
// float32. Package backend has the particulars.
//
// # Attention
//
// Tokens are [N, C, 1, L], channels first as images are, so that a linear layer
// over tokens is a convolution with 1×1 filters. The two products of attention
// are layers of their own, to which rules give multipliers as to any other. Of
// each image and head, with tokens i that attend to tokens j,
//
//	ATTENTION.qk: s[j,i] = Σ_d k[d,j]·q[d,i], W = keys, X = queries
//	ATTENTION.av: o[d,i] = Σ_j v[d,j]·a[j,i], W = values, X = attention weights
//
// a being the softmax of s/√(channels of a head) over j. Under a table, both
// operands are quantized per tensor, with ranges that follow the observer of
// activations; the table's W operand says the width and sign of keys and values.
// LAYER.weight_quantizer is theirs.
//
// # Stems
//
// VGG, ResNet-18, 34 and 50 and MobileNetV2 come with two stems, [StemCIFAR]
// and [StemImageNet]; [Config] says which is the default. ResNet-8 to 56 of
// widths 16, 32, 64 are CIFAR's own. All but VGG without batch normalisation
// start from Kaiming's uniform distribution, whatever torchvision does.
//
// # Names
//
// Layers are named as in torchvision, those of vit_…_patch16_224, deit_… and
// vit_cifar as in timm, and tensors after their layer:
// layer1.0.conv1.weight. An approximate layer adds the ranges of its
// quantizers, LAYER.weight_quantizer.range and LAYER.input_quantizer.range:
// {lo, hi, seen}, or three rows of one column for each output channel.
//
// A Network belongs to one goroutine at a time, as its backend does.
package model
