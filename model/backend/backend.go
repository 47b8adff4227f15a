// Package backend defines what gputrain asks of a machine that trains.
//
// Package model composes the operations below into networks; packages cpuref
// and gpu carry them out. The package plays the part that database/sql/driver
// plays for database/sql: most code should use package model instead.
//
// # Names
//
//	w, x, y      real tensors; their codes are U8, their sums I32
//	W, X         the integer values of operands, as in the paper
//	s, Z         scale and zero point: real = s·(int − Z)
//	dw, dx, dy   ∂L/∂w, ∂L/∂x, ∂L/∂y
//	g_W, g_X     ∂AM/∂W(W, X), ∂AM/∂X(W, X), the tables of a [lut.Gradients]
//	D            D[m,n] = s_w[m]·dY[m,n], one float32 product
//	M, N, K      Y[M,N] = W[M,K]·X[K,N]; of a convolution M = Cout/groups,
//	             N = batch·OH·OW, K = Cin/groups·KH·KW
//
// Images are [N, C, H, W], filters [Cout, Cin/groups, KH, KW]. Equation
// numbers are those of Meng et al., DATE 2025 (see package lut).
//
// # Conventions
//
// Destinations come first, then operands, then parameters. Operations write
// every element of their destinations and nothing else; destinations must not
// alias operands unless the operation says so. Gradients are written, not
// accumulated, save where a name begins with Add.
//
// Integers are exact, and the same on every backend. Sums of floats are
// float32 in an order that a backend keeps from run to run; an operation's
// result lies within 2·(T+1)·2⁻²⁴·S of the real one, T being the number of
// terms and S the sum of their absolute values before anything cancels.
// Element-wise floats are rounded to float32 after each written operation;
// nothing is contracted to a fused multiply-add.
//
// Operations do not return errors. A shape, type or owner that does not fit is
// a mistake in the caller and panics, with the same text on every backend. A
// failure of the machine (no memory, a shader that does not compile, a lost
// context) makes the backend broken: later operations do nothing, and the
// first failure is returned by every following [Memory] Read and Sync. Code
// that looks at results therefore never misses an error, and code that merely
// queues work need not check for one.
//
// A backend and its tensors belong to one goroutine at a time.
package backend

import "gputrain/lut"

// A Backend executes all operations of a training step.
type Backend interface {
	// Name identifies the backend and its device in logs, manifests and
	// benchmarks, as in "cpuref (avx512vbmi, 2 threads)".
	Name() string

	Memory
	Multiplier
	Quantizer
	Layers
	Optimizer
}

// Memory holds tensors and is the only way across the border between host and
// device.
type Memory interface {
	// NewTensor returns a zeroed tensor, which lives until Free.
	NewTensor(dt DType, s Shape) Tensor

	// Free releases t. A View is not freed; it ends with its tensor.
	Free(t Tensor)

	// View returns a tensor of shape s over the memory of t, which must have as
	// many elements.
	View(t Tensor, s Shape) Tensor

	// Write copies src to dst and returns once src may be reused. The type of
	// src must be []float32, []int32 or []uint8, as dst.DType has it.
	Write(dst Tensor, src any)

	// Read copies src to dst, the mirror image of Write. It waits for all
	// queued work and returns the first failure since the backend was made.
	Read(dst any, src Tensor) error

	// Sync waits for all queued work and returns the first failure.
	Sync() error
}

// Guarded is an optional interface of a backend, for the conformance suite.
type Guarded interface {
	// NewGuarded is NewTensor with words of a known pattern before and behind
	// the elements, and the elements themselves filled with NaN, or 0xA5 bytes.
	NewGuarded(dt DType, s Shape) Tensor

	// CheckGuards returns an error that names the first guard word around t
	// that has changed.
	CheckGuards(t Tensor) error
}

// Tables are the products and gradients of one multiplier, resident in a
// backend: on the gpu as textures.
type Tables interface {
	Product() *lut.Table
	Gradients() lut.Gradients
}

// A Quantized operand is a tensor of codes with its quantizer.
//
// Code is U8 and holds value − qmin. Q is the F32 tensor {s, inv, Z} that
// [Quantizer] SetRange writes: of shape [3], or [3, C] with one column for
// each index of Code's first dimension (output channels of a weight). inv is
// 1/s; Z is an integer in [qmin, qmax].
type Quantized struct {
	Code, Q Tensor
}

