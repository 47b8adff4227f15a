package plot

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// A matrix is a value for every pair of operands, drawn as a heat map with W
// upwards and X to the right.
type matrix struct {
	title string
	unit  string // the label of its colour scale
	w, x  lut.Operand
	at    func(w, x int) float64 // of codes
}

// span returns the least and the greatest value, or 0 where that is beyond
// them; −1 and 1 if all is 0.
func (m matrix) span() (lo, hi float64) {
	for w := range m.w.Count() {
		for x := range m.x.Count() {
			lo, hi = min(lo, m.at(w, x)), max(hi, m.at(w, x))
		}
	}
	if lo == hi {
		return -1, 1
	}
	return lo, hi
}

// shades is the number of colours of a heat map, odd so that 0 has one.
const shades = 255

func diverging() color.Palette { return moreland.SmoothBlueRed().Palette(shades).Colors() }

// shade returns the index of the colour of v in [−limit, limit].
func shade(v, limit float64) uint8 {
	return uint8(math.Round((v/limit + 1) / 2 * (shades - 1)))
}

// An imagePlot draws an image, entry by entry in its cells, between the given
// corners. Its cells are pixels many times over, for renderers blur the borders
// between pixels.
type imagePlot struct {
	image                  *image.Paletted
	xmin, xmax, ymin, ymax float64
}

func (i imagePlot) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	c.DrawImage(vg.Rectangle{
		Min: vg.Point{X: tx(i.xmin), Y: ty(i.ymin)},
		Max: vg.Point{X: tx(i.xmax), Y: ty(i.ymax)},
	}, i.image)
}

func (i imagePlot) DataRange() (xmin, xmax, ymin, ymax float64) {
	return i.xmin, i.xmax, i.ymin, i.ymax
}

// imageOf returns an image of rows, the first at the bottom.
func imageOf(cols, rows, cell int, index func(col, row int) uint8) *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, cols*cell, rows*cell), diverging())
	for row := range rows {
		top := (rows - 1 - row) * cell
		first := img.Pix[top*img.Stride:][:img.Stride]
		for x := range first {
			first[x] = index(x/cell, row)
		}
		for y := 1; y < cell; y++ {
			copy(img.Pix[(top+y)*img.Stride:], first)
		}
	}
	return img
}

// plot returns the heat map of m with colours for [−limit, limit].
func (m matrix) plot(limit float64) *plot.Plot {
	p := newPlot(m.title, "activation X", "weight W")
	p.X.Tick.Marker, p.Y.Tick.Marker = operandTicks(m.x), operandTicks(m.w)
	cell := max(1, 1024/max(m.w.Count(), m.x.Count()))
	p.Add(imagePlot{
		image: imageOf(m.x.Count(), m.w.Count(), cell, func(x, w int) uint8 { return shade(m.at(w, x), limit) }),
		xmin:  float64(m.x.Min()) - 0.5, xmax: float64(m.x.Max()) + 0.5,
		ymin: float64(m.w.Min()) - 0.5, ymax: float64(m.w.Max()) + 0.5,
	})
	return p
}

// barWidth is what a colour scale takes beside its heat map: numbers, label and
// the scale itself.
const barWidth = vg.Length(76)

// draw draws the heat map of m into c and its colour scale to the right.
func (m matrix) draw(c draw.Canvas) {
	lo, hi := m.span()
	limit := max(-lo, hi) // colours are those of [−limit, limit], so that 0 has the neutral one
	heat := m.plot(limit)
	left := draw.Crop(c, 0, -barWidth, 0, 0)
	data := heat.DataCanvas(left)
	if m.w.Count() == m.x.Count() { // cells of equal sides
		excess := (data.Max.X - data.Min.X) - (data.Max.Y - data.Min.Y)
		if excess > 0 {
			left = draw.Crop(left, excess/2, -excess/2, 0, 0)
		} else {
			left = draw.Crop(left, 0, 0, -excess/2, excess/2)
		}
		data = heat.DataCanvas(left)
	}
	heat.Draw(left)

	bar := newPlot("", "", m.unit)
	bar.HideX()
	bar.Add(imagePlot{
		image: imageOf(1, 2*shades, 2, func(_, row int) uint8 {
			return shade(lo+(hi-lo)*(float64(row)+0.5)/(2*shades), limit)
		}),
		xmin: 0, xmax: 1, ymin: lo, ymax: hi,
	})
	right := c
	right.Min.X, right.Max.X = left.Max.X+10, left.Max.X+barWidth
	inner := bar.DataCanvas(right)
	// Bottom and top of the scale are those of the map.
	bar.Draw(draw.Crop(right, 0, 0, data.Min.Y-inner.Min.Y, data.Max.Y-inner.Max.Y))
}
