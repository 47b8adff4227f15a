// Package lut holds the tables that stand in for an approximate multiplier:
// its products, and the gradients by which a network learns around its errors.
//
// # Operands, values and codes
//
// The operand W is the weight, X the activation. Each is an [Operand] of 2 to
// 8 bits with its own sign. An operand has a value, as in [−128, 127], and a
// code, value − min, as in [0, 255]. Formulas speak of values; tables and
// tensors are indexed by codes.
//
// # Products
//
//	AM(W, X) = W·X + ε(W, X)                                          (Eq. 1)
//
// A [Table] stores all 2^(Bw+Bx) products, row-major, W choosing the row:
//
//	index = code(W)<<Bx | code(X)
//
// Nothing else may be assumed of AM: it need not be commutative, and AM(0, x)
// need not be 0.
//
// # Gradients
//
// AM climbs in stairs, so its true derivative is zero almost everywhere and
// useless for descent. An [Estimator] turns a table into [Gradients], ∂AM/∂W
// and ∂AM/∂X in product units per operand unit. Each is a [Gradient] in one of
// two forms, and these two are all that backends know: Full, a table as large
// as AM, or Factored, a sum of r products of a function of W and one of X.
//
// Equation numbers refer to Meng, Burleson, Qian and De Micheli, "Gradient
// Approximation of Approximate Multipliers for High-Accuracy Deep Neural
// Network Retraining", DATE 2025; LUT-2D and LUT-1D are the names of its
// follow-up, arXiv 2509.10519.
//
// Tables and gradients are immutable after construction and safe for
// concurrent use.
package lut
