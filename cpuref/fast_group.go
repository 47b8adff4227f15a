package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// Backward passes of a Full gradient.
//
// All taps that meet a pixel of channel c meet the same code x, so that
//
//	dx[c, pixel]       = Σ_r D[pixel, r]·g_X(W[c, r], x)
//	dw[c, r]           = Σ_pixels D[pixel, r]·g_W(W[c, r], x)
//
// where r runs over the taps and output channels (tap, m) and D[pixel, r] is the
// dY that the tap reaches from the pixel, 0 beside the output. D does not depend
// on c. With the pixels sorted by code, the gradients of one code and all r are
// one row of an expanded table, which is read once for all its pixels; in dw the
// D of one code are even summed before they are multiplied.
//
// A product of matrices is the case of one tap.
//
// So it is for gradients of float32, and at levels without AVX-512. Where gradients
// are stored in 16 bits fast_stored.go does better, and on few pixels fast_rows.go.

const (
	// Pixels that are sorted at a time: as many as have their D in an L2 cache
	// at the width of the kernel, a MiB, since every channel reads it anew.
	dotsStrip = 2048
	sumsStrip = 4096

	groupParts = 8 // parts at least, from channels if strips are too few
)

// A gradientTable is a Full gradient with rows of 256, and a row of zeros
// behind that of the last weight.
type gradientTable struct {
	rows []float32
	null uint16

	// The same for other kernels, in units of scale: integers of a gradient that is
	// stored in 16 bits. stored is nil of others, and where the level has no kernels.
	stored *kernel.Stored
	looked *kernel.Rows
	scale  float32
}

// newGradientTable lays a gradient out for the kernels f; looked in rows of
// activations if byX.
func newGradientTable(g *lut.Gradient, f *kernel.Floats, byX bool) gradientTable {
	if g == nil || g.Form() != lut.Full {
		return gradientTable{}
	}
	const rowLen = 256
	t := gradientTable{rows: make([]float32, (g.W().Count()+1)*rowLen), null: uint16(g.W().Count())}
	n := g.X().Count()
	for w := range g.W().Count() {
		copy(t.rows[w*rowLen:], g.Values()[w*n:][:n])
	}
	if g.Storage() != lut.Int16 {
		t.looked, t.scale = kernel.NewRows(f, g.Values(), g.W().Bits, g.X().Bits, byX), 1
		return t
	}
	var values []int16
	values, t.scale = g.Stored()
	t.stored = f.NewStored(values, g.W().Bits, g.X().Bits)
	t.looked = kernel.NewRows(f, values, g.W().Bits, g.X().Bits, byX)
	return t
}

// A groupScratch is the memory of a part of a Full backward pass.
type groupScratch struct {
	groups   []kernel.Groups // of each channel
	one      kernel.Groups   // all pixels in one group
	codes    []uint8
	d        []float32 // [pixels, width]
	table    []float32 // expanded, [256, width]
	at       []int     // weights of a block of r, [width]
	rows     []uint16  // of the gradient table, [width]
	constant []float32 // a table for one
	dx, z    []float32
}

// A grouping is how a Full backward pass over one phase of the input is cut: by
// groups, chunks of strips of pixels, and ranges of channels.
type grouping struct {
	d                backend.ConvDims
	ph               phase
	pixels           int // of all images
	strip            int // pixels
	strips, perChunk int
	chunks, ranges   int
	channels         int // of a range
	r                int // taps times output channels
	wide             int // channels of a block of dt
}

func newGrouping(d *backend.ConvDims, ph *phase, strip, wide int) grouping {
	q := grouping{d: *d, ph: *ph, strip: strip, pixels: d.Batch * ph.rows * ph.cols, r: len(ph.taps) * d.GroupOut, wide: wide}
	q.strips = ceilDiv(q.pixels, strip)
	q.perChunk = max(1, ceilDiv(q.strips, maxChunks))
	q.chunks = max(1, ceilDiv(q.strips, q.perChunk)) // even of a phase without pixels
	q.channels = d.GroupIn
	if parts := d.Groups * q.chunks; parts < groupParts {
		q.channels = ceilDiv(d.GroupIn, min(d.GroupIn, ceilDiv(groupParts, parts)))
	}
	q.ranges = ceilDiv(d.GroupIn, q.channels)
	return q
}

func (q *grouping) parts() int { return q.d.Groups * q.chunks * q.ranges }

