package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// Backward passes of a Full gradient that is stored in 16 bits, by row expansion
// ([kernel.Stored]): the sums of fast_group.go, cut in the same way, but with
// pixels in their own order.

// storedStrip is the number of pixels of a strip. Their D are half a MiB at the
// greatest width of a kernel, as every channel reads it anew; and the more they are,
// the less the expansion of a table costs.
const storedStrip = 4096

// A storedScratch is the memory of a part of a backward pass.
type storedScratch struct {
	codes   []uint8   // [channels, pixels]
	offsets []uint16  // the same, as the kernels read them
	tables  []float32 // of two channels
	rows    kernel.StoredRows
}

// storedCodes writes the codes of pixels n0… of channels [c0, c1), with zeros up
// to ld behind each channel's, as offsets.
func (q *grouping) storedCodes(s *workspace, f *kernel.Floats, g, c0, c1, n0, n, ld int, x []uint8) []uint16 {
	v := &s.stored
	v.codes, v.offsets = resize(v.codes, (c1-c0)*ld), resize(v.offsets, (c1-c0)*ld)
	q.pixelCodes(s, g, c0, x).Block(v.codes, ld, 0, c1-c0, n0, n)
	for ch := range c1 - c0 {
		clear(v.codes[ch*ld+n : (ch+1)*ld])
	}
	f.Offsets(v.offsets, v.codes)
	return v.offsets
}

// storedTables expands the rows that weightsOf tells of, of channel ch and the
// next. It returns how far the codes of the second stand behind those of the
// first: where there is none, its sums are not used, and its codes the same.
func (q *grouping) storedTables(s *workspace, f *kernel.Floats, ch, c1, width, ld int, w []uint8, g *kernel.Stored) (tables []float32, ldo int) {
	v := &s.stored
	v.tables = resize(v.tables, 2*256*width)
	ldo = ld
	q.tableRows(v.rows[0][:width], s, ch, w, g.Null())
	if ch+1 < c1 {
		q.tableRows(v.rows[1][:width], s, ch+1, w, g.Null())
	} else {
		v.rows[1], ldo = v.rows[0], 0
	}
	f.ExpandStored(v.tables, width, g, &v.rows)
	return v.tables, ldo
}

// blockOf returns the number of channels of the blocks in which kernels of the
// given width want D, if they can have them.
func blockOf(d *backend.ConvDims, width int) int {
	if d.GroupOut%width == 0 {
		return width
	}
	return d.Cout
}

// storedBlock returns block's D with rows of zeros up to ld behind the last pixel:
// a part of dt itself where every pixel is an output's, unless the width is not
// its.
func (q *grouping) storedBlock(s *workspace, f *kernel.Floats, g, n0, n, ld, r0, width int, dt []float32) []float32 {
	d := &q.d
	if width == q.wide && n == ld && q.r == d.GroupOut && q.pixels == d.Batch*d.OH*d.OW && q.ph.taps[0] == (tap{}) {
		return dt[(g*d.GroupOut+r0)*q.pixels+n0*width:][:ld*width]
	}
	s.group.d = resize(s.group.d, ld*width)
	q.block(s, f, g, n0, n, r0, width, dt)
	s.group.d = s.group.d[:ld*width]
	clear(s.group.d[n*width:])
	return s.group.d
}

// storedDots sets the dx of one part: see fullBackwardX.
type storedDots struct {
	c *CPU
	grouping
	g  gradientTable
	b  lutBackwardX
	dt []float32
	z  []float32 // see zeroSums
}

func (t *storedDots) part(i, worker int) {
	s, q, f := t.c.fast.workers[worker], &t.grouping, t.c.fast.floats
	u := &s.group
	g, chunk, c0, c1 := q.piece(i)
	q.eachStrip(chunk, func(n0, n int) {
		ld := roundUp(n, kernel.StoredUnit)
		offsets := q.storedCodes(s, f, g, c0, c1, n0, n, ld, t.b.x)
		u.dx = resize(u.dx, (c1-c0+1)*ld) // with room for the second of the last pair
		q.startDots(s, g, n0, n, ld, c1-c0, t.z)
		for r0, width := 0, 0; r0 < q.r; r0 += width {
			width = f.StoredDotsWidth(q.r - r0)
			block := q.storedBlock(s, f, g, n0, n, ld, r0, width, t.dt)
			q.weightsOf(s, g, r0, width)
			for ch := c0; ch < c1; ch += 2 {
				tables, ldo := q.storedTables(s, f, ch, c1, width, ld, t.b.w, t.g.stored)
				f.StoredDots(u.dx[(ch-c0)*ld:], ld, block, offsets[(ch-c0)*ld:], ldo, tables, width, ld, t.g.scale)
			}
		}
		sum := imageSum{}
		for ch := range c1 - c0 {
			sum.hand(t.b.dx, &q.d, &q.ph, g*q.d.GroupIn+c0+ch, n0, u.dx[ch*ld:][:n])
		}
	})
}

