package cpuref

import "gputrain/model/backend"

// A tap says where an element of a filter stands on the image when the filter's
// output is that of the grid's first pixel.
type tap struct {
	index       int // (p, q) of the filter, p·KW + q
	row, column int
}

// An im2col is the matrix X[K, N] that turns a convolution into a product: row
// k is a channel and a tap, taps running fastest, column n a pixel of the grid
// of one image after the other. It is never in memory as a whole: Block writes
// out a part.
type im2col[T uint8 | float32] struct {
	x          []T // planes of h×w, so many an image
	planes     int
	first      int // the first channel's plane
	h, w       int
	rows, cols int    // of the grid
	step       [2]int // from one pixel of the grid to the next on the image
	taps       []tap
	outside    T // what taps outside the image read
}

// forwardTaps returns the taps of a convolution's outputs.
func forwardTaps(taps []tap, d *backend.ConvDims) []tap {
	taps = taps[:0]
	for p := range d.KH {
		for q := range d.KW {
			taps = append(taps, tap{p*d.KW + q, p*d.Dilation[0] - d.Pad[0], q*d.Dilation[1] - d.Pad[1]})
		}
	}
	return taps
}

// forwardColumns returns the matrix that a group of a convolution multiplies.
func forwardColumns[T uint8 | float32](d *backend.ConvDims, taps []tap, group int, x []T, outside T) im2col[T] {
	return im2col[T]{
		x: x, planes: d.Cin, first: group * d.GroupIn, h: d.H, w: d.W,
		rows: d.OH, cols: d.OW, step: d.Stride, taps: taps, outside: outside,
	}
}

// A phase is a part of the pixels of an input image that the same taps of the
// filter reach: all of them where the stride is 1, else those that have the
// same remainder of it. Pixel (i, j) of its grid is pixel (i·sh+row, j·sw+column)
// of the image, and by its tap with offset (r, c) it reaches output (i+r, j+c).
type phase struct {
	row, column int
	rows, cols  int
	taps        []tap
}

// phases returns all phases of a convolution's input.
func phases(list []phase, d *backend.ConvDims) []phase {
	sh, sw := d.Stride[0], d.Stride[1]
	for len(list) < sh*sw {
		list = append(list, phase{})
	}
	list = list[:sh*sw]
	for i := range list {
		ph := &list[i]
		ph.row, ph.column = i/sw, i%sw
		ph.rows, ph.cols = max(0, ceilDiv(d.H-ph.row, sh)), max(0, ceilDiv(d.W-ph.column, sw))
		ph.taps = ph.taps[:0]
		for p := range d.KH {
			for q := range d.KW {
				// Output i·sh − pad + p·dilation is this pixel.
				r, c := ph.row+d.Pad[0]-p*d.Dilation[0], ph.column+d.Pad[1]-q*d.Dilation[1]
				if r%sh == 0 && c%sw == 0 {
					ph.taps = append(ph.taps, tap{p*d.KW + q, r / sh, c / sw})
				}
			}
		}
	}
	return list
}

// Block sets dst[i*stride+j] = X[k0+i, n0+j] for i < k, j < n. What a tap reads of
// an image is the same of all channels but for the plane.
func (m *im2col[T]) Block(dst []T, stride, k0, k, n0, n int) {
	pixels, taps, area := m.rows*m.cols, len(m.taps), m.h*m.w
	shifted := m.step == [2]int{1, 1} && m.cols == m.w
	for j := 0; j < n; {
		image, pixel := (n0+j)/pixels, (n0+j)%pixels
		run := min(pixels-pixel, n-j)
		for i := range min(k, taps) {
			channel, t := (k0+i)/taps, &m.taps[(k0+i)%taps]
			x := m.x[(image*m.planes+m.first+channel)*area:]
			if shifted {
				s := m.shift(pixel, run, t)
				for ; i < k; i += taps {
					m.shifted(dst[i*stride+j:][:run], x[:area], &s)
					x = x[area:]
				}
				continue
			}
			for ; i < k; i += taps {
				m.strided(dst[i*stride+j:][:run], x[:area], pixel, t)
				x = x[area:]
			}
		}
		j += run
	}
}