// piece returns the group, chunk, and channels [c0, c1) of part i.
func (q *grouping) piece(i int) (g, chunk, c0, c1 int) {
	g, chunk, c0 = i/(q.chunks*q.ranges), i/q.ranges%q.chunks, i%q.ranges*q.channels
	return g, chunk, c0, min(c0+q.channels, q.d.GroupIn)
}

// eachStrip calls f for the strips of a chunk.
func (q *grouping) eachStrip(chunk int, f func(n0, n int)) {
	for s := chunk * q.perChunk; s < min((chunk+1)*q.perChunk, q.strips); s++ {
		n0 := s * q.strip
		f(n0, min(q.strip, q.pixels-n0))
	}
}

// sort sorts pixels n0… of channels [c0, c1) by code.
func (q *grouping) sort(s *workspace, g, c0, c1, n0, n int, x []uint8) {
	u := &s.group
	for len(u.groups) < c1-c0 {
		u.groups = append(u.groups, kernel.Groups{})
	}
	u.codes = resize(u.codes, n)
	codes := q.pixelCodes(s, g, c0, x)
	for ch := c0; ch < c1; ch++ {
		codes.Block(u.codes, n, ch-c0, 1, n0, n)
		u.groups[ch-c0].Set(u.codes)
	}
	clear(u.codes)
	u.one.Set(u.codes)
}

// pixelCodes returns the matrix of codes of channels c0… and pixels.
func (q *grouping) pixelCodes(s *workspace, g, c0 int, x []uint8) *im2col[uint8] {
	d := &q.d
	s.codes = im2col[uint8]{
		x: x, planes: d.Cin, first: g*d.GroupIn + c0, h: d.H, w: d.W, rows: q.ph.rows, cols: q.ph.cols,
		step: d.Stride, taps: s.phaseTap(q.ph.row, q.ph.column),
	}
	return &s.codes
}

// phaseTap returns the one tap that is the pixel itself.
func (s *workspace) phaseTap(row, column int) []tap {
	s.tap[0] = tap{row: row, column: column}
	return s.tap[:]
}

// block writes D[n0…, r0…] of width columns, of which those behind the last r
// are 0. dt is dY or D as [image, pixel, channel].
func (q *grouping) block(s *workspace, f *kernel.Floats, g, n0, n, r0, width int, dt []float32) {
	d, ph := &q.d, &q.ph
	u := &s.group
	u.d = resize(u.d, n*width)
	if q.r-r0 < width {
		clear(u.d)
	}
	for r := r0; r < min(r0+width, q.r); {
		t, o := &ph.taps[r/d.GroupOut], g*d.GroupOut+r%d.GroupOut
		run := min(d.GroupOut-r%d.GroupOut, r0+width-r, q.wide-o%q.wide)
		in := inside(t.column, 1, d.OW, ph.cols)
		for j := 0; j < n; {
			image, i, col := (n0+j)/(ph.rows*ph.cols), (n0+j)/ph.cols%ph.rows, (n0+j)%ph.cols
			cols := min(ph.cols-col, n-j)
			row := i + t.row
			out := u.d[j*width+r-r0:]
			if row < 0 || row >= d.OH {
				clearRows(f, out, width, cols, run)
			} else {
				// Columns [a, b) of these have their tap in the output.
				a, b := min(max(in.first-col, 0), cols), min(max(in.last-col, 0), cols)
				clearRows(f, out, width, a, run)
				if a < b {
					pixel := (image*d.OH+row)*d.OW + col + a + t.column
					src := dt[o/q.wide*q.wide*d.Batch*d.OH*d.OW+pixel*q.wide+o%q.wide:]
					f.CopyRows(out[a*width:], width, src, q.wide, b-a, run)
				}
				if b < cols {
					clearRows(f, out[b*width:], width, cols-b, run)
				}
			}
			j += cols
		}
		r += run
	}
}

// clearRows clears n floats of each row, at most as many as the widest kernel takes.
func clearRows(f *kernel.Floats, d []float32, width, rows, n int) {
	f.CopyRows(d, width, noFloats[:], 0, rows, n)
}

var noFloats [kernel.MaxGroupWidth]float32

