package plot

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// The singular values that Singular shows: so many, and only those above what
// rounding to float32 leaves.
const (
	singularTerms = 32
	singularFloor = 1e-7
)

// Singular draws the singular values of the products, of the errors, and of the
// gradients of lut2d with half window hws, each relative to the greatest of its
// kind. Where those of the gradients fall off is the rank that lowrank needs.
func Singular(t *lut.Table, hws int) (*Picture, error) {
	e := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}
	g, err := e.Gradients(t)
	if err != nil {
		return nil, err
	}
	p := newPlot("", "term", "singular value / greatest")
	p.Y.Tick.Marker = plot.TickerFunc(decadeTicks)
	p.Add(grid())
	var entries []entry
	for _, s := range []struct {
		name   string
		values func() ([]float64, error)
		color  color.Color
		shape  draw.GlyphDrawer
	}{
		{"products", t.SingularValues, black, draw.CrossGlyph{}},
		{"errors", t.ErrorSingularValues, blue, draw.BoxGlyph{}},
		{"dAM/dW", g.DW.SingularValues, vermillion, draw.CircleGlyph{}},
		{"dAM/dX", g.DX.SingularValues, green, draw.PyramidGlyph{}},
	} {
		values, err := s.values()
		if err != nil {
			return nil, err
		}
		var xy plotter.XYs
		for i, v := range values[:min(len(values), singularTerms)] {
			if v > singularFloor*values[0] {
				xy = append(xy, plotter.XY{X: float64(i + 1), Y: math.Log10(v / values[0])})
			}
		}
		if xy == nil {
			continue // all errors are 0
		}
		line := &plotter.Line{XYs: xy, LineStyle: solid(s.color, 0.7)}
		points := &plotter.Scatter{XYs: xy, GlyphStyle: draw.GlyphStyle{Color: s.color, Radius: 3, Shape: s.shape}}
		p.Add(line, points)
		entries = append(entries, entry{s.name, []plot.Thumbnailer{line, points}})
	}
	p.X.Min = 0.5
	p.X.Max = max(p.X.Max, 8) + 0.5
	p.Y.Min, p.Y.Max = min(p.Y.Min, -1)-0.2, 0.2
	return newPicture(440, 330, func(c draw.Canvas) {
		c = drawTitle(c, fmt.Sprintf("%s, gradients under %s", t.Name(), describe(e)))
		strip, rest := split(c, legendHeight)
		drawLegend(strip, entries)
		p.Draw(rest)
	}), nil
}

// grid returns light lines at the labelled ticks.
func grid() *plotter.Grid {
	g := plotter.NewGrid()
	light := solid(color.Gray{225}, 0.5)
	g.Vertical, g.Horizontal = light, light
	return g
}
