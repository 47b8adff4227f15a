package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// The products of float32 matrices under convolutions, and how they are cut
// into parts. All numbers follow from shapes, and so does the order of a sum:
// over k in blocks of productK, and over columns in chunks that are added in
// order.
const (
	productStrip = 256 // columns of a tile
	productK     = 256 // k for which columns are written out: a quarter of a MiB
	productM     = 48  // rows of a tile; what the kernels take at a time divides it

	// Behind each row of a tile so many floats are left free, or the rows of a
	// block would fall upon few sets of the cache.
	rowGap = 16

	dotStrip  = 512  // columns that dot products of rows run over at a time
	dotK      = 192  // rows of X of a part
	dotChunk  = 4096 // columns of a part, at least
	maxChunks = 16   // parts that sums over columns are cut into, at most
)

// packRows packs the matrices a [groups, m, k] in blocks of productM rows.
func (c *CPU) packRows(a []float32, groups, m, k int) (packed []kernel.Packed, blocks int) {
	blocks = ceilDiv(m, productM)
	for len(c.fast.packed) < groups*blocks {
		c.fast.packed = append(c.fast.packed, kernel.Packed{})
	}
	packed = c.fast.packed[:groups*blocks]
	run(c, len(packed), packRows{c.fast.floats, packed, blocks, m, k, a})
	return packed, blocks
}

type packRows struct {
	floats       *kernel.Floats
	packed       []kernel.Packed
	blocks, m, k int
	a            []float32
}

func (t *packRows) part(i, _ int) {
	g, m0 := i/t.blocks, i%t.blocks*productM
	t.floats.Pack(&t.packed[i], t.a[(g*t.m+m0)*t.k:], t.k, min(productM, t.m-m0), t.k)
}

// product returns the tile A·X[:, n0:n0+n] of the matrix X in s.reals. The tile
// is the workspace's.
func (s *workspace) product(f *kernel.Floats, a *kernel.Packed, n0, n int) (tile []float32, stride int) {
	rows, cols := f.ProductRoom(a.M, n)
	stride = cols + rowGap
	s.tile = resize(s.tile, rows*stride)
	clear(s.tile)
	s.columns = resize(s.columns, min(productK, a.K)*stride)
	for k0 := 0; k0 < a.K; k0 += productK {
		k := min(productK, a.K-k0)
		s.reals.Block(s.columns, stride, k0, k, n0, n)
		f.Product(s.tile, stride, a, k0, k, s.columns, stride, n)
	}
	return s.tile, stride
}

// productForward sets y to the convolution of x with w.
func (c *CPU) productForward(y, w, x []float32, d *backend.ConvDims) {
	c.fast.taps = forwardTaps(c.fast.taps, d)
	packed, blocks := c.packRows(w, d.Groups, d.GroupOut, d.K)
	strips := ceilDiv(d.Batch*d.OH*d.OW, productStrip)
	run(c, len(packed)*strips, productForward{c, *d, packed, blocks, strips, y, x})
}

type productForward struct {
	c              *CPU
	d              backend.ConvDims
	packed         []kernel.Packed
	blocks, strips int
	y, x           []float32
}

func (t *productForward) part(i, worker int) {
	s, d := t.c.fast.workers[worker], &t.d
	a, n0 := i/t.strips, i%t.strips*productStrip
	g, m0 := a/t.blocks, a%t.blocks*productM
	n := min(productStrip, d.Batch*d.OH*d.OW-n0)
	s.reals = forwardColumns(d, t.c.fast.taps, g, t.x, 0)
	tile, stride := s.product(t.c.fast.floats, &t.packed[a], n0, n)
	scatter(t.y, d, g*d.GroupOut+m0, n0, tile, stride, t.packed[a].M, n)
}

// scatter writes the tile of output channels o0… and pixels n0… of all images
// to y [Batch, Cout, OH, OW].
func scatter[T any](y []T, d *backend.ConvDims, o0, n0 int, tile []T, stride, m, n int) {
	pixels := d.OH * d.OW
	for j := 0; j < n; {
		image, pixel := (n0+j)/pixels, (n0+j)%pixels
		run := min(pixels-pixel, n-j)
		for r := range m {
			copy(y[(image*d.Cout+o0+r)*pixels+pixel:][:run], tile[r*stride+j:])
		}
		j += run
	}
}

// gather is the inverse of scatter.
func gather[T any](tile []T, stride int, y []T, d *backend.ConvDims, o0, n0, m, n int) {
	pixels := d.OH * d.OW
	for j := 0; j < n; {
		image, pixel := (n0+j)/pixels, (n0+j)%pixels
		run := min(pixels-pixel, n-j)
		for r := range m {
			copy(tile[r*stride+j:][:run], y[(image*d.Cout+o0+r)*pixels+pixel:])
		}
		j += run
	}
}