// weightsOf sets s.group.at to where the weights of r0… of channel 0 stand, −1
// behind the last.
func (q *grouping) weightsOf(s *workspace, g, r0, width int) {
	d := &q.d
	s.group.at = resize(s.group.at, width)
	for i := range s.group.at {
		s.group.at[i] = -1
		if r := r0 + i; r < q.r {
			s.group.at[i] = (g*d.GroupOut+r%d.GroupOut)*d.K + q.ph.taps[r/d.GroupOut].index
		}
	}
}

// tableRows sets rows to the weights of channel ch that weightsOf tells of.
func (q *grouping) tableRows(rows []uint16, s *workspace, ch int, w []uint8, null uint16) {
	w = w[ch*q.d.KH*q.d.KW:]
	for i, at := range s.group.at {
		rows[i] = null
		if at >= 0 {
			rows[i] = uint16(w[at])
		}
	}
}

// transposeOutput sets dt[image, pixel, o] = s[o]·dY[image, o, pixel], one
// float32 product; s nil counts 1. The channels are cut in blocks, of q.wide each,
// which stand one behind the other: [Cout/wide, image, pixel, wide].
func (c *CPU) transposeOutput(dy []float32, d *backend.ConvDims, wide int, q quantizer) []float32 {
	dt := scratch[float32](c, len(dy))
	strips := ceilDiv(d.OH*d.OW, transposeStrip)
	run(c, d.Batch*strips, transposeOutput{c.fast.floats, *d, strips, wide, q, dt, dy})
	return dt
}

const transposeStrip = 64

type transposeOutput struct {
	f            *kernel.Floats
	d            backend.ConvDims
	strips, wide int
	q            quantizer
	dt, dy       []float32
}

func (t *transposeOutput) part(i, _ int) {
	d, pixels := &t.d, t.d.OH*t.d.OW
	image, p0 := i/t.strips, i%t.strips*transposeStrip
	n := min(transposeStrip, pixels-p0)
	for o := 0; o < d.Cout; o += t.wide {
		dst := t.dt[o*d.Batch*pixels+(image*pixels+p0)*t.wide:][:n*t.wide]
		t.f.Columns(dst, t.wide, t.dy[(image*d.Cout+o)*pixels+p0:], pixels, t.wide, n)
		if t.q == nil {
			continue
		}
		if len(t.q) == 3 {
			for j := range dst {
				dst[j] *= t.q[0]
			}
			continue
		}
		for r := range t.wide {
			scale, _, _ := t.q.at(o + r)
			for j := r; j < len(dst); j += t.wide {
				dst[j] *= scale
			}
		}
	}
}

// fullBackwardX sets dx = Σ D·(g_X(W, X) − Z_w), by the kernels that are fastest at
// the level and the shape.
func (c *CPU) fullBackwardX(d *backend.ConvDims, g gradientTable, b lutBackwardX) {
	c.fast.phases = phases(c.fast.phases, d)
	pixels := d.Batch * c.fast.phases[0].rows * c.fast.phases[0].cols // of the largest
	strip, wide := dotsStrip, d.Cout
	few := g.few(pixels, c.fast.floats)
	switch {
	case few:
		strip = rowLanes
	case g.stored != nil:
		strip, wide = storedStrip, blockOf(d, c.fast.floats.StoredDotsWidth(d.GroupOut))
	}
	var dt, z []float32
	if !few {
		dt = c.transposeOutput(b.dy, d, wide, b.qw)
	}
	if few || g.stored != nil {
		z = c.zeroSums(d, b.dy, b.qw)
	}
	for i := range c.fast.phases {
		q := newGrouping(d, &c.fast.phases[i], strip, wide)
		switch {
		case q.pixels == 0:
		case q.r == 0:
			run(c, d.Batch*d.Cin, clearPhase{*d, q.ph, b.dx})
		case few:
			run(c, q.parts(), rowDots{c, q, g, b, z})
		case g.stored != nil:
			run(c, q.parts(), storedDots{c, q, g, b, dt, z})
		default:
			run(c, q.parts(), groupDots{c, q, g, b, dt, !zeroFree(b.qw)})
		}
	}
}

type groupDots struct {
	c *CPU
	grouping
	g  gradientTable
	b  lutBackwardX
	dt []float32
	z  bool // some Z_w is not 0
}

