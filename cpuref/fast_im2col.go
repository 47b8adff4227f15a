package cpuref

import "gputrain/model/backend"

// An im2col is the matrix X[K, N] that turns a convolution of one group into a
// product: row k is the tap (c, p, q) of the filter, column n the output pixel
// (image, i, j). It is never in memory as a whole: Block writes out a part.
type im2col[T uint8 | float32] struct {
	d       backend.ConvDims
	x       []T // images [Batch, Cin, H, W]
	channel int // the group's first
	outside T   // what taps outside the image read
}

// Block sets dst[i*stride+j] = X[k0+i, n0+j] for i < k, j < n.
func (m *im2col[T]) Block(dst []T, stride, k0, k, n0, n int) {
	d := &m.d
	pixels := d.OH * d.OW
	for i := range k {
		tap := k0 + i
		c, p, q := tap/(d.KH*d.KW), tap/d.KW%d.KH, tap%d.KW
		// Where tap (p, q) of output (0, 0) stands.
		row, column := p*d.Dilation[0]-d.Pad[0], q*d.Dilation[1]-d.Pad[1]
		out := dst[i*stride:][:n]
		for at := n0; len(out) > 0; {
			image, pixel := at/pixels, at%pixels
			run := min(pixels-pixel, len(out))
			plane := m.x[(image*d.Cin+m.channel+c)*d.H*d.W:][:d.H*d.W]
			if d.Stride == [2]int{1, 1} && d.OW == d.W {
				m.shifted(out[:run], plane, pixel, row, column)
			} else {
				m.strided(out[:run], plane, pixel, row, column)
			}
			out = out[run:]
			at += run
		}
	}
}

// shifted writes the taps of a run of pixels of an output as wide as the image:
// a copy of the image, shifted, whose pixels that have wrapped round from a
// neighbouring row are then overwritten.
func (m *im2col[T]) shifted(out, plane []T, pixel, row, column int) {
	W, end := m.d.W, pixel+len(out)
	shift := row*W + column
	// Pixels [lo, hi) of the output have their row in the image; of those the
	// first or last few may lie before or behind the whole image.
	lo, hi := max(pixel, -row*W), min(end, (m.d.H-row)*W)
	if lo >= hi {
		fill(out, m.outside)
		return
	}
	fill(out[:lo-pixel], m.outside)
	fill(out[hi-pixel:], m.outside)
	from, to := max(lo, -shift), min(hi, len(plane)-shift)
	if from < to {
		copy(out[from-pixel:to-pixel], plane[from+shift:])
	}
	if column == 0 {
		return
	}
	// Output columns [first, last) have their tap beside the image.
	first, last := 0, min(-column, W)
	if column > 0 {
		first, last = max(W-column, 0), W
	}
	for start := lo - lo%W; start < hi; start += W {
		a, b := max(start+first, lo), min(start+last, hi)
		if a < b {
			fill(out[a-pixel:b-pixel], m.outside)
		}
	}
}

// strided writes the taps of a run of pixels, row by row.
func (m *im2col[T]) strided(out, plane []T, pixel, row, column int) {
	d := &m.d
	// Output columns [first, last) have their tap in the image.
	step := d.Stride[1]
	first := min(max(0, ceilDiv(-column, step)), d.OW)
	last := min(max(first, ceilDiv(d.W-column, step)), d.OW)
	for len(out) > 0 {
		i, j := pixel/d.OW, pixel%d.OW
		n := min(d.OW-j, len(out))
		line := out[:n]
		out, pixel = out[n:], pixel+n
		r := i*d.Stride[0] + row
		if r < 0 || r >= d.H {
			fill(line, m.outside)
			continue
		}
		a, b := min(max(first-j, 0), n), min(max(last-j, 0), n)
		fill(line[:a], m.outside)
		fill(line[b:], m.outside)
		if a == b {
			continue
		}
		src := plane[r*d.W+(j+a)*step+column:]
		if step == 1 {
			copy(line[a:b], src)
			continue
		}
		for t := range line[a:b] {
			line[a+t] = src[t*step]
		}
	}
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
