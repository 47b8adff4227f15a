package backendtest

import (
	"gputrain/model/backend"
)

type copier interface {
	backend.Memory
	Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int)
}

// A copyCase is a copy of some elements of src to some of dst.
type copyCase struct {
	name string
	dst  backend.Shape
	to   backend.Layout
	src  backend.Shape
	from backend.Layout
	size [4]int
}

// rows is the layout of a tensor in row-major order.
func rows(s [4]int) backend.Layout {
	return backend.Layout{Stride: [4]int{s[1] * s[2] * s[3], s[2] * s[3], s[3], 1}}
}

func copyCases() []copyCase {
	lay := func(offset int, stride ...int) backend.Layout {
		l := backend.Layout{Offset: offset}
		copy(l.Stride[:], stride)
		return l
	}
	return []copyCase{
		{"one element", backend.Shape{1}, lay(0), backend.Shape{1}, lay(0), [4]int{1, 1, 1, 1}},
		{"one element, wild strides", backend.Shape{7}, lay(3, 1<<40, 0, 5, 1<<62), backend.Shape{5}, lay(4, 9, 9, 9, 9), [4]int{1, 1, 1, 1}},
		{"all", backend.Shape{2, 3, 5, 7}, rows([4]int{2, 3, 5, 7}), backend.Shape{210}, rows([4]int{2, 3, 5, 7}), [4]int{2, 3, 5, 7}},
		{"long", backend.Shape{70001}, lay(0, 0, 0, 0, 1), backend.Shape{70001}, lay(0, 0, 0, 0, 1), [4]int{1, 1, 1, 70001}},
		{"slice of channels", backend.Shape{3, 4, 65}, rows([4]int{1, 3, 4, 65}), backend.Shape{3, 9, 65}, lay(5*65, 0, 9*65, 65, 1), [4]int{1, 3, 4, 65}},
		{"join of channels", backend.Shape{3, 9, 65}, lay(5*65, 0, 9*65, 65, 1), backend.Shape{3, 4, 65}, rows([4]int{1, 3, 4, 65}), [4]int{1, 3, 4, 65}},
		{"a token before the others", backend.Shape{3, 8, 65}, lay(1, 0, 8*65, 65, 1), backend.Shape{3, 8, 64}, rows([4]int{1, 3, 8, 64}), [4]int{1, 3, 8, 64}},
		{"broadcast over the batch", backend.Shape{4, 8, 65}, rows([4]int{1, 4, 8, 65}), backend.Shape{8, 65}, lay(0, 0, 0, 65, 1), [4]int{1, 4, 8, 65}},
		{"broadcast of one number", backend.Shape{300}, lay(0, 0, 0, 0, 1), backend.Shape{2}, lay(1), [4]int{1, 1, 1, 300}},
		{"transpose", backend.Shape{6, 65, 33}, lay(0, 0, 65*33, 1, 33), backend.Shape{6, 33, 65}, lay(0, 0, 33*65, 65, 1), [4]int{1, 6, 33, 65}},
		{"permutation", backend.Shape{3, 7, 2, 5}, lay(0, 70, 5, 1, 10), backend.Shape{3, 2, 5, 7}, rows([4]int{3, 2, 5, 7}), [4]int{3, 2, 5, 7}},
		{"permutation, the other order of axes", backend.Shape{3, 7, 2, 5}, rows([4]int{3, 7, 2, 5}), backend.Shape{3, 2, 5, 7}, lay(0, 70, 1, 35, 7), [4]int{3, 7, 2, 5}},
		{"every other", backend.Shape{129}, lay(1, 0, 0, 0, 2), backend.Shape{64}, lay(0, 0, 0, 0, 1), [4]int{1, 1, 1, 64}},
		{"every third of rows", backend.Shape{5, 64}, lay(0, 0, 0, 64, 1), backend.Shape{5, 200}, lay(2, 0, 0, 200, 3), [4]int{1, 1, 5, 64}},
		{"with gaps all over", backend.Shape{400}, lay(7, 190, 60, 17, 4), backend.Shape{130}, lay(3, 1, 40, 3, 13), [4]int{2, 3, 3, 4}},
		{"strides that just step over", backend.Shape{64}, lay(0, 24, 8, 1, 3), backend.Shape{64}, rows([4]int{2, 3, 3, 2}), [4]int{2, 3, 3, 2}},
		{"diagonal", backend.Shape{65}, lay(0, 0, 0, 0, 1), backend.Shape{65, 65}, lay(0, 0, 0, 0, 66), [4]int{1, 1, 1, 65}},
	}
}