func (t *groupDots) part(i, worker int) {
	s, q, f := t.c.fast.workers[worker], &t.grouping, t.c.fast.floats
	u := &s.group
	g, chunk, c0, c1 := q.piece(i)
	q.eachStrip(chunk, func(n0, n int) {
		q.sort(s, g, c0, c1, n0, n, t.b.x)
		u.dx, u.z = resize(u.dx, (c1-c0)*n), resize(u.z, n)
		clear(u.dx)
		clear(u.z)
		for r0, width := 0, 0; r0 < q.r; r0 += width {
			width = f.DotsWidth(q.r - r0)
			q.block(s, f, g, n0, n, r0, width, t.dt)
			q.weightsOf(s, g, r0, width)
			u.rows, u.table = resize(u.rows, width), resize(u.table, 256*width)
			for ch := c0; ch < c1; ch++ {
				q.tableRows(u.rows, s, ch, t.b.w, t.g.null)
				f.Expand(u.table, width, t.g.rows, u.rows, &u.groups[ch-c0])
				f.GroupDots(u.dx[(ch-c0)*n:], u.d, &u.groups[ch-c0], u.table, width)
			}
			if t.z {
				// −Σ_r D·Z_w is the same for all channels.
				u.constant = resize(u.constant, 256*width)
				clear(u.constant[:width])
				for r := range min(width, q.r-r0) {
					_, _, z := t.b.qw.at(g*q.d.GroupOut + (r0+r)%q.d.GroupOut)
					u.constant[r] = -z
				}
				f.GroupDots(u.z, u.d, &u.one, u.constant, width)
			}
		}
		sum := imageSum{}
		for ch := c0; ch < c1; ch++ {
			dx := u.dx[(ch-c0)*n:][:n]
			if t.z {
				for j := range dx {
					dx[j] += u.z[j]
				}
			}
			sum.hand(t.b.dx, &q.d, &q.ph, g*q.d.GroupIn+ch, n0, dx)
		}
	})
}

// fullBackwardW sets dw = s_x·Σ dY·(g_W(W, X) − Z_x), by the kernels that are fastest
// at the level and the shape.
func (c *CPU) fullBackwardW(d *backend.ConvDims, g gradientTable, b lutBackwardW) {
	c.fast.phases = phases(c.fast.phases, d)
	pixels := d.Batch * c.fast.phases[0].rows * c.fast.phases[0].cols
	strip, wide, unit := sumsStrip, d.Cout, 1.0
	few := g.few(pixels, c.fast.floats)
	switch {
	case few:
		strip, unit = rowStrip, float64(g.scale)
	case g.stored != nil:
		strip, wide, unit = storedStrip, blockOf(d, kernel.StoredSumsWidth), float64(g.scale)
	}
	dt := c.transposeOutput(b.dy, d, wide, nil)
	plain := scratch[float64](c, d.Cout*(d.KH*d.KW+1))
	run(c, d.Cout, plainSums{*d, b.dy, plain})
	for i := range c.fast.phases {
		q := newGrouping(d, &c.fast.phases[i], strip, wide)
		if q.r == 0 {
			continue
		}
		mark := c.memory.used
		room := q.r + 128 // what the widest kernel may take beyond r
		sums := scratch[float32](c, d.Groups*q.chunks*d.GroupIn*room)
		w := fullSums{c, q, g, b, dt, room, sums}
		switch {
		case few:
			run(c, q.parts(), rowSums{w})
		case g.stored != nil:
			run(c, q.parts(), storedSums{w})
		default:
			run(c, q.parts(), groupSums{w})
		}
		run(c, d.Groups*d.GroupIn, combineGroups{q, g, b, room, sums, plain, unit})
		c.memory.used = mark
	}
}

// fullSums are what the parts of fullBackwardW sum, by whatever kernels.
type fullSums struct {
	c *CPU
	grouping
	g    gradientTable
	b    lutBackwardW
	dt   []float32
	room int
	sums []float32 // Σ D·g, [group, chunk, channel, r]
}

// cleared returns what part i is of, and its sums, each 0: rows of room for the
// channels c0 to c1 of group g.
func (t *fullSums) cleared(i int) (g, chunk, c0, c1 int, sums []float32) {
	q := &t.grouping
	g, chunk, c0, c1 = q.piece(i)
	sums = t.sums[((g*q.chunks+chunk)*q.d.GroupIn+c0)*t.room:][:(c1-c0)*t.room]
	clear(sums)
	return g, chunk, c0, c1, sums
}

// groupSums sums by groups of pixels that have the same code.
type groupSums struct{ fullSums }