// A weightSum says what becomes of the sums Σ_n dY[m,n]·X[k,n] of each weight.
type weightSum struct {
	w     []uint8   // codes of weights; nil where u is
	u     []float32 // the sum counts u of the weight's code; nil counts 1
	add   bool      // add to dw instead of setting it
	scale float32   // what dw is multiplied by in the end
	same  bool      // X has the rows of one channel, which serve all
}

// productBackwardW sums Σ_n dY[m,n]·X[k,n] for all weights, X being what columns
// says, with columns.first the first group's.
func (c *CPU) productBackwardW(dw, dy []float32, d *backend.ConvDims, columns im2col[float32], sum weightSum) {
	mark := c.memory.used
	f, N := c.fast.floats, d.Batch*d.OH*d.OW
	k, perGroup := d.K, d.GroupIn
	if sum.same {
		k, perGroup = d.KH*d.KW, 0
	}
	chunk := max(dotChunk, roundUp(ceilDiv(N, maxChunks), dotStrip))
	chunks, blocks := ceilDiv(N, chunk), ceilDiv(k, dotK)
	roomK, roomM, _ := f.DotsRoom(k, d.GroupOut, 1)
	partial := scratch[float32](c, d.Groups*chunks*roomK*roomM)
	run(c, d.Groups*chunks*blocks, partialSums{c, *d, columns, perGroup, k, chunk, chunks, blocks, roomK, roomM, dy, partial})
	run(c, d.Groups*blocks, combineSums{*d, sum, k, chunks, blocks, roomK, roomM, dw, partial})
	c.memory.used = mark
}

// partialSums sets partial[g, chunk, k, m] to the sums over the chunk's columns,
// a block of k in a part.
type partialSums struct {
	c              *CPU
	d              backend.ConvDims
	columns        im2col[float32]
	perGroup, k    int
	chunk          int // columns
	chunks, blocks int
	roomK, roomM   int
	dy, partial    []float32
}

func (t *partialSums) part(i, worker int) {
	s, d, f := t.c.fast.workers[worker], &t.d, t.c.fast.floats
	g, ch, k0 := i/(t.chunks*t.blocks), i/t.blocks%t.chunks, i%t.blocks*dotK
	k := min(dotK, t.k-k0)
	rowsA, rowsB, _ := f.DotsRoom(k, d.GroupOut, dotStrip)
	const stride = dotStrip + rowGap
	s.columns, s.tile = resize(s.columns, rowsA*stride), resize(s.tile, rowsB*stride)
	s.reals = t.columns
	s.reals.first += g * t.perGroup
	out := t.partial[((g*t.chunks+ch)*t.roomK+k0)*t.roomM:][:rowsA*t.roomM]
	clear(out)
	end := min((ch+1)*t.chunk, d.Batch*d.OH*d.OW)
	for n0 := ch * t.chunk; n0 < end; n0 += dotStrip {
		n := min(dotStrip, end-n0)
		_, _, to := f.DotsRoom(k, d.GroupOut, n)
		s.reals.Block(s.columns, stride, k0, k, n0, n)
		gather(s.tile, stride, t.dy, d, g*d.GroupOut, n0, d.GroupOut, n)
		if n < to {
			for r := range k {
				clear(s.columns[r*stride+n : r*stride+to])
			}
			for r := range d.GroupOut {
				clear(s.tile[r*stride+n : r*stride+to])
			}
		}
		f.Dots(out, t.roomM, s.columns, stride, k, s.tile, stride, d.GroupOut, n)
	}
}

// combineSums adds the chunks' sums, in order, and hands them to the weights.
type combineSums struct {
	d              backend.ConvDims
	sum            weightSum
	k              int
	chunks, blocks int
	roomK, roomM   int
	dw, partial    []float32
}

func (t *combineSums) part(i, _ int) {
	d := &t.d
	g, k0 := i/t.blocks, i%t.blocks*dotK
	all := t.partial[g*t.chunks*t.roomK*t.roomM:]
	for k := k0; k < min(k0+dotK, t.k); k++ {
		sums := all[k*t.roomM:][:d.GroupOut]
		for ch := 1; ch < t.chunks; ch++ {
			for m, v := range all[(ch*t.roomK+k)*t.roomM:][:d.GroupOut] {
				sums[m] += v
			}
		}
		for to := k; to < d.K; to += t.k {
			t.hand(g, to, sums)
		}
	}
}

// hand hands sums[m] to weight (m, k) of group g.
func (t *combineSums) hand(g, k int, sums []float32) {
	for m, v := range sums {
		at := (g*t.d.GroupOut+m)*t.d.K + k
		if t.sum.u != nil {
			v *= t.sum.u[t.sum.w[at]]
		}
		if t.sum.add {
			v += t.dw[at]
		}
		t.dw[at] = v * t.sum.scale
	}
}

// An imageSum says what becomes of the sums Σ A·dY of each pixel of x.
type imageSum struct {
	x    []uint8   // codes of pixels; nil where v is
	v    []float32 // the sum counts v of the pixel's code; nil counts 1
	add  bool      // add to dx instead of setting it
	same bool      // there is one sum for all channels of a group
}

