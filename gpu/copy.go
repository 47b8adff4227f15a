//go:build cgo && !nogpu

package gpu

import "gputrain/model/backend"

// Copy implements [backend.Tokens].
func (d *Device) Copy(dst backend.Tensor, to backend.Layout, src backend.Tensor, from backend.Layout, size [4]int) {
	backend.CheckCopy(who, dst, to, src, from, size)
	n := size[0] * size[1] * size[2] * size[3]
	t, f := to.Stride, from.Stride
	d.run("Copy", kernel{file: "copy"}, job{over: n,
		buffers: []*memory{d.own(dst), d.own(src)},
		ints: []int{n, size[1], size[2], size[3],
			to.Offset, t[0], t[1], t[2], t[3], from.Offset, f[0], f[1], f[2], f[3]}})
}
