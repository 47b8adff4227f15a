package cpuref

import (
	"slices"

	"gputrain/model/backend"
)

// Copy implements [backend.Tokens].
func (p *Plain) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	backend.CheckCopy(who, dst, to, src, from, size)
	D, S := p.f32(dst), p.f32(src)
	place := func(l backend.Layout, i [4]int) int {
		at := l.Offset
		for a, stride := range l.Stride {
			at += i[a] * stride
		}
		return at
	}
	var i [4]int
	for i[0] = range size[0] {
		for i[1] = range size[1] {
			for i[2] = range size[2] {
				for i[3] = range size[3] {
					D[place(to, i)] = S[place(from, i)]
				}
			}
		}
	}
}

// A copyTask copies in rows, the last axis, of which the strides in dst are the
// least.
type copyTask struct {
	dst, src []float32
	to, from backend.Layout
	size     [4]int
}

// order sorts the axes by their strides in dst, the greatest first, and joins
// those that step on where the next one ends, so that rows are long. Axes of a
// single index come first.
func (t *copyTask) order() {
	axes := [4]int{0, 1, 2, 3}
	slices.SortStableFunc(axes[:], func(a, b int) int { return t.to.Stride[b] - t.to.Stride[a] })
	old := *t
	t.size, t.to.Stride, t.from.Stride = [4]int{1, 1, 1, 1}, [4]int{}, [4]int{}
	last := 3
	for i := 3; i >= 0; i-- {
		a := axes[i]
		n, to, from := old.size[a], old.to.Stride[a], old.from.Stride[a]
		switch {
		case n == 1:
			continue
		case t.size[last] > 1 && to == t.to.Stride[last]*t.size[last] && from == t.from.Stride[last]*t.size[last]:
			t.size[last] *= n
			continue
		case t.size[last] > 1:
			last--
		}
		t.size[last], t.to.Stride[last], t.from.Stride[last] = n, to, from
	}
}

func (t *copyTask) elements() int { return t.size[0] * t.size[1] * t.size[2] * t.size[3] }

func (t *copyTask) part(i, _ int) {
	lo, hi := within(i, t.elements())
	n, step, from := t.size[3], t.to.Stride[3], t.from.Stride[3]
	for lo < hi {
		row, j := lo/n, lo%n
		d, s := t.to.Offset+j*step, t.from.Offset+j*from
		for a := 2; a >= 0; a-- {
			index := row % t.size[a]
			row /= t.size[a]
			d += index * t.to.Stride[a]
			s += index * t.from.Stride[a]
		}
		m := min(n-j, hi-lo)
		lo += m
		if step == 1 && from == 1 {
			copy(t.dst[d:][:m], t.src[s:])
			continue
		}
		for range m {
			t.dst[d] = t.src[s]
			d += step
			s += from
		}
	}
}

// Copy implements [backend.Tokens].
func (c *CPU) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	backend.CheckCopy(who, dst, to, src, from, size)
	t := copyTask{c.f32(dst), c.f32(src), to, from, size}
	t.order()
	run(c, pieces(t.elements()), t)
}
