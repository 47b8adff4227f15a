package plot

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Point is one multiplier of a [Pareto] plot.
type Point struct {
	Name    string
	NMED    float64 // a fraction
	Power   float64 // µW
	Library string  // of cells, that the power is of
}

// Pareto draws errors against power. Of each library of cells it joins the
// points that no other of the same library betters in one and equals in the
// other, and names them: power of different libraries does not compare. A
// multiplier without error stands at the foot of the logarithmic axis. It
// fails if there is no point, or one is not finite, or has an NMED < 0 or a
// power ≤ 0.
func Pareto(points []Point) (*Picture, error) {
	if len(points) == 0 {
		return nil, errors.New("plot: no multiplier with a power: nothing to draw")
	}
	least, most := math.Inf(1), 0.0
	for _, q := range points {
		if !(q.NMED >= 0 && q.Power > 0) || math.IsInf(q.NMED, 1) || math.IsInf(q.Power, 1) {
			return nil, fmt.Errorf("plot: %s: NMED %v, power %v µW, want finite numbers ≥ 0 and > 0", q.Name, q.NMED, q.Power)
		}
		if q.NMED > 0 {
			least, most = min(least, q.NMED), max(most, q.NMED)
		}
	}
	if most == 0 {
		least, most = 1e-4, 1e-2 // all exact
	}
	// Heights are logarithms of percents: whole decades, and one more for 0.
	floor := math.Floor(math.Log10(100*least)) - 1
	top := math.Ceil(math.Log10(100*most) + 1e-9)
	height := func(q Point) float64 { return max(math.Log10(100*q.NMED), floor) }

	p := newPlot("", "power, µW", "NMED, %")
	p.Y.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		ticks := slices.DeleteFunc(decadeTicks(lo, hi), func(t plot.Tick) bool { return t.Value < floor+1-1e-9 })
		return append(ticks, plot.Tick{Value: floor, Label: "0"})
	})
	p.Add(grid())

	byLibrary := map[string][]Point{}
	var libraries []string
	for _, q := range points {
		if byLibrary[q.Library] == nil {
			libraries = append(libraries, q.Library)
		}
		byLibrary[q.Library] = append(byLibrary[q.Library], q)
	}
	slices.Sort(libraries)
	colors := []color.Color{blue, vermillion, green, purple, orange, grey}
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}}
	var entries []entry
	var names labels
	for _, q := range points {
		names.free = append(names.free, plotter.XY{X: q.Power, Y: height(q)})
	}
	for i, library := range libraries {
		c := colors[i%len(colors)]
		var all, front plotter.XYs
		for _, q := range byLibrary[library] {
			all = append(all, plotter.XY{X: q.Power, Y: height(q)})
		}
		for _, q := range Front(byLibrary[library]) {
			front = append(front, plotter.XY{X: q.Power, Y: height(q)})
			names.list = append(names.list, label{q.Name, q.Power, height(q)})
		}
		dots := &plotter.Scatter{XYs: all, GlyphStyle: draw.GlyphStyle{Color: c, Radius: 3.2, Shape: shapes[i%len(shapes)]}}
		line := &plotter.Line{XYs: front, LineStyle: solid(c, 1), StepStyle: plotter.PostStep}
		p.Add(line, dots)
		if library == "" {
			library = "unnamed library"
		}
		entries = append(entries, entry{library + ", Pareto front", []plot.Thumbnailer{line, dots}})
	}
	p.Add(names)
	room := 0.08 * (p.X.Max - p.X.Min)
	if room == 0 {
		room = 0.1 * p.X.Max
	}
	p.X.Min, p.X.Max = max(0, p.X.Min-room), p.X.Max+2.5*room
	p.Y.Min, p.Y.Max = floor-0.2, top
	return newPicture(500, 360, func(c draw.Canvas) {
		strip, rest := split(c, legendHeight)
		drawLegend(strip, entries)
		p.Draw(rest)
	}), nil
}

// Front returns the points that no other betters in one of NMED and power
// without being worse in the other, in the order of power; of equal points the
// first.
func Front(points []Point) []Point {
	sorted := slices.Clone(points)
	slices.SortStableFunc(sorted, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Power, b.Power), cmp.Compare(a.NMED, b.NMED))
	})
	var front []Point
	for _, q := range sorted {
		if len(front) == 0 || q.NMED < front[len(front)-1].NMED {
			front = append(front, q)
		}
	}
	return front
}

// labels are names beside points, which keep free of others. One for which
// there is no room is left out.
type labels struct {
	list []label
	free plotter.XYs
}

type label struct {
	text string
	x, y float64
}

func (l labels) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	style := text.Style{Color: color.Black, Font: sans(8.5), Handler: plot.DefaultTextHandler}
	var taken []vg.Rectangle
	for _, q := range l.free {
		at := vg.Point{X: tx(q.X), Y: ty(q.Y)}
		taken = append(taken, vg.Rectangle{Min: vg.Point{X: at.X - 4, Y: at.Y - 4}, Max: vg.Point{X: at.X + 4, Y: at.Y + 4}})
	}
	for _, q := range l.list {
		width, height := style.Width(q.text), style.Height(q.text)
		at := vg.Point{X: tx(q.x), Y: ty(q.y)}
		for _, corner := range []vg.Point{
			{X: at.X + 5, Y: at.Y + 3},                  // right, above
			{X: at.X + 5, Y: at.Y - 4 - height},         // right, below
			{X: at.X - 5 - width, Y: at.Y - 4 - height}, // left, below
			{X: at.X - 5 - width, Y: at.Y + 3},          // left, above
		} {
			box := vg.Rectangle{Min: corner, Max: vg.Point{X: corner.X + width, Y: corner.Y + height}}
			inside := box.Min.X >= c.Min.X && box.Max.X <= c.Max.X && box.Min.Y >= c.Min.Y && box.Max.Y <= c.Max.Y
			if inside && !slices.ContainsFunc(taken, func(r vg.Rectangle) bool { return overlap(r, box) }) {
				c.FillText(style, corner, q.text)
				taken = append(taken, box)
				break
			}
		}
	}
}

func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}
