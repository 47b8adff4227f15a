package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// AddBias implements [backend.Layers].
func (p *Plain) AddBias(y, b backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "AddBias", y, backend.Named{Name: "b", T: b})
	Y, B := p.f32(y), p.f32(b)
	for n := range N {
		for c := range C {
			plane := Y[(n*C+c)*each:][:each]
			for i := range plane {
				plane[i] += B[c]
			}
		}
	}
}

// BiasBackward implements [backend.Layers]. It adds in float64.
func (p *Plain) BiasBackward(db, dy backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "BiasBackward", dy, backend.Named{Name: "db", T: db})
	dB, dY := p.f32(db), p.f32(dy)
	for c := range C {
		var sum float64
		for n := range N {
			for _, v := range dY[(n*C+c)*each:][:each] {
				sum += float64(v)
			}
		}
		dB[c] = float32(sum)
	}
}

// A planes is a tensor [N, C, …] as C channels of N planes of each elements.
type planes struct{ N, C, each int }

// channelsPerPart returns how many channels one part takes that has to read
// all of a channel.
func (p planes) channelsPerPart() int { return max(1, piece/max(1, p.N*p.each)) }

// channelParts returns the number of such parts.
func (p planes) channelParts() int {
	return (p.C + p.channelsPerPart() - 1) / p.channelsPerPart()
}

// channels returns the channels of part i.
func (p planes) channels(i int) (first, end int) {
	return i * p.channelsPerPart(), min((i+1)*p.channelsPerPart(), p.C)
}

// at returns the elements of channel c of image n in the elements x.
func (p planes) at(x []float32, n, c int) []float32 {
	return x[(n*p.C+c)*p.each:][:p.each]
}

type addBiasTask struct {
	planes
	y, b []float32
}

func (t *addBiasTask) part(i, _ int) {
	lo, hi := within(i, len(t.y))
	if t.each == 1 { // rows of channels, as position embeddings are
		for lo < hi {
			c := lo % t.C
			end := min(hi, lo+t.C-c)
			y := t.y[lo:end]
			b := t.b[c:][:len(y)]
			for i := range y {
				y[i] += b[i]
			}
			lo = end
		}
		return
	}
	for lo < hi {
		plane := lo / t.each
		end := min(hi, (plane+1)*t.each)
		b := t.b[plane%t.C]
		y := t.y[lo:end]
		for i := range y {
			y[i] += b
		}
		lo = end
	}
}

// AddBias implements [backend.Layers].
func (c *CPU) AddBias(y, b backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "AddBias", y, backend.Named{Name: "b", T: b})
	Y := c.f32(y)
	run(c, pieces(len(Y)), addBiasTask{planes{N, C, each}, Y, c.f32(b)})
}

type biasBackwardTask struct {
	planes
	e      *kernel.Elements
	db, dy []float32
}

func (t *biasBackwardTask) part(i, _ int) {
	first, end := t.channels(i)
	if t.each == 1 {
		t.rows(first, end)
		return
	}
	for c := first; c < end; c++ {
		var sum float64
		for n := range t.N {
			sum += sumOf(t.e, t.at(t.dy, n, c))
		}
		t.db[c] = float32(sum)
	}
}

// rows sums the channels [first, end) of rows of channels, image by image as
// part does, and many channels side by side, which lie next to each other.
func (t *biasBackwardTask) rows(first, end int) {
	var sums [64]float64
	for c := first; c < end; c += len(sums) {
		sums := sums[:min(len(sums), end-c)]
		clear(sums)
		for n := range t.N {
			for i, v := range t.dy[n*t.C+c:][:len(sums)] {
				sums[i] += float64(v)
			}
		}
		for i, sum := range sums {
			t.db[c+i] = float32(sum)
		}
	}
}

// sumOf returns the sum of x in float64, as several sums that a core can add to
// at the same time.
func sumOf(e *kernel.Elements, x []float32) float64 {
	var b, c, d float64
	a, n := e.Sum(x)
	x = x[n:]
	for ; len(x) >= 4; x = x[4:] {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
	}
	for _, v := range x {
		a += float64(v)
	}
	return (a + b) + (c + d)
}

// BiasBackward implements [backend.Layers]. It adds in float64.
func (c *CPU) BiasBackward(db, dy backend.Tensor) {
	N, C, each := backend.CheckChannels(who, "BiasBackward", dy, backend.Named{Name: "db", T: db})
	t := biasBackwardTask{planes{N, C, each}, c.fast.elements, c.f32(db), c.f32(dy)}
	run(c, t.channelParts(), t)
}
