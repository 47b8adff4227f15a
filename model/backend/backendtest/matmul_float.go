package backendtest

import (
	"math"

	"gputrain/model/backend"
)

type matMuler interface {
	backend.Memory
	MatMul(y, w, x backend.Tensor)
	MatMulBackwardW(dw, dy, x backend.Tensor)
	MatMulBackwardX(dx, dy, w backend.Tensor)
}

// MatMul tests y = w·x of float matrices and batches of them, and both
// gradients.
func MatMul(t T, b matMuler) {
	for _, s := range append(MatMulShapes[:len(MatMulShapes):len(MatMulShapes)], AttentionShapes...) {
		ys, ws, xs := s.shapes()
		rnd := seeded(s.String())
		w, x, dy := normals(rnd, ws.Len(), 0, 1), normals(rnd, xs.Len(), 0.2, 1), gradientsOf(rnd, ys.Len())
		t.Run("y/"+s.String(), func(t T) { matMul(t, b, s, w, x) })
		t.Run("dw/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			tdy, tx, dw := r.in("dy", ys, dy), r.in("x", xs, x), r.out("dw", backend.F32, ws)
			r.run(func() { b.MatMulBackwardW(dw.T, tdy.T, tx.T) })
			within(t, "dw", ws, dw.floats(), approx(s.floatsW(dy, x), 1))
		})
		t.Run("dx/"+s.String(), func(t T) {
			r := newRig(t, b)
			defer r.free()
			tdy, tw, dx := r.in("dy", ys, dy), r.in("w", ws, w), r.out("dx", backend.F32, xs)
			r.run(func() { b.MatMulBackwardX(dx.T, tdy.T, tw.T) })
			within(t, "dx", xs, dx.floats(), approx(s.floatsX(dy, w), 1))
		})
	}

	// One NaN reaches the outputs that read it and no other.
	s := MatMulShape{Batch: 2, M: 17, K: 9, N: 18}
	_, ws, xs := s.shapes()
	for _, i := range []int{0, xs.Len() / 2, xs.Len() - 1} {
		t.Run("NaN in x"+at(xs, i), func(t T) {
			rnd := seeded("NaN")
			w, x := normals(rnd, ws.Len(), 0, 1), normals(rnd, xs.Len(), 0, 1)
			x[i] = float32(math.NaN())
			matMul(t, b, s, w, x)
		})
	}

	r := newRig(t, b)
	defer r.free()
	tensor := func(d ...int) backend.Tensor { return r.out("", backend.F32, d).T }
	w, x, y := tensor(2, 3), tensor(3, 4), tensor(2, 4)
	faults(t, "MatMul", "y 2×5 != w 2×3 · x 3×4", func() { b.MatMul(tensor(2, 5), w, x) })
	faults(t, "MatMul", "want three matrices or three batches of matrices", func() { b.MatMul(y, w, tensor(1, 3, 4)) })
	faults(t, "MatMul", "y 2×2×4 != w 2×2×3 · x 1×3×4", func() { b.MatMul(tensor(2, 2, 4), tensor(2, 2, 3), tensor(1, 3, 4)) })
	faults(t, "MatMulBackwardW", "y 2×4 != w 3×2 · x 3×4", func() { b.MatMulBackwardW(tensor(3, 2), y, x) })
	faults(t, "MatMulBackwardX", "y 2×4 != w 2×3 · x 4×4", func() { b.MatMulBackwardX(tensor(4, 4), y, w) })
	faults(t, "MatMul", "w is 2×3 u8, want f32", func() { b.MatMul(y, r.out("", backend.U8, backend.Shape{2, 3}).T, x) })
}

func matMul(t T, b matMuler, s MatMulShape, w, x []float32) {
	ys, ws, xs := s.shapes()
	r := newRig(t, b)
	defer r.free()
	tw, tx, y := r.in("w", ws, w), r.in("x", xs, x), r.out("y", backend.F32, ys)
	r.run(func() { b.MatMul(y.T, tw.T, tx.T) })
	within(t, "y", ys, y.floats(), approx(s.floats(w, x), 1))
}

// floats returns Σ w·x of each output.
func (s MatMulShape) floats(w, x []float32) []sum {
	ys, _, _ := s.shapes()
	y := make([]sum, ys.Len())
	s.terms()(func(yi, wi, xi int) { y[yi].add(float64(w[wi]) * float64(x[xi])) })
	return y
}

// floatsW returns Σ dy·x of each w.
func (s MatMulShape) floatsW(dy, x []float32) []sum {
	_, ws, _ := s.shapes()
	dw := make([]sum, ws.Len())
	s.terms()(func(yi, wi, xi int) { dw[wi].add(float64(dy[yi]) * float64(x[xi])) })
	return dw
}

// floatsX returns Σ w·dy of each x.
func (s MatMulShape) floatsX(dy, w []float32) []sum {
	_, _, xs := s.shapes()
	dx := make([]sum, xs.Len())
	s.terms()(func(yi, wi, xi int) { dx[xi].add(float64(dy[yi]) * float64(w[wi])) })
	return dx
}
