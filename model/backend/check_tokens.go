package backend

// CheckMatMul checks a product of float matrices or one of its backward
// passes; y, w and x stand for the result and the operands, or their gradients.
func CheckMatMul(who, op string, y, w, x Tensor) MatMulDims {
	c := checker{who, op}
	c.dtype("y", y, F32)
	c.dtype("w", w, F32)
	c.dtype("x", x, F32)
	return c.matMul(y, w, x)
}

// CheckSoftmax checks a softmax over channels or its backward pass: x is F32
// [N, C, …], y and all of more have its shape. It returns N, C and the number
// of elements of one image's channel.
func CheckSoftmax(who, op string, y, x Tensor, a float32, more ...Named) (N, C, L int) {
	N, C, L = CheckChannels(who, op, x)
	c := checker{who, op}
	c.shape("y", y, F32, x.Shape())
	for _, m := range more {
		c.shape(m.Name, m.T, F32, x.Shape())
	}
	if !(a > 0) {
		c.failf("a is %v, want a positive number", a)
	}
	return N, C, L
}

// CheckLayerNorm checks a layer normalisation or its backward pass: x is F32
// [N, C, …], saved [2, N, L], L being the product of the trailing dimensions,
// and each vector [C].
func CheckLayerNorm(who, op string, x, saved Tensor, vectors ...Named) (N, C, L int) {
	N, C, L = CheckChannels(who, op, x, vectors...)
	c := checker{who, op}
	c.dtype("saved", saved, F32)
	if s := saved.Shape(); len(s) != 3 || s[0] != 2 || s[1] != N || s[2] != L {
		c.failf("saved is %v, want 2×%d×%d", s, N, L)
	}
	return N, C, L
}

// CheckCopy checks that both layouts stay inside their tensors, and that no two
// indices have the same place in dst.
//
// Strides are not negative. Distinct places are granted where each axis of to
// steps over all that the axes of smaller strides reach, which every slice and
// every permutation of one does; layouts that interlock otherwise are refused.
func CheckCopy(who string, dst Tensor, to Layout, src Tensor, from Layout, size [4]int) {
	c := checker{who, "Copy"}
	c.dtype("dst", dst, F32)
	c.dtype("src", src, F32)
	for _, n := range size {
		if n < 1 {
			c.failf("size is %v, want 1 or more along each axis", size)
		}
	}
	c.layout("dst", dst, to, size)
	c.layout("src", src, from, size)

	// Axes from the smallest stride to the greatest; one of a single index
	// does not step.
	reach, last := 0, -1
	for range size {
		next := -1
		for a, n := range size {
			after := last < 0 || to.Stride[a] > to.Stride[last] || (to.Stride[a] == to.Stride[last] && a > last)
			if n > 1 && after && (next < 0 || to.Stride[a] < to.Stride[next]) {
				next = a
			}
		}
		if next < 0 {
			return
		}
		if to.Stride[next] <= reach {
			c.failf("places in dst are not distinct: size %v, strides %v", size, to.Stride)
		}
		reach += (size[next] - 1) * to.Stride[next]
		last = next
	}
}

// layout checks that the places of all indices below size are inside t.
func (c checker) layout(name string, t Tensor, l Layout, size [4]int) {
	n := t.Shape().Len()
	outside := l.Offset < 0 || l.Offset >= n
	end := l.Offset
	for a, s := range l.Stride {
		if s < 0 {
			c.failf("strides of %s are %v, want none below 0", name, l.Stride)
		}
		// The room is divided, so that no product of large numbers overflows.
		if steps := size[a] - 1; !outside && s > 0 {
			if outside = steps > (n-1-end)/s; !outside {
				end += steps * s
			}
		}
	}
	if outside {
		c.failf("offset %d, strides %v and size %v leave %s, which has %d elements", l.Offset, l.Stride, size, name, n)
	}
}