// Multiplier computes with an approximate multiplier in place of ×.
//
// Matrices are [M, K]·[K, N] → [M, N], or batched: [B, M, K]·[B, K, N] →
// [B, M, N]. A weight quantizer may be per channel (one column for each row m)
// in the unbatched product and in convolutions; an activation's is per tensor.
type Multiplier interface {
	// NewTables makes a multiplier resident. Both gradients are needed only by
	// the backward operations; either may be nil, and then those panic.
	NewTables(t *lut.Table, g lut.Gradients) Tables
	FreeTables(t Tables)

	// LUTMatMul sets Y[m,n] = Σ_k AM(W[m,k], X[k,n]) (Eq. 1).
	//
	// Y is I32. K must not exceed t.Product().MaxK(), so the sum is exact.
	LUTMatMul(y Tensor, w, x Quantized, t Tables)

	// DequantizeMatMul sets the real product of the sums acc of LUTMatMul,
	//
	//	y[m,n] = s_w[m]·s_x·(acc[m,n] − Z_x·Σ_k W[m,k] − Z_w[m]·Σ_k X[k,n] + K·Z_w[m]·Z_x)
	//
	// (Eq. 8 summed over k). The bracket is computed in int32, wrapping; then
	// y = float32(bracket)·(s_w[m]·s_x), the product of scales rounded first.
	DequantizeMatMul(y, acc Tensor, w, x Quantized, t Tables)

	// LUTMatMulBackwardW sets dw[m,k] = s_x·Σ_n dY[m,n]·(g_W(W[m,k], X[k,n]) − Z_x).
	//
	// This is ∂L/∂w but for the mask of [Quantizer] QuantizeBackward: the 1/s_w
	// of rounding has cancelled against the s_w of Eq. 8. A Factored gradient
	// may be summed as Σ_r u_r(W)·Σ_n dY·v_r(X) − Z_x·Σ_n dY.
	LUTMatMulBackwardW(dw, dy Tensor, w, x Quantized, t Tables)

	// LUTMatMulBackwardX sets dx[k,n] = Σ_m D[m,n]·(g_X(W[m,k], X[k,n]) − Z_w[m]).
	LUTMatMulBackwardX(dx, dy Tensor, w, x Quantized, t Tables)

	// LUTConv2D sets the convolution of codes
	//
	//	Y[n,o,i,j] = Σ_{c,p,q} AM(W[o,c,p,q], X[n,c',i·sh−ph+p·dh,j·sw−pw+q·dw])
	//
	// with c' = c + ⌊o/(Cout/groups)⌋·Cin/groups. Y is I32 [N, Cout, OH, OW], W
	// is [Cout, Cin/groups, KH, KW], X is [N, Cin, H, W]. A tap outside the
	// image counts as c.Padding says: [PadZeroPoint] AM(W, Z_x), [PadIntZero]
	// AM(W, 0). The sum is exact.
	LUTConv2D(y Tensor, w, x Quantized, c Conv2D, t Tables)

	// DequantizeConv2D is DequantizeMatMul of the sums of LUTConv2D. Under
	// PadZeroPoint a tap outside the image has X = Z_x in all four terms; under
	// PadIntZero ΣW, ΣX and K run over the taps inside the image only, so they
	// depend on (i, j).
	DequantizeConv2D(y, acc Tensor, w, x Quantized, c Conv2D, t Tables)

	// LUTConv2DBackwardW sets dw = s_x·Σ_{n,i,j} dY·(g_W(W, X) − Z_x) over the
	// taps of W[o,c,p,q]. Outside the image a tap gives dY·(g_W(W, Z_x) − Z_x)
	// under PadZeroPoint and dY·g_W(W, 0) under PadIntZero.
	LUTConv2DBackwardW(dw, dy Tensor, w, x Quantized, c Conv2D, t Tables)

	// LUTConv2DBackwardX sets dx = Σ D·(g_X(W, X) − Z_w) over the taps that
	// read X[n,c,h,w]. Taps outside the image send nothing to x.
	LUTConv2DBackwardX(dx, dy Tensor, w, x Quantized, c Conv2D, t Tables)
}

