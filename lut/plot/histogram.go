package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// bins is about the greatest number of bars on either side of 0.
const bins = 60

// Histogram draws how often a multiplier errs by how much, over all pairs of
// operands. The share of exact products, which may be many times that of any
// error, stands in the title.
func Histogram(t *lut.Table) *Picture {
	m := t.Metrics()
	width := math.Max(1, roundUp(float64(max(m.WCE, 1))/bins))
	bars, exact := errorBars(t, int(width))

	p := newPlot("", "error AM(W, X) – W·X", "share of all products, %")
	if width > 1 {
		p.Y.Label.Text += fmt.Sprintf(" (bars of %g)", width)
	}
	p.Add(bars)
	p.Y.Min = 0
	p.Y.Max = math.Max(p.Y.Max*1.05, 1e-3)
	if len(bars.Bins) == 0 {
		p.X.Min, p.X.Max, p.Y.Max = -1, 1, 1
	}
	mean := series{"mean error " + number(m.Bias), dashed(vermillion, 1.6, 6, 2), plotter.NoStep,
		plotter.XYs{{X: m.Bias, Y: 0}, {X: m.Bias, Y: p.Y.Max}}}
	zero := series{"0", solid(black, 0.8), plotter.NoStep, plotter.XYs{{X: 0, Y: 0}, {X: 0, Y: p.Y.Max}}}
	p.Add(zero.line(), mean.line())
	return newPicture(440, 310, func(c draw.Canvas) {
		c = drawTitle(c, fmt.Sprintf("%s\n%.1f %% of all products are exact", t.Name(), 100*exact))
		strip, rest := split(c, legendHeight)
		drawLegend(strip, entriesOf([]series{mean}))
		p.Draw(rest)
	})
}

// errorBars returns the histogram of the errors that are not 0, in percent of
// all pairs, and the share of those that are. A bar holds errors of one sign:
// (k·width, (k+1)·width] in magnitude.
func errorBars(t *lut.Table, width int) (h *plotter.Histogram, exact float64) {
	counts := map[int]int{}
	lo, hi := 0, -1
	for w := range t.W().Count() {
		for x, v := range t.Row(w) {
			e := int(v) - t.W().Value(w)*t.X().Value(x)
			var bin int
			switch {
			case e == 0:
				exact++
				continue
			case e > 0:
				bin = (e - 1) / width
			default:
				bin = -1 - (-e-1)/width
			}
			if counts[bin]++; hi < lo {
				lo, hi = bin, bin
			}
			lo, hi = min(lo, bin), max(hi, bin)
		}
	}
	pairs := float64(len(t.Products()))
	h = &plotter.Histogram{Width: float64(width), FillColor: blue, LineStyle: solid(blue, 0.3)}
	for bin := lo; bin <= hi; bin++ {
		h.Bins = append(h.Bins, plotter.HistogramBin{
			Min: float64(bin * width), Max: float64((bin + 1) * width), Weight: 100 * float64(counts[bin]) / pairs})
	}
	return h, exact / pairs
}
