// Package model composes the operations of a backend into networks that can
// be trained, and owns their parameters and the state of their quantizers.
//
// [Build] makes a [Network] for a fixed batch. It checks every shape, plans
// which values may share memory, makes every tensor, and reports the bytes;
// a step then makes none and can mismatch nowhere:
//
//	n.Forward(true)        // Input → Logits
//	n.Loss(1 / batch)      // Logits, Labels → Stats, and the gradient of Logits
//	n.Backward()           // → Grad of every Param
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
// # Names
//
// Layers are named as in torchvision, and tensors after their layer:
// layer1.0.conv1.weight. An approximate layer adds the ranges of its
// quantizers, LAYER.weight_quantizer.range and LAYER.input_quantizer.range:
// {lo, hi, seen}, or three rows of one column for each output channel.
//
// A Network belongs to one goroutine at a time, as its backend does.
package model
