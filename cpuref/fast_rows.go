package cpuref

import "gputrain/cpuref/kernel"

// Backward passes of a Full gradient for layers of few pixels, as attention's, by
// looking every gradient up ([kernel.Rows]): no table is expanded, and no pixel is
// sorted. The lanes of dx are pixels, and its sums run over the rows r of
// fast_group.go; the lanes of dw are rows r, and its sums run over pixels.

const (
	rowLanes = 128
	rowBlock = 1024 // r whose D are written out at a time, half a MiB
	rowStrip = 1024 // pixels whose D are written out at a time, the same
)

// few reports whether so many pixels are too few for kernels that do something for
// each code first, which serves all pixels.
func (g *gradientTable) few(pixels int, f *kernel.Floats) bool {
	switch {
	case g.looked.Permuted():
		return pixels < 640
	case g.stored != nil:
		return pixels < 100
	}
	return pixels < 200 || !f.Grouped()
}

// A rowScratch is the memory of a part.
type rowScratch struct {
	weights []uint8 // of the lanes, or of the rows, of a sum
}

// rowDots sets dx for the pixels of a strip: see fullBackwardX.
type rowDots struct {
	c *CPU
	grouping
	g gradientTable
	b lutBackwardX
	z []float32 // see zeroSums
}

func (t *rowDots) part(i, worker int) {
	s, q, f := t.c.fast.workers[worker], &t.grouping, t.c.fast.floats
	u, d := &s.group, &t.d
	g, chunk, c0, c1 := q.piece(i)
	q.eachStrip(chunk, func(n0, n int) {
		lanes := t.g.looked.Lanes(n)
		codes := q.laneCodes(s, g, c0, c1, n0, n, lanes, t.b.x)
		u.dx = resize(u.dx, (c1-c0)*lanes)
		q.startDots(s, g, n0, n, lanes, c1-c0, t.z)
		taps := len(q.ph.taps)
		for r0 := 0; r0 < q.r; r0 += rowBlock {
			rows := min(rowBlock, q.r-r0)
			s.reals = outputColumns(d, &q.ph, g, t.b.dy)
			u.d = resize(u.d, rows*lanes)
			s.reals.Block(u.d, lanes, r0, rows, n0, n)
			for r := range rows {
				scale, _, _ := t.b.qw.at(g*d.GroupOut + (r0+r)/taps)
				line := u.d[r*lanes:][:n]
				for j := range line {
					line[j] *= scale
				}
			}
			s.lanes.weights = resize(s.lanes.weights, rows)
			for ch := range c1 - c0 {
				q.rowWeights(s.lanes.weights, g, c0+ch, r0, t.b.w)
				f.RowSums(u.dx[ch*lanes:], codes[ch*lanes:], s.lanes.weights, u.d, lanes, t.g.looked, lanes, t.g.scale)
			}
		}
		sum := imageSum{}
		for ch := range c1 - c0 {
			sum.hand(t.b.dx, d, &q.ph, g*d.GroupIn+c0+ch, n0, u.dx[ch*lanes:][:n])
		}
	})
}

// laneCodes writes the codes of pixels n0… of channels [c0, c1), ld of each, of which
// those behind the last are of any value.
func (q *grouping) laneCodes(s *workspace, g, c0, c1, n0, n, ld int, x []uint8) []uint8 {
	codes := resize(s.stored.codes, (c1-c0)*ld)
	s.stored.codes = codes
	q.pixelCodes(s, g, c0, x).Block(codes, ld, 0, c1-c0, n0, n)
	return codes
}

// rowWeights sets dst to the weights of channel ch that rows r0… of outputColumns
// meet.
func (q *grouping) rowWeights(dst []uint8, g, ch, r0 int, w []uint8) {
	d, taps := &q.d, q.ph.taps
	at, tap := (g*d.GroupOut+r0/len(taps))*d.K+ch*d.KH*d.KW, r0%len(taps)
	for i := range dst {
		dst[i] = w[at+taps[tap].index]
		if tap++; tap == len(taps) {
			tap = 0
			at += d.K
		}
	}
}

// rowSums looks gradients up row by row.
type rowSums struct{ fullSums }

func (t *rowSums) part(i, worker int) {
	s, q, f := t.c.fast.workers[worker], &t.grouping, t.c.fast.floats
	g, chunk, c0, c1, sums := t.cleared(i)
	q.eachStrip(chunk, func(n0, n int) {
		codes := q.laneCodes(s, g, c0, c1, n0, n, n, t.b.x)
		for r0, lanes := 0, 0; r0 < q.r; r0 += lanes {
			lanes = t.g.looked.Lanes(q.r - r0)
			q.block(s, f, g, n0, n, r0, lanes, t.dt)
			block := s.group.d
			q.weightsOf(s, g, r0, lanes)
			s.lanes.weights = resize(s.lanes.weights, lanes)
			for ch := c0; ch < c1; ch++ {
				q.laneWeights(s.lanes.weights, s, ch, t.b.w)
				f.RowSums(sums[(ch-c0)*t.room+r0:], s.lanes.weights, codes[(ch-c0)*n:][:n], block, lanes, t.g.looked, lanes, 1)
			}
		}
	})
}

// laneWeights sets dst to the weights of channel ch that weightsOf tells of, and to
// any behind the last, whose D are 0.
func (q *grouping) laneWeights(dst []uint8, s *workspace, ch int, w []uint8) {
	w = w[ch*q.d.KH*q.d.KW:]
	for i, at := range s.group.at {
		dst[i] = w[max(at, 0)]
	}
}