// startDots sets s.group.dx to what the sums of each of so many channels begin with,
// −Σ_r D·Z_w, which is the same for all. z is that for output pixels, nil for 0.
func (q *grouping) startDots(s *workspace, g, n0, n, ld, channels int, z []float32) {
	u := &s.group
	if z == nil {
		clear(u.dx)
		return
	}
	d, ph := &q.d, &q.ph
	s.reals = im2col[float32]{
		x: z, planes: d.Groups, first: g, h: d.OH, w: d.OW,
		rows: ph.rows, cols: ph.cols, step: [2]int{1, 1}, taps: ph.taps,
	}
	u.z = resize(u.z, len(ph.taps)*n)
	s.reals.Block(u.z, n, 0, len(ph.taps), n0, n)
	dx := u.dx[:ld]
	copy(dx, u.z[:n])
	clear(dx[n:])
	for i := 1; i < len(ph.taps); i++ {
		for j, v := range u.z[i*n:][:n] {
			dx[j] += v
		}
	}
	for ch := 1; ch < channels; ch++ {
		copy(u.dx[ch*ld:], dx)
	}
}

// zeroSums returns −Σ_m D·Z_w for every group and output pixel, [image, group,
// pixel]; nil where all Z_w are 0.
func (c *CPU) zeroSums(d *backend.ConvDims, dy []float32, q quantizer) []float32 {
	if zeroFree(q) {
		return nil
	}
	z := scratch[float32](c, d.Batch*d.Groups*d.OH*d.OW)
	run(c, d.Batch*d.Groups, zeroSums{*d, q, z, dy})
	return z
}

// zeroSums does one group of one image.
type zeroSums struct {
	d     backend.ConvDims
	q     quantizer
	z, dy []float32
}

func (t *zeroSums) part(i, _ int) {
	d, pixels := &t.d, t.d.OH*t.d.OW
	z := t.z[i*pixels:][:pixels]
	clear(z)
	for m := range d.GroupOut {
		o := i%d.Groups*d.GroupOut + m
		s, _, Z := t.q.at(o)
		for j, v := range t.dy[(i/d.Groups*d.Cout+o)*pixels:][:pixels] {
			z[j] -= float32(float32(s*v) * Z)
		}
	}
}

// storedSums sums by rows of gradients in 16 bits.
type storedSums struct{ fullSums }

func (t *storedSums) part(i, worker int) {
	s, q, f := t.c.fast.workers[worker], &t.grouping, t.c.fast.floats
	g, chunk, c0, c1, sums := t.cleared(i)
	const width = kernel.StoredSumsWidth
	q.eachStrip(chunk, func(n0, n int) {
		ld := roundUp(n, kernel.StoredUnit)
		offsets := q.storedCodes(s, f, g, c0, c1, n0, n, ld, t.b.x)
		for r0 := 0; r0 < q.r; r0 += width {
			block := q.storedBlock(s, f, g, n0, n, ld, r0, width, t.dt)
			q.weightsOf(s, g, r0, width)
			for ch := c0; ch < c1; ch += 2 {
				tables, ldo := q.storedTables(s, f, ch, c1, width, ld, t.b.w, t.g.stored)
				var both [2 * width]float32
				f.StoredSums(both[:], block, offsets[(ch-c0)*ld:], ldo, tables, ld)
				for p := range min(2, c1-ch) {
					to := sums[(ch+p-c0)*t.room+r0:][:width]
					for r, sum := range both[p*width:][:width] {
						to[r] += sum
					}
				}
			}
		}
	})
}