func (t *groupSums) part(i, worker int) {
	s, q, f := t.c.fast.workers[worker], &t.grouping, t.c.fast.floats
	u := &s.group
	g, chunk, c0, c1, sums := t.cleared(i)
	q.eachStrip(chunk, func(n0, n int) {
		q.sort(s, g, c0, c1, n0, n, t.b.x)
		for r0, width := 0, 0; r0 < q.r; r0 += width {
			width = f.SumsWidth(q.r - r0)
			q.block(s, f, g, n0, n, r0, width, t.dt)
			q.weightsOf(s, g, r0, width)
			u.rows, u.table = resize(u.rows, width), resize(u.table, 256*width)
			for ch := c0; ch < c1; ch++ {
				q.tableRows(u.rows, s, ch, t.b.w, t.g.null)
				f.Expand(u.table, width, t.g.rows, u.rows, &u.groups[ch-c0])
				f.GroupSums(sums[(ch-c0)*t.room+r0:], u.d, &u.groups[ch-c0], u.table, width)
			}
		}
	})
}

// combineGroups adds the chunks of one channel, in order, and writes its
// weights.
type combineGroups struct {
	grouping
	g     gradientTable
	b     lutBackwardW
	room  int
	sums  []float32
	plain []float64 // see plainSums
	unit  float64   // what sums counts
}

func (t *combineGroups) part(i, _ int) {
	q, d := &t.grouping, &t.d
	g, ch := i/d.GroupIn, i%d.GroupIn
	sums := t.sums[(g*q.chunks*d.GroupIn+ch)*t.room:]
	for chunk := 1; chunk < q.chunks; chunk++ {
		addFloats(sums[:q.r], sums[chunk*d.GroupIn*t.room:])
	}
	taps := d.KH * d.KW
	for i, tap := range q.ph.taps {
		for m, sum := range sums[i*d.GroupOut:][:d.GroupOut] {
			o := g*d.GroupOut + m
			at := o*d.K + ch*taps + tap.index
			plain := t.plain[o*(taps+1):][:taps+1]
			outside := plain[tap.index]
			// What cancels, and the few roundings that a weight's sum has left, are
			// for float64.
			dw := t.unit*float64(sum) - float64(t.b.zero)*(plain[taps]-outside)
			if outside != 0 {
				gradient := t.g.rows[int(t.b.w[at])*256+int(t.b.outside)]
				dw += outside * float64(gradient-t.b.zeroOut)
			}
			t.b.dw[at] = float32(float64(t.b.sx) * dw)
		}
	}
}

// plainSums sets out[o, tap] to the sum of the dY of channel o whose tap lies
// outside the image, and out[o, KH·KW] to that of all.
type plainSums struct {
	d   backend.ConvDims
	dy  []float32
	out []float64
}

func (t *plainSums) part(o, _ int) {
	d := &t.d
	out := t.out[o*(d.KH*d.KW+1):][:d.KH*d.KW+1]
	clear(out)
	for image := range d.Batch {
		plane := t.dy[(image*d.Cout+o)*d.OH*d.OW:][:d.OH*d.OW]
		out[d.KH*d.KW] += sumFloats(plane)
		if d.Pad == [2]int{} {
			continue
		}
		for p := range d.KH {
			rows := inside(p*d.Dilation[0]-d.Pad[0], d.Stride[0], d.H, d.OH)
			for q := range d.KW {
				cols := inside(q*d.Dilation[1]-d.Pad[1], d.Stride[1], d.W, d.OW)
				sum := sumFloats(plane[:rows.first*d.OW]) + sumFloats(plane[rows.last*d.OW:])
				for i := rows.first; i < rows.last; i++ {
					line := plane[i*d.OW:][:d.OW]
					sum += sumFloats(line[:cols.first]) + sumFloats(line[cols.last:])
				}
				out[p*d.KW+q] += sum
			}
		}
	}
}

// addFloats adds x to sum.
func addFloats(sum, x []float32) {
	x = x[:len(sum)]
	for i := range sum {
		sum[i] += x[i]
	}
}

// sumFloats returns the sum of x, in float64 by four.
func sumFloats(x []float32) float64 {
	var s0, s1, s2, s3 float64
	for ; len(x) >= 4; x = x[4:] {
		s0 += float64(x[0])
		s1 += float64(x[1])
		s2 += float64(x[2])
		s3 += float64(x[3])
	}
	for _, v := range x {
		s0 += float64(v)
	}
	return s0 + s1 + (s2 + s3)
}