// copied returns dst after the copy.
func (c copyCase) copied(dst, src []float32) []float32 {
	want := append([]float32(nil), dst...)
	for n := range c.size[0] * c.size[1] * c.size[2] * c.size[3] {
		to, from, rest := c.to.Offset, c.from.Offset, n
		for a := 3; a >= 0; a-- {
			i := rest % c.size[a]
			rest /= c.size[a]
			to += i * c.to.Stride[a]
			from += i * c.from.Stride[a]
		}
		want[to] = src[from]
	}
	return want
}

// Copy tests slices, joins, permutations and broadcasts: all bits of what is
// copied, NaN among them, and that the rest of dst stays.
func Copy(t T, b copier) {
	for _, c := range copyCases() {
		t.Run(c.name, func(t T) {
			src := pattern(backend.F32, c.src.Len(), 1).([]float32)
			dst := pattern(backend.F32, c.dst.Len(), 2).([]float32)
			r := newRig(t, b)
			defer r.free()
			tsrc, tdst := r.in("src", c.src, src), r.inout("dst", c.dst, dst)
			r.run(func() { b.Copy(tdst.T, c.to, tsrc.T, c.from, c.size) })
			if i := differ(tdst.floats(), c.copied(dst, src)); i >= 0 {
				t.Errorf("dst%s = %v, want %v", at(c.dst, i), tdst.floats()[i], c.copied(dst, src)[i])
			}
		})
	}

	r := newRig(t, b)
	defer r.free()
	x, y := r.out("x", backend.F32, backend.Shape{4, 5}).T, r.out("y", backend.F32, backend.Shape{20}).T
	all := rows([4]int{1, 1, 4, 5})
	faulty := func(want string, to, from backend.Layout, size [4]int) {
		faults(t, "Copy", want, func() { b.Copy(y, to, x, from, size) })
	}
	faulty("size is [1 1 0 5], want 1 or more along each axis", all, all, [4]int{1, 1, 0, 5})
	faulty("leave dst, which has 20 elements", backend.Layout{Offset: 1, Stride: all.Stride}, all, [4]int{1, 1, 4, 5})
	faulty("leave dst, which has 20 elements", backend.Layout{Offset: -1, Stride: all.Stride}, all, [4]int{1, 1, 4, 5})
	faulty("leave src, which has 20 elements", all, backend.Layout{Offset: 20}, [4]int{1, 1, 4, 5})
	faulty("leave src, which has 20 elements", all, backend.Layout{Stride: [4]int{0, 0, 6, 1}}, [4]int{1, 1, 4, 5})
	faulty("leave dst, which has 20 elements", backend.Layout{Stride: [4]int{1 << 62, 0, 0, 1}}, all, [4]int{5, 1, 1, 4})
	faulty("leave src, which has 20 elements", backend.Layout{Stride: [4]int{1}}, backend.Layout{Stride: [4]int{1, 1 << 62}}, [4]int{1, 5, 1, 1})
	faulty("strides of src are [0 0 -5 1], want none below 0", all, backend.Layout{Offset: 15, Stride: [4]int{0, 0, -5, 1}}, [4]int{1, 1, 4, 5})
	faulty("places in dst are not distinct", backend.Layout{Stride: [4]int{0, 0, 4, 1}}, backend.Layout{}, [4]int{1, 1, 4, 5})
	faulty("places in dst are not distinct", backend.Layout{Stride: [4]int{0, 0, 0, 1}}, backend.Layout{}, [4]int{1, 1, 4, 5})
	faulty("places in dst are not distinct", backend.Layout{Stride: [4]int{0, 1, 0, 1}}, backend.Layout{}, [4]int{1, 4, 1, 5})
	faulty("places in dst are not distinct", backend.Layout{Stride: [4]int{8, 3, 0, 1}}, backend.Layout{}, [4]int{2, 3, 1, 3})
	faults(t, "Copy", "src is 20 i32, want f32", func() { b.Copy(y, all, r.out("", backend.I32, backend.Shape{20}).T, all, [4]int{1, 1, 4, 5}) })
}