// productBackwardX sums Σ_m Σ_taps a·dY for all pixels of x. The weight w(m, c, tap)
// is given the value a by set, which writes row (g, c) of a phase's matrix
// A[g, c, (m, tap)].
func (c *CPU) productBackwardX(dx, dy []float32, d *backend.ConvDims, set func(row []float32, g, ch int, taps []tap), sum imageSum) {
	mark := c.memory.used
	c.fast.phases = phases(c.fast.phases, d)
	rows := d.GroupIn
	if sum.same {
		rows = 1
	}
	for i := range c.fast.phases {
		ph := &c.fast.phases[i]
		k := d.GroupOut * len(ph.taps)
		if ph.rows*ph.cols == 0 {
			continue
		}
		if k == 0 {
			if !sum.add {
				run(c, d.Batch*d.Cin, clearPhase{*d, *ph, dx})
			}
			continue
		}
		a := scratch[float32](c, d.Groups*rows*k)
		run(c, d.Groups*rows, setRows{a, rows, k, ph.taps, set})
		packed, blocks := c.packRows(a, d.Groups, rows, k)
		strips := ceilDiv(d.Batch*ph.rows*ph.cols, productStrip)
		run(c, len(packed)*strips, productBackwardX{c, *d, *ph, packed, blocks, strips, sum, dx, dy})
		c.memory.used = mark
	}
}

// clearPhase sets the pixels that no output reads to 0.
type clearPhase struct {
	d  backend.ConvDims
	ph phase
	dx []float32
}

func (t *clearPhase) part(i, _ int) {
	for r := range t.ph.rows {
		line := t.dx[(i*t.d.H+r*t.d.Stride[0]+t.ph.row)*t.d.W:][:t.d.W]
		for j := t.ph.column; j < t.d.W; j += t.d.Stride[1] {
			line[j] = 0
		}
	}
}

type setRows struct {
	a       []float32
	rows, k int
	taps    []tap
	set     func(row []float32, g, ch int, taps []tap)
}

func (t *setRows) part(i, _ int) { t.set(t.a[i*t.k:][:t.k], i/t.rows, i%t.rows, t.taps) }

type productBackwardX struct {
	c              *CPU
	d              backend.ConvDims
	ph             phase
	packed         []kernel.Packed
	blocks, strips int
	sum            imageSum
	dx, dy         []float32
}

func (t *productBackwardX) part(i, worker int) {
	s, d := t.c.fast.workers[worker], &t.d
	a, n0 := i/t.strips, i%t.strips*productStrip
	g, c0 := a/t.blocks, a%t.blocks*productM
	n := min(productStrip, d.Batch*t.ph.rows*t.ph.cols-n0)
	s.reals = outputColumns(d, &t.ph, g, t.dy)
	tile, stride := s.product(t.c.fast.floats, &t.packed[a], n0, n)
	if t.sum.same {
		for ch := range d.GroupIn {
			t.sum.hand(t.dx, d, &t.ph, g*d.GroupIn+ch, n0, tile[:n])
		}
		return
	}
	for r := range t.packed[a].M {
		t.sum.hand(t.dx, d, &t.ph, g*d.GroupIn+c0+r, n0, tile[r*stride:][:n])
	}
}

// outputColumns returns the matrix dY[(m, tap), pixel] that the pixels of a
// phase meet.
func outputColumns(d *backend.ConvDims, ph *phase, g int, dy []float32) im2col[float32] {
	return im2col[float32]{
		x: dy, planes: d.Cout, first: g * d.GroupOut, h: d.OH, w: d.OW,
		rows: ph.rows, cols: ph.cols, step: [2]int{1, 1}, taps: ph.taps,
	}
}

// hand hands sums to the pixels n0… of a phase of channel ch.
func (t *imageSum) hand(dx []float32, d *backend.ConvDims, ph *phase, ch, n0 int, sums []float32) {
	for len(sums) > 0 {
		image, i, j := n0/(ph.rows*ph.cols), n0/ph.cols%ph.rows, n0%ph.cols
		n := min(ph.cols-j, len(sums))
		line, step := sums[:n], d.Stride[1]
		sums, n0 = sums[n:], n0+n
		at := ((image*d.Cin+ch)*d.H+i*d.Stride[0]+ph.row)*d.W + j*step + ph.column
		switch {
		case t.v == nil && !t.add && step == 1:
			copy(dx[at:], line)
		case t.v == nil && !t.add:
			for u, v := range line {
				dx[at+u*step] = v
			}
		case t.v == nil:
			for u, v := range line {
				dx[at+u*step] += v
			}
		case !t.add:
			for u, v := range line {
				dx[at+u*step] = v * t.v[t.x[at+u*step]]
			}
		default:
			for u, v := range line {
				dx[at+u*step] += v * t.v[t.x[at+u*step]]
			}
		}
	}
}
