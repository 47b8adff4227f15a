package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// A tiling cuts a product of M rows and N columns, times groups, into tiles
// that are summed one by one.
type tiling struct {
	m, n         int // rows and columns of the product
	rows, strip  int // of a tile
	perRow, each int // tiles of a row of tiles, of a group
}

// tile returns piece i: its group, first row and column, rows and columns.
func (t tiling) tile(i int) (group, m0, n0, m, n int) {
	group, i = i/t.each, i%t.each
	m0, n0 = i/t.perRow*t.rows, i%t.perRow*t.strip
	return group, m0, n0, min(t.rows, t.m-m0), min(t.strip, t.n-n0)
}

// lutTiling chooses tiles that keep every thread busy and amortize what a
// kernel does once for a tile. Sums of integers are the same for any choice.
func (c *CPU) lutTiling(p *kernel.Products, groups, m, n int) tiling {
	const tallest = 128 // a tile of 256 columns is then 128 KiB
	t := tiling{m: m, n: n, rows: min(m, tallest), strip: p.Strip(m, n)}
	few := func() bool {
		t.perRow = ceilDiv(n, t.strip)
		t.each = t.perRow * ceilDiv(m, t.rows)
		return groups*t.each < 2*c.crew.threads
	}
	for few() && t.rows > 32 {
		t.rows = ceilDiv(t.rows/2, 16) * 16
	}
	for few() && t.strip > 512 {
		t.strip /= 2
	}
	return t
}

// LUTMatMul implements [backend.Multiplier].
func (c *CPU) LUTMatMul(y backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	d := asConv(backend.CheckLUTMatMul(who, "LUTMatMul", y, backend.I32, w, x, t))
	c.lutForward(c.i32(y), c.u8(w.Code), c.u8(x.Code), d, t, 0)
}

// LUTConv2D implements [backend.Multiplier].
func (c *CPU) LUTConv2D(y backend.Tensor, w, x backend.Quantized, geo backend.Conv2D, t backend.Tables) {
	d := backend.CheckLUTConv2D(who, "LUTConv2D", y, backend.I32, w, x, geo, t)
	_, Zx := c.quantizer(x.Q).scaleAndZero(0)
	c.lutForward(c.i32(y), c.u8(w.Code), c.u8(x.Code), d, t, paddingCode(d.Padding, Zx, t.Product().X()))
}

func (c *CPU) lutForward(y []int32, w, x []uint8, d backend.ConvDims, t backend.Tables, outside uint8) {
	p := t.(*fastTables).products
	weights := c.packWeights(p, w, d.Groups, d.GroupOut, d.K)
	tiles := c.lutTiling(p, d.Groups, d.GroupOut, d.Batch*d.OH*d.OW)
	c.fast.taps = forwardTaps(c.fast.taps, &d)
	run(c, d.Groups*tiles.each, lutForward{c, d, tiles, p, weights, outside, y, x})
}

type lutForward struct {
	c       *CPU
	d       backend.ConvDims
	tiles   tiling
	p       *kernel.Products
	weights []kernel.Weights // [Groups]
	outside uint8
	y       []int32
	x       []uint8
}

func (t *lutForward) part(i, worker int) {
	s, d := t.c.fast.workers[worker], &t.d
	g, m0, n0, m, n := t.tiles.tile(i)
	s.codes = forwardColumns(d, t.c.fast.taps, g, t.x, t.outside)
	sums, stride := t.p.Sum(&s.kernel, &t.weights[g], m0, m, &s.codes, n0, n)
	scatter(t.y, d, g*d.GroupOut+m0, n0, sums, stride, m, n)
}

// packWeights packs the matrices [groups, m, k] of codes.
func (c *CPU) packWeights(p *kernel.Products, code []uint8, groups, m, k int) []kernel.Weights {
	for len(c.fast.weights) < groups {
		c.fast.weights = append(c.fast.weights, kernel.Weights{})
	}
	for g := range groups {
		p.Pack(&c.fast.weights[g], code[g*m*k:], k, m, k)
	}
	return c.fast.weights[:groups]
}
