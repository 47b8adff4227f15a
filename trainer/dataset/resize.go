package dataset

import (
	"image"
	"math"
	"slices"
)

// weightBits is the precision of the weights of [resizer], chosen as Pillow
// chooses it: a sum of 255 × weights, which add up to 1, fits 31 bits, with one
// to spare.
const weightBits = 22

// A resizer scales images by linear interpolation that widens with the factor
// when it makes smaller, so that nothing aliases. Along one axis, from n pixels
// to m, with f = n/m and t = max(f, 1),
//
//	y[j] = Σ_i k(i, j)·x[i] / Σ_i k(i, j)
//	k(i, j) = max(0, 1 - |i + 1/2 - (j + 1/2)·f| / t)
//
// Rows are scaled first, rounded to bytes, then columns. Weights are rounded to
// 22 bits behind the point. This is, bit by bit, what Pillow's
// resize(…, BILINEAR) does, and so what torchvision does to images of Pillow.
//
// A resizer holds memory for the next image, and is for one goroutine.
type resizer struct {
	across, down axis
	rows         bitmap // scaled across, not yet down
	sums         []int32
}

// resize writes to dst the part window of what the part box of src becomes when
// it is scaled to w×h pixels. The window lies in (0, 0)-(w, h), the box in src.
// Pixels of src outside the box have no influence.
func (r *resizer) resize(dst, src *bitmap, box image.Rectangle, w, h int, window image.Rectangle) {
	r.across.weigh(box.Dx(), w, window.Min.X, window.Max.X)
	r.down.weigh(box.Dy(), h, window.Min.Y, window.Max.Y)
	ow, oh := window.Dx(), window.Dy()
	top, bottom := r.down.span()

	r.rows.reshape(src.c, bottom-top, ow)
	for c := range src.c {
		for y := range bottom - top {
			r.across.scale(r.rows.row(c, y), src.row(c, box.Min.Y+top+y)[box.Min.X:box.Max.X])
		}
	}
	dst.reshape(src.c, oh, ow)
	r.sums = slices.Grow(r.sums[:0], ow)[:ow]
	for c := range src.c {
		for y := range oh {
			for x := range r.sums {
				r.sums[x] = 1 << (weightBits - 1)
			}
			first, weights := r.down.taps(y)
			for i, k := range weights {
				row := r.rows.row(c, first-top+i)
				for x, v := range row[:len(r.sums)] {
					r.sums[x] += k * int32(v)
				}
			}
			out := dst.row(c, y)
			for x, s := range r.sums {
				out[x] = uint8(min(s>>weightBits, 255))
			}
		}
	}
}

// An axis is the weights of scaling along one axis, for a range of the pixels
// that come out.
type axis struct {
	first   []int32 // the first pixel that goes in, for each that comes out
	count   []int32 // how many go in
	most    int     // room for each in weights
	weights []int32 // in units of 2^-weightBits
	exact   []float64
}

// weigh makes a the weights of pixels [lo, hi) of m that n become.
func (a *axis) weigh(n, m, lo, hi int) {
	f := float64(n) / float64(m)
	t := max(f, 1)
	a.most = 2*int(math.Ceil(t)) + 1
	a.first = slices.Grow(a.first[:0], hi-lo)[:hi-lo]
	a.count = slices.Grow(a.count[:0], hi-lo)[:hi-lo]
	a.weights = slices.Grow(a.weights[:0], (hi-lo)*a.most)[:(hi-lo)*a.most]
	a.exact = slices.Grow(a.exact[:0], a.most)[:a.most]
	for j := range hi - lo {
		centre := float64((float64(lo+j) + 0.5) * f) // rounded, on machines too that would add in the same step
		first := max(int(centre-t+0.5), 0)
		last := min(int(centre+t+0.5), n) // exclusive
		sum := 0.0
		for i := range last - first {
			k := max(0, 1-math.Abs(float64((float64(first+i)-centre+0.5)*(1/t))))
			a.exact[i] = k
			sum += k
		}
		a.first[j], a.count[j] = int32(first), int32(last-first)
		for i, k := range a.exact[:last-first] {
			a.weights[j*a.most+i] = int32(0.5 + k/sum*(1<<weightBits))
		}
	}
}

// taps returns where the pixels begin that go into pixel j, and their weights.
func (a *axis) taps(j int) (first int, weights []int32) {
	return int(a.first[j]), a.weights[j*a.most:][:a.count[j]]
}

// span returns the range of pixels that go in.
func (a *axis) span() (lo, hi int) {
	last := len(a.first) - 1
	return int(a.first[0]), int(a.first[last] + a.count[last])
}

// scale writes to out what becomes of row in.
func (a *axis) scale(out, in []uint8) {
	for j := range out {
		first, weights := a.taps(j)
		s := int32(1 << (weightBits - 1))
		for i, v := range in[first:][:len(weights)] {
			s += weights[i] * int32(v)
		}
		out[j] = uint8(min(s>>weightBits, 255))
	}
}
