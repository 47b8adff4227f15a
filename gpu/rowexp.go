//go:build cgo && !nogpu

package gpu

import (
	"gputrain/shaders"
)

// mostExpanded is the greatest number of k that an invocation of row expansion
// adds up: it makes some loop turns for each.
const mostExpanded = 2048

// A slab is a part of the operands of a convolution that a panel of codes holds
// at a time: the columns of some groups.
type slab struct {
	group, groups   int
	column, columns int
	width           int // of the panel: columns, rounded up
}

// panelWords returns the words of a column of a panel.
func panelWords(k int) int { return 2 * ceilDiv(k, 8) }

// panelFits reports whether the device takes a panel of so many columns of one
// group, which is the least that row expansion needs.
func (d *Device) panelFits(c codes, columns int) bool {
	return int64(4*panelWords(c.dims.K)*columns) <= d.info.Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"]
}

// slabs cuts a convolution into slabs whose widths are multiples of step, and
// returns the workspace that holds one panel at a time. One panel holds all
// where the device has the memory.
func (d *Device) slabs(c codes, step int) ([]slab, *memory) {
	n, groups := c.dims.Batch*c.plane(), c.dims.Groups
	column := 4 * panelWords(c.dims.K) // bytes
	tight := column * step
	space := d.workspace(c.op, column*groups*ceilDiv(n, step)*step, tight)
	each := max(1, min(groups, space.bytes()/tight)) // groups
	columns := max(1, space.bytes()/(tight*each)) * step
	var all []slab
	for g, last := range spans(groups, each) {
		for at, end := range spans(n, columns) {
			all = append(all, slab{group: g, groups: last - g, column: at, columns: end - at, width: ceilDiv(end-at, step) * step})
		}
	}
	return all, space
}

// fillPanel gathers the codes of a slab.
func (d *Device) fillPanel(c codes, s slab, panel *memory) {
	words := panelWords(c.dims.K)
	n := s.groups * words * s.width
	d.run(c.op, kernel{file: "lut_panel"}, job{over: n, turns: 4, conv: &c.dims, buffers: []*memory{panel, c.x, c.qx},
		ints: []int{n, s.width, s.columns, s.column, s.group, words, c.t.product.X().Min(), c.intZero()}})
}

// packWeights returns the weights as kernels of row expansion want them, in
// scratch, and the blocks of eight rows.
func (d *Device) packWeights(c codes) (packed *memory, blocks int) {
	blocks = ceilDiv(c.dims.GroupOut, 8)
	n := 2 * blocks * c.dims.K * c.dims.Groups
	packed = d.scratch(c.op, n)
	d.run(c.op, kernel{file: "lut_pack_w"}, job{over: n, turns: 4, buffers: []*memory{packed, c.w},
		ints: []int{n, c.dims.GroupOut, c.dims.K, blocks}})
	return packed, blocks
}

// expandForward sets y to the sums of products, by row expansion.
func (d *Device) expandForward(y *memory, c codes, p plan) {
	w, blocks := d.packWeights(c)
	slabs, panel := d.slabs(c, p.span())
	words := panelWords(c.dims.K)
	splits := max(p.splits, ceilDiv(c.dims.K, mostExpanded))
	part := 2 * ceilDiv(ceilDiv(words, 2), splits)
	splits = max(1, ceilDiv(words, part))
	if splits > 1 {
		d.zero(c.op, y)
	}
	k := kernel{"lut_rowexp_fwd", [4]shaders.Define{{Name: "WIDTH", Value: c.t.width},
		{Name: "ROWS", Value: p.rows}, {Name: "COLUMNS", Value: p.columns}, {Name: "LANES", Value: p.lanes}}}
	for _, s := range slabs {
		d.fillPanel(c, s, panel)
		columnTiles, rowTiles := ceilDiv(s.columns, p.span()), ceilDiv(c.dims.GroupOut, p.height())
		tiles := columnTiles * rowTiles * splits * s.groups
		d.run(c.op, k, job{tiles: tiles, turns: part * 4 * p.height() * p.span(), buffers: []*memory{y, w, panel}, textures: []*texture{c.t.rows},
			ints: []int{tiles, columnTiles, rowTiles, splits, c.dims.GroupOut, c.dims.K, s.columns, s.width, words, part, blocks,
				s.column, s.group, c.plane(), c.dims.Cout, c.start()}})
	}
	d.release(w)
}

