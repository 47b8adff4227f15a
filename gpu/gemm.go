//go:build cgo && !nogpu

package gpu

import (
	"gputrain/model/backend"
	"gputrain/shaders"
)

// gemmTiles are the tiles of results that a work group of kernel gemm owns, by
// its macro TILE: of large products, of small ones, and of few rows.
var gemmTiles = [...]struct{ rows, columns int }{{128, 128}, {64, 64}, {16, 256}}

// Values of the macro PASS of kernel gemm, the first three in the order of the
// kinds of products.
const (
	passProduct = iota
	passW
	passX
	passFactoredW
	passFactoredX
)

// A gemmShape is a product in tiles of one group of a convolution.
type gemmShape struct {
	rows, columns int
	blocks        int // of eight terms
	phases        int
}

// gemmShapeOf returns that of a pass.
func gemmShapeOf(pass int, d *backend.ConvDims) gemmShape {
	outputs := d.Batch * d.OH * d.OW
	switch pass {
	case passProduct:
		return gemmShape{d.GroupOut, outputs, ceilDiv(d.K, 8), 1}
	case passW, passFactoredW:
		return gemmShape{d.GroupOut, d.K, ceilDiv(outputs, 8), 1}
	}
	columns := d.Batch * ceilDiv(d.H, d.Stride[0]) * ceilDiv(d.W, d.Stride[1])
	return gemmShape{d.GroupIn, columns, ceilDiv(d.GroupOut, 8) * d.KH * d.KW, d.Stride[0] * d.Stride[1]}
}

// What sums are cut for: so many blocks of eight terms are worth a slice, and an
// invocation takes at most so many.
const (
	fewestBlocks = 16
	mostBlocks   = 512
)

// gemmCut cuts the sums of a pass for a tile, by shapes alone.
func gemmCut(s gemmShape, groups, tile int) (cut, int) {
	t := gemmTiles[tile]
	tiles := ceilDiv(s.rows, t.rows) * ceilDiv(s.columns, t.columns) * s.phases * groups
	slices := max(1, min(mostSplits, ceilDiv(enoughGroups, max(1, tiles)), s.blocks/fewestBlocks), ceilDiv(s.blocks, mostBlocks))
	length := max(1, ceilDiv(s.blocks, slices))
	c := cut{slices: max(1, ceilDiv(s.blocks, length)), length: length}
	return c, tiles * c.slices
}

// runGEMM queues a pass of kernel gemm whose sums are cut by c into so many
// tiles. The buffers are those of its header.
func (d *Device) runGEMM(op string, pass, tile int, dims *backend.ConvDims, c cut, tiles int, textures []*texture, buffers []*memory, more ...int) {
	s, t := gemmShapeOf(pass, dims), gemmTiles[tile]
	ints := append([]int{tiles, ceilDiv(s.columns, t.columns), ceilDiv(s.rows, t.rows), c.slices, c.length}, more...)
	d.run(op, kernel{"gemm", [4]shaders.Define{{Name: "PASS", Value: pass}, {Name: "TILE", Value: tile}}},
		job{tiles: tiles, turns: c.length * 8 * t.rows * t.columns, conv: dims, buffers: buffers, firstUnit: 1, textures: textures, ints: ints})
}

// gemmProduct runs a float32 pass in tiles.
func (d *Device) gemmProduct(p pass, tile int) {
	macro := passProduct + int(p.kind-product)
	c, tiles := gemmCut(gemmShapeOf(macro, &p.dims), p.dims.Groups, tile)
	dst := d.slices(p.op, p.dst, p.n, c)
	d.runGEMM(p.op, macro, tile, &p.dims, c, tiles, nil, []*memory{dst, p.a, p.b})
	d.addSlices(p.op, p.dst, dst, p.n, c)
}

// gemmBackwardW sets dw by a factored gradient.
func (d *Device) gemmBackwardW(dw, dy *memory, c codes, tile int) {
	g, n := &c.t.dw, c.weights()
	s, tiles := gemmCut(gemmShapeOf(passFactoredW, &c.dims), c.dims.Groups, tile)
	part := d.scratch(c.op, s.slices*n)
	folded := g.alone[0]
	for r := range g.rank {
		d.runGEMM(c.op, passFactoredW, tile, &c.dims, s, tiles, g.textures, []*memory{part, dy, c.x, c.w, c.qx},
			flag(r > 0), r, c.t.product.W().Bits, g.rowBits, flag(r == folded), c.intZero(), c.t.product.X().Min(), 1)
	}
	d.finishW(dw, dy, part, s.slices, c, folded >= 0, 1)
	d.release(part)
}

// finishW sets dw from the slices of its sums, of which the zero point of X is
// still to be taken unless it is in them.
func (d *Device) finishW(dw, dy, part *memory, slices int, c codes, zeroIsIn bool, factor float32) {
	taps := 1
	if c.dims.Padding == backend.PadIntZero {
		taps = c.dims.KH * c.dims.KW
	}
	sums := c.dims.Cout * taps
	zero, zeros := part, cut{}
	if !zeroIsIn {
		zeros = slice(sums, c.dims.Batch*c.plane(), maxTurns)
		zero = d.scratch(c.op, zeros.slices*sums)
		d.run(c.op, kernel{file: "lut_zero_dw"}, job{over: zeros.slices * sums, turns: zeros.length, conv: &c.dims,
			buffers: []*memory{zero, dy}, ints: []int{zeros.slices * sums, c.intZero(), zeros.length}})
	}
	d.run(c.op, kernel{file: "lut_finish_dw"}, job{over: c.weights(), turns: slices + zeros.slices,
		buffers: []*memory{dw, part, zero, c.qx},
		ints:    []int{c.weights(), slices, c.dims.K, zeros.slices, sums, taps}, reals: []float32{factor}})
	if !zeroIsIn {
		d.release(zero)
	}
}

// gemmBackwardX sets dx by a factored gradient.
func (d *Device) gemmBackwardX(dx, dy *memory, c codes, tile int) {
	g, n := &c.t.dx, c.pixels()
	s, tiles := gemmCut(gemmShapeOf(passFactoredX, &c.dims), c.dims.Groups, tile)
	folded := g.alone[1]
	part := d.slices(c.op, dx, n, s)
	if folded < 0 && part == dx {
		part = d.scratch(c.op, n)
	}
	for r := range g.rank {
		d.runGEMM(c.op, passFactoredX, tile, &c.dims, s, tiles, g.textures, []*memory{part, dy, c.w, c.x, c.qw},
			flag(r > 0), r, c.t.product.W().Bits, g.rowBits, flag(r == folded), 0, 0, c.columns())
	}
	if folded >= 0 {
		d.addSlices(c.op, dx, part, n, s)
		return
	}
	zero := d.scratch(c.op, c.dims.Batch*c.dims.Groups*c.dims.H*c.dims.W)
	for first, last := range spans(c.dims.GroupOut*c.dims.KH*c.dims.KW, maxTurns) {
		d.run(c.op, kernel{file: "lut_zero_dx"}, job{over: zero.length, turns: last - first, conv: &c.dims,
			buffers: []*memory{zero, dy, c.qw}, ints: []int{c.columns(), first, last}})
	}
	d.run(c.op, kernel{file: "lut_finish_dx"}, job{over: n, turns: s.slices, buffers: []*memory{dx, part, zero},
		ints: []int{n, s.slices, c.dims.H * c.dims.W, c.dims.GroupIn}})
	d.release(zero)
	d.release(part)
}