// An Observer says how a range follows the data it sees.
type Observer struct {
	Kind     ObserverKind
	Momentum float32 // of ObserveEMA and ObservePercentile; the paper's is 0.1

	// Percentile of |r| that ObservePercentile keeps, in (0, 100].
	Percentile float64
}

// An ObserverKind is one of the rules by which a range follows data.
type ObserverKind uint8

const (
	// ObserveMinMax keeps the least and greatest value ever seen (the paper's
	// rule for weights).
	ObserveMinMax ObserverKind = iota

	// ObserveEMA moves lo and hi toward the least and greatest of the batch:
	// new = (1−m)·old + m·batch in float32, (1−m) rounded first, then each
	// product, then the sum (the paper's rule for activations).
	ObserveEMA

	// ObservePercentile clips the batch before it moves lo and hi as ObserveEMA
	// does. With a = max|r| of the batch, |r| falls into bin
	// min(2047, ⌊|r|·(2048/a)⌋) of 2,048 (float32, the quotient rounded first);
	// p is the upper edge (b+1)·(a/2048) of the first bin b by which at least
	// Percentile % of the batch are counted; lo and hi of the batch are
	// max(min, −p) and min(max, p).
	ObservePercentile
)

// Quantizer converts between real tensors and codes. Quantizers and observed
// ranges are tensors and stay on the device, so that a step need not wait for
// a read-back.
type Quantizer interface {
	// Observe updates the range r by the data x. r is F32 of shape [3], {lo,
	// hi, seen}, or [3, C] with one column for each index of x's first
	// dimension (then ObserveMinMax only). Where seen is 0 the batch's range is
	// taken as it is, and seen becomes 1. A NaN in x makes lo and hi NaN.
	Observe(r, x Tensor, o Observer)

	// SetRange turns the range r into the quantizer q, both [3] or both
	// [3, C], in float64, each result rounded to float32 once:
	//
	//	lo = min(0, r.lo), hi = max(0, r.hi), n = 2^bits
	//	asymmetric: s = max((hi−lo)/(n−1), 2⁻²³),
	//	            Z = qmin + clamp(roundEven(−lo·(n−1)/(hi−lo)), 0, n−1), qmin if hi = lo
	//	symmetric:  s = max(max(−lo, hi)/(n/2−1), 2⁻²³), Z = 0
	//	inv = 1/s of the float64 s
	//
	// Symmetric is for signed operands only.
	SetRange(q, r Tensor, op lut.Operand, symmetric bool)

	// Quantize sets code = clamp(roundEven(x·inv) + Z, qmin, qmax) − qmin: one
	// float32 product, one rounding, one integer sum (Eq. 7). The rounded
	// float is first limited to ±2²⁴; NaN gives code 0.
	Quantize(code, x, q Tensor, op lut.Operand)

	// Dequantize sets y = s·float32(value − Z), one product.
	Dequantize(y, code, q Tensor, op lut.Operand)

	// QuantizeBackward sets dx = dy where roundEven(x·inv) + Z lies in [qmin,
	// qmax] before clamping, and 0 elsewhere. dx may be dy.
	QuantizeBackward(dx, dy, x, q Tensor, op lut.Operand)
}