// expandedPixels and expandedStages are what a work group of row expansion
// takes of the gradient of images: pixels, and (tap, eight filters) a dispatch.
const (
	expandedPixels = 256 * 4
	expandedStages = 512
)

// expandBackwardX sets dx by a full gradient, by row expansion.
func (d *Device) expandBackwardX(dx, dy *memory, c codes) {
	g := &c.t.dx
	w, blocks := d.packWeights(c)
	dims := &c.dims
	phases := dims.Stride[0] * dims.Stride[1]
	columnTiles := ceilDiv(dims.Batch*ceilDiv(dims.H, dims.Stride[0])*ceilDiv(dims.W, dims.Stride[1]), expandedPixels)
	channelTiles := ceilDiv(dims.GroupIn, g.together())
	tiles := columnTiles * channelTiles * phases * dims.Groups
	for first, last := range spans(blocks*dims.KH*dims.KW, expandedStages) {
		d.run(c.op, g.expansion("lut_rowexp_dx"), job{tiles: tiles, turns: (last - first) * 8 * g.together() * expandedPixels / phases, conv: dims,
			buffers: []*memory{dx, dy, w, c.x, c.qw}, firstUnit: 1, textures: []*texture{g.rows},
			ints: []int{tiles, columnTiles, channelTiles, blocks, c.columns(), first, last}, reals: []float32{g.scale}})
	}
	d.release(w)
}

// What the sums over outputs are cut for, by shapes alone: no slice so short
// that gathering rows costs more than using them, and none whose panel, which
// cannot be cut, has more bytes.
const (
	shortestExpanded = 2048
	mostSlicePanel   = 16 << 20
)

// expandBackwardW sets dw by a full gradient, by row expansion.
func (d *Device) expandBackwardW(dw, dy *memory, c codes) {
	g, dims := &c.t.dw, &c.dims
	w, blocks := d.packWeights(c)
	n, tapTiles := dims.Batch*c.plane(), ceilDiv(dims.K, g.together())
	slices := max(1, min(mostSlices, ceilDiv(4*enoughGroups, tapTiles*blocks*dims.Groups), n/shortestExpanded))
	most := max(1, mostSlicePanel/(4*panelWords(dims.K)*256)) // of 256 outputs
	length := min(ceilDiv(ceilDiv(n, slices), 256), most) * 256
	slices = ceilDiv(n, length)
	part := d.scratch(c.op, slices*c.weights())
	slabs, panel := d.slabs(c, length)
	words := panelWords(dims.K)
	for _, s := range slabs {
		d.fillPanel(c, s, panel)
		here := ceilDiv(s.columns, length)
		tiles := tapTiles * blocks * here * s.groups
		d.run(c.op, g.expansion("lut_rowexp_dw"), job{tiles: tiles, turns: length * 8 * g.together(),
			buffers: []*memory{part, dy, w, panel}, firstUnit: 1, textures: []*texture{g.rows},
			ints: []int{tiles, tapTiles, blocks, here, s.column / length, length, dims.GroupOut, dims.K,
				s.columns, s.width, words, s.column, s.group, c.plane(), dims.Cout}})
	}
	d.finishW(dw, dy, part, slices, c, false, g.scale)
	d.release(part)
	d.release(w)
}

// together returns how many channels or taps kernels of row expansion look up
// side by side.
func (g *gradient) together() int {
	if g.storage() == fullInt16 {
		return 8
	}
	return 4
}

// expansion returns the variant of a file that expands rows of g.
func (g *gradient) expansion(file string) kernel {
	return kernel{file, [4]shaders.Define{g.variant, {Name: "WIDTH", Value: g.width}}}
}

// class returns the class of an operation on c.
func (c codes) class(k kind, s storage) class {
	return classOf(k, s, c.t.product.W(), c.t.product.X(), &c.dims)
}

// forwardClass returns that of its products.
func (c codes) forwardClass() class {
	if c.t.rows == nil {
		return c.class(forward, wide)
	}
	return c.class(forward, narrow)
}

// storage returns what g is to a class.
func (g *gradient) storage() storage {
	switch {
	case g.rank > 0:
		return factored
	case g.variant.Value == 0:
		return fullInt16
	}
	return fullFloat32
}
