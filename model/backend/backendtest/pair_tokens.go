package backendtest

import "gputrain/model/backend"

// MatMul implements [backend.Tokens].
func (p *Pair) MatMul(y, w, x backend.Tensor) {
	want := approx(matMulOf(w, x).floats(p.floats(w), p.floats(x)), 1)
	p.both("MatMul", func(s side) { s.MatMul(s.of(y), s.of(w), s.of(x)) })
	p.near("MatMul", "y", y, want)
}

// MatMulBackwardW implements [backend.Tokens].
func (p *Pair) MatMulBackwardW(dw, dy, x backend.Tensor) {
	want := approx(matMulOf(dw, x).floatsW(p.floats(dy), p.floats(x)), 1)
	p.both("MatMulBackwardW", func(s side) { s.MatMulBackwardW(s.of(dw), s.of(dy), s.of(x)) })
	p.near("MatMulBackwardW", "dw", dw, want)
}

// MatMulBackwardX implements [backend.Tokens].
func (p *Pair) MatMulBackwardX(dx, dy, w backend.Tensor) {
	want := approx(matMulOf(w, dx).floatsX(p.floats(dy), p.floats(w)), 1)
	p.both("MatMulBackwardX", func(s side) { s.MatMulBackwardX(s.of(dx), s.of(dy), s.of(w)) })
	p.near("MatMulBackwardX", "dx", dx, want)
}

// Softmax implements [backend.Tokens].
func (p *Pair) Softmax(y, x backend.Tensor, a float32) {
	want := softmax(x.Shape(), p.floats(x), a)
	p.both("Softmax", func(s side) { s.Softmax(s.of(y), s.of(x), a) })
	p.near("Softmax", "y", y, want)
}

// SoftmaxBackward implements [backend.Tokens].
func (p *Pair) SoftmaxBackward(dx, dy, y backend.Tensor, a float32) {
	want := softmaxGradient(y.Shape(), p.floats(dy), p.floats(y), a)
	p.both("SoftmaxBackward", func(s side) { s.SoftmaxBackward(s.of(dx), s.of(dy), s.of(y), a) })
	p.near("SoftmaxBackward", "dx", dx, want)
}

// LayerNorm implements [backend.Tokens].
func (p *Pair) LayerNorm(y, x, gamma, beta, saved backend.Tensor, eps float32) {
	want, wantSaved := layerNormalized(x.Shape(), p.floats(x), p.floats(gamma), p.floats(beta), eps)
	p.both("LayerNorm", func(s side) { s.LayerNorm(s.of(y), s.of(x), s.of(gamma), s.of(beta), s.of(saved), eps) })
	p.near("LayerNorm", "saved", saved, wantSaved)
	p.near("LayerNorm", "y", y, want)
}

// LayerNormBackward implements [backend.Tokens].
func (p *Pair) LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, saved backend.Tensor) {
	const op = "LayerNormBackward"
	wantX, wantGamma, wantBeta := layerNormGradients(x.Shape(), p.floats(dy), p.floats(x), p.floats(gamma), p.floats(saved))
	p.both(op, func(s side) {
		s.LayerNormBackward(s.of(dx), s.of(dgamma), s.of(dbeta), s.of(dy), s.of(x), s.of(gamma), s.of(saved))
	})
	p.near(op, "dbeta", dbeta, wantBeta)
	p.near(op, "dgamma", dgamma, wantGamma)
	p.near(op, "dx", dx, wantX)
}

// GELU implements [backend.Tokens].
func (p *Pair) GELU(y, x backend.Tensor) {
	want := gelu(p.floats(x))
	p.both("GELU", func(s side) { s.GELU(s.of(y), s.of(x)) })
	p.near("GELU", "y", y, want)
}

// GELUBackward implements [backend.Tokens].
func (p *Pair) GELUBackward(dx, dy, x backend.Tensor) {
	want := geluGradient(p.floats(dy), p.floats(x))
	p.both("GELUBackward", func(s side) { s.GELUBackward(s.of(dx), s.of(dy), s.of(x)) })
	p.near("GELUBackward", "dx", dx, want)
}

// Copy implements [backend.Tokens].
func (p *Pair) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	p.force(dst)
	p.force(src)
	p.both("Copy", func(s side) { s.Copy(s.of(dst), to, s.of(src), from, size) })
	p.same("Copy", "dst", dst)
}