// Layers are the float32 operations of a network. A linear layer is Conv2D
// with 1×1 filters on 1×1 images ([Memory] View).
type Layers interface {
	// Conv2D sets y[n,o,i,j] = Σ_{c,p,q} w[o,c,p,q]·x[n,c',…], the taps of
	// LUTConv2D, those outside the image being 0.
	Conv2D(y, w, x Tensor, c Conv2D)
	Conv2DBackwardW(dw, dy, x Tensor, c Conv2D)
	Conv2DBackwardX(dx, dy, w Tensor, c Conv2D)

	// AddBias adds b[c] to y[n,c,…] in place.
	AddBias(y, b Tensor)
	// BiasBackward sets db[c] = Σ dy[n,c,…].
	BiasBackward(db, dy Tensor)

	// BatchNorm normalises x[n,c,…] over all but c, with the biased variance:
	//
	//	μ = mean x, σ² = mean (x−μ)², r = 1/√(σ²+eps), y = γ·(x−μ)·r + β
	//
	// and updates mean ← (1−m)·mean + m·μ, variance ← (1−m)·variance +
	// m·σ²·T/(T−1), T being the number of elements a channel (T > 1). saved is
	// F32 [2, C] and receives μ and r for the backward pass.
	BatchNorm(y, x Tensor, p BatchNormParams, saved Tensor, h BatchNormHyper)
	// BatchNormInference sets y = γ·(x−mean)/√(variance+eps) + β.
	BatchNormInference(y, x Tensor, p BatchNormParams, h BatchNormHyper)
	// BatchNormBackward sets, with x̂ = (x−μ)·r and sums over a channel's T elements,
	//
	//	dβ = Σ dy, dγ = Σ dy·x̂, dx = γ·r·(dy − dβ/T − x̂·dγ/T)
	BatchNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved Tensor)

	// ReLU sets y = max(x, 0); y may be x. NaN stays NaN.
	ReLU(y, x Tensor)
	// ReLUBackward sets dx = dy where y > 0 and 0 elsewhere; dx may be dy.
	ReLUBackward(dx, dy, y Tensor)

	// MaxPool2D sets y to the greatest x of each window, and index (I32, as y)
	// to where in its H×W plane it stands; of equals the first in row-major
	// order. Padding never wins. A NaN wins, the first one.
	MaxPool2D(y, index, x Tensor, p Pool2D)
	// MaxPool2DBackward sets dx to the sum of the dy whose index points at it.
	MaxPool2DBackward(dx, dy, index Tensor, p Pool2D)
	// AvgPool2D sets y to the mean of each window, padding counted as zeros.
	// A window of H×W is global average pooling.
	AvgPool2D(y, x Tensor, p Pool2D)
	AvgPool2DBackward(dx, dy Tensor, p Pool2D)

	// Add sets y = a + b; y may be a or b.
	Add(y, a, b Tensor)

	// SoftmaxCrossEntropy adds −Σ_n log softmax(logits[n])[label[n]] to
	// stats[0] and the number of n whose greatest logit (of equals the first)
	// is label[n] to stats[1], and sets dlogits = scale·(softmax − onehot).
	// logits is F32 [N, classes], labels I32 [N], stats F32 [2]. A label of −1
	// marks a row to leave out: it adds nothing and its gradient is 0.
	SoftmaxCrossEntropy(stats, dlogits, logits, labels Tensor, scale float32)
}

// BatchNormParams are the F32 [C] tensors of a batch normalisation: γ, β and
// the running statistics, which BatchNorm updates.
type BatchNormParams struct {
	Gamma, Beta, Mean, Variance Tensor
}

// BatchNormHyper are its constants; PyTorch's are 1e-5 and 0.1.
type BatchNormHyper struct {
	Eps, Momentum float32
}

// Optimizer makes one fused step of one parameter tensor. Hyperparameters are
// float64 on the host; each derived factor named below is rounded to float32
// once, then the arithmetic is float32.
type Optimizer interface {
	// SGDStep is torch.optim.SGD: g = dw + wd·w; v = g on the first step, else
	// v = μ·v + (1−damp)·g; g = g + μ·v with Nesterov, else v; w = w − lr·g.
	// Without momentum v is nil and w = w − lr·g.
	SGDStep(w, dw, v Tensor, h SGD)

	// AdamStep is torch.optim.Adam, or AdamW where h.Decoupled. Coupled decay
	// is g = dw + wd·w, decoupled w = w·(1 − lr·wd) first. Then
	//
	//	m = β1·m + (1−β1)·g, v = β2·v + (1−β2)·g²
	//	w = w − (lr/(1−β1^t))·m/(√v/√(1−β2^t) + eps)
	AdamStep(w, dw, m, v Tensor, h Adam)
}

// SGD are the hyperparameters of one step.
type SGD struct {
	LR, Momentum, Dampening, WeightDecay float64
	Nesterov                             bool
	First                                bool // this is the first step: v has no history
}

// Adam are the hyperparameters of one step.
type Adam struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	Decoupled                          bool // AdamW
	Step                               int  // t, from 1
}