// A shift says what a tap reads for a run of pixels of a grid as wide as the image,
// positions being those in the run: a copy of the image, shifted, whose pixels that
// have wrapped round from a neighbouring row are then overwritten.
type shift struct {
	from, to int // are copied
	start    int // of the copy in the image
	lo, hi   int // have their row in the image

	// In each row columns [first, last) have their tap beside the image; row is
	// where one begins, at or before lo.
	row, first, last int
}

func (m *im2col[T]) shift(pixel, run int, t *tap) shift {
	W, end := m.w, pixel+run
	by := t.row*W + t.column
	// Pixels [lo, hi) of the grid have their row in the image; of those the
	// first or last few may lie before or behind the whole image.
	lo, hi := max(pixel, -t.row*W), min(end, (m.h-t.row)*W)
	if lo >= hi {
		return shift{}
	}
	s := shift{lo: lo - pixel, hi: hi - pixel, row: lo - lo%W - pixel}
	if from, to := max(lo, -by), min(hi, m.h*W-by); from < to {
		s.from, s.to, s.start = from-pixel, to-pixel, from+by
	} else {
		s.from, s.to = s.lo, s.lo
	}
	switch {
	case t.column < 0:
		s.last = min(-t.column, W)
	case t.column > 0:
		s.first, s.last = max(W-t.column, 0), W
	}
	return s
}

// shifted writes what a shift says.
func (m *im2col[T]) shifted(out, plane []T, s *shift) {
	fill(out[:s.lo], m.outside)
	copy(out[s.from:s.to], plane[s.start:])
	fill(out[s.hi:], m.outside)
	if s.last-s.first == 1 {
		at := s.row + s.first
		if at < s.lo {
			at += m.w
		}
		for ; at < s.hi; at += m.w {
			out[at] = m.outside
		}
		return
	}
	if s.first == s.last {
		return
	}
	for row := s.row; row < s.hi; row += m.w {
		a, b := max(row+s.first, s.lo), min(row+s.last, s.hi)
		if a < b {
			fill(out[a:b], m.outside)
		}
	}
}

// strided writes the taps of a run of pixels, row by row.
func (m *im2col[T]) strided(out, plane []T, pixel int, t *tap) {
	step := m.step[1]
	in := m.columns(t)
	for i, j := pixel/m.cols, pixel%m.cols; len(out) > 0; i, j = i+1, 0 {
		n := min(m.cols-j, len(out))
		line := out[:n]
		out = out[n:]
		row := i*m.step[0] + t.row
		if row < 0 || row >= m.h {
			fill(line, m.outside)
			continue
		}
		a, b := min(max(in.first-j, 0), n), min(max(in.last-j, 0), n)
		fill(line[:a], m.outside)
		fill(line[b:], m.outside)
		if a == b {
			continue
		}
		src := plane[row*m.w+(j+a)*step+t.column:]
		spread(line[a:b], src, step)
	}
}

// spread sets dst[i] = src[i*step].
func spread[T any](dst, src []T, step int) {
	if step == 1 {
		copy(dst, src)
		return
	}
	for ; len(dst) >= 4 && len(src) > 4*step; dst, src = dst[4:], src[4*step:] {
		dst[0], dst[1], dst[2], dst[3] = src[0], src[step], src[2*step], src[3*step]
	}
	for i := range dst {
		dst[i] = src[i*step]
	}
}

// columns returns the columns of the grid whose tap lies in the image.
func (m *im2col[T]) columns(t *tap) span { return inside(t.column, m.step[1], m.w, m.cols) }

// A span is the integers [first, last).
type span struct{ first, last int }

// inside returns the i < n for which start + i·step lies in [0, size).
func inside(start, step, size, n int) span {
	first := min(max(0, ceilDiv(-start, step)), n)
	return span{first, min(max(first, ceilDiv(size-start, step)), n)}
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
