package plot

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// Sizes of text, in points. A picture is to be legible at half its size.
const (
	titleSize = 11
	labelSize = 10.5
	tickSize  = 9.5
)

// The palette of M. Okabe and K. Ito, "Color Universal Design", 2008.
var (
	black      = color.RGBA{0, 0, 0, 255}
	blue       = color.RGBA{0, 114, 178, 255}
	vermillion = color.RGBA{213, 94, 0, 255}
	green      = color.RGBA{0, 158, 115, 255}
)

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// newPlot returns empty axes in the style of the package.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font = sans(titleSize)
	p.Title.Padding = vg.Points(6)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = sans(labelSize)
		a.Label.Padding = vg.Points(3)
		a.Tick.Label.Font = sans(tickSize)
		a.Tick.Marker = plot.TickerFunc(niceTicks)
		a.Padding = 0
	}
	return p
}

// niceTicks labels the multiples of a round number, four to nine of them.
func niceTicks(lo, hi float64) []plot.Tick {
	step := roundUp((hi - lo) / 8)
	prec := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var ticks []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+1e-9*step; i++ {
		label := strconv.FormatFloat(math.Abs(i*step), 'f', prec, 64)
		if i < 0 {
			label = "–" + label
		}
		ticks = append(ticks, plot.Tick{Value: i * step, Label: label})
	}
	return ticks
}

// roundUp returns the least of 1, 2 and 5 times a power of ten that is not below
// v > 0.
func roundUp(v float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*ten >= v*(1-1e-9) {
			return m * ten
		}
	}
	return 10 * ten
}

// operandTicks marks the eighths of an operand's range and labels every second
// one and the greatest value.
func operandTicks(o lut.Operand) plot.Ticker {
	step := max(1, o.Count()/8)
	var ticks plot.ConstantTicks
	for i, v := 0, o.Min(); v <= o.Max(); i, v = i+1, v+step {
		t := plot.Tick{Value: float64(v)}
		if step == 1 && o.Count() <= 8 || i%2 == 0 {
			t.Label = number(float64(v))
		}
		ticks = append(ticks, t)
	}
	if last := float64(o.Max()); ticks[len(ticks)-1].Value != last {
		ticks = append(ticks, plot.Tick{Value: last, Label: number(float64(o.Max()))})
	}
	return ticks
}

// number formats a figure in a text, with the minus of typesetters.
func number(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'g', 4, 64)
	if v < 0 {
		return "–" + s
	}
	return s
}

// decadeTicks marks an axis of decimal logarithms: the powers of ten between lo
// and hi with labels, and their multiples without. The logarithmic scale of
// package plot is not used, for it leaves room for a label where it does not
// stand.
func decadeTicks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	for k := math.Floor(lo); k <= hi; k++ {
		for m := 1.0; m < 10; m++ {
			t := plot.Tick{Value: k + math.Log10(m)}
			if m == 1 {
				t.Label = strconv.FormatFloat(math.Pow(10, k), 'g', 3, 64)
			}
			if t.Value >= lo-1e-9 && t.Value <= hi+1e-9 {
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

// A series is a line of a plot and its name in the legend.
type series struct {
	name  string
	style draw.LineStyle
	step  plotter.StepKind
	xy    plotter.XYs
}

func (s series) line() *plotter.Line {
	return &plotter.Line{XYs: s.xy, LineStyle: s.style, StepStyle: s.step}
}

func solid(c color.Color, width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width}
}

func dashed(c color.Color, width vg.Length, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width, Dashes: dashes}
}

// An entry is one line of a legend.
type entry struct {
	name   string
	thumbs []plot.Thumbnailer
}

func entriesOf(list []series) []entry {
	var e []entry
	for _, s := range list {
		e = append(e, entry{s.name, []plot.Thumbnailer{s.line()}})
	}
	return e
}

// legendHeight is that of the strip that drawLegend fills.
const legendHeight = vg.Length(18)

// drawLegend draws a legend as one row of a strip of its own, where it hides
// nothing.
func drawLegend(c draw.Canvas, entries []entry) {
	const thumbnail, gap = vg.Length(24), vg.Length(16)
	style := text.Style{Color: color.Black, Font: sans(labelSize), Handler: plot.DefaultTextHandler}
	var total vg.Length
	for _, e := range entries {
		total += thumbnail + 4 + style.Width(e.name)
	}
	total += gap * vg.Length(len(entries)-1)
	x := c.Min.X + max(0, (c.Max.X-c.Min.X-total)/2)
	for _, e := range entries {
		l := plot.NewLegend()
		l.TextStyle = style
		l.Top, l.Left = true, true
		l.ThumbnailWidth = thumbnail
		l.Add(e.name, e.thumbs...)
		box := c
		box.Min.X = x
		l.Draw(box)
		x += thumbnail + 4 + style.Width(e.name) + gap
	}
}

// split cuts a strip off the top of c.
func split(c draw.Canvas, height vg.Length) (strip, rest draw.Canvas) {
	cut := c.Max.Y - c.Min.Y - height
	return draw.Crop(c, 0, 0, cut, 0), draw.Crop(c, 0, 0, 0, -height)
}

// drawTitle draws centred lines of text at the top of c and returns the rest.
func drawTitle(c draw.Canvas, title string) draw.Canvas {
	style := text.Style{Color: color.Black, Font: sans(titleSize), Handler: plot.DefaultTextHandler,
		XAlign: draw.XCenter, YAlign: draw.YTop}
	c.FillText(style, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: c.Max.Y}, title)
	return draw.Crop(c, 0, 0, 0, -style.Height(title)-8)
}

// margin is the white around a picture.
const margin = vg.Length(8)

// newPicture returns a picture of a size in points, margins included.
func newPicture(width, height vg.Length, drawing func(c draw.Canvas)) *Picture {
	return &Picture{width, height, func(c draw.Canvas) {
		c.SetColor(color.White)
		c.Fill(c.Rectangle.Path())
		drawing(draw.Crop(c, margin, -margin, margin, -margin))
	}}
}
