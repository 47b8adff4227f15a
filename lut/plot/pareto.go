package plot

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"maps"
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

var (
	dot       = draw.GlyphStyle{Color: blue, Radius: 2.8, Shape: draw.CircleGlyph{}}
	frontLine = solid(vermillion, 1.1)
)

// maxLibraries is the greatest number of libraries of one [Pareto] plot.
const maxLibraries = 4

// Pareto draws errors against power, each library of cells beside the others,
// for their powers do not compare. Of each it joins the points of [Front] and
// names them. A multiplier without error stands at the foot of the logarithmic
// axis. It fails if there is no point, or more than four libraries, or a point
// is not finite, or has an NMED < 0 or a power ≤ 0.
func Pareto(points []Point) (*Picture, error) {
	if len(points) == 0 {
		return nil, errors.New("plot: no multiplier with a power: nothing to draw")
	}
	least, most := math.Inf(1), 0.0
	byLibrary := map[string][]Point{}
	for _, q := range points {
		if !(q.NMED >= 0 && q.Power > 0) || math.IsInf(q.NMED, 1) || math.IsInf(q.Power, 1) {
			return nil, fmt.Errorf("plot: %s: NMED %v, power %v µW, want finite numbers ≥ 0 and > 0", q.Name, q.NMED, q.Power)
		}
		if q.NMED > 0 {
			least, most = min(least, q.NMED), max(most, q.NMED)
		}
		byLibrary[q.Library] = append(byLibrary[q.Library], q)
	}
	if len(byLibrary) > maxLibraries {
		return nil, fmt.Errorf("plot: power in %d libraries of cells, want at most %d in one picture", len(byLibrary), maxLibraries)
	}
	if most == 0 {
		least, most = 1e-4, 1e-2 // all exact
	}
	// Heights are logarithms of percents: whole decades, and one more for 0.
	floor := math.Floor(math.Log10(100*least)) - 1
	top := math.Ceil(math.Log10(100*most) + 1e-9)

	var panels []*plot.Plot
	for _, library := range slices.Sorted(maps.Keys(byLibrary)) {
		p := paretoPanel(byLibrary[library], floor)
		if p.Title.Text = library; library == "" {
			p.Title.Text = "library not named"
		}
		if panels == nil {
			p.Y.Label.Text = "NMED, %"
		}
		p.Y.Min, p.Y.Max = floor-0.2, top
		panels = append(panels, p)
	}
	return newPicture(vg.Length(60+380*len(panels)), 366, func(c draw.Canvas) {
		strip, rest := split(c, legendHeight)
		drawLegend(strip, []entry{
			{"multiplier", []plot.Thumbnailer{&plotter.Scatter{GlyphStyle: dot}}},
			{"Pareto front", []plot.Thumbnailer{&plotter.Line{LineStyle: frontLine}}},
		})
		tiles := plot.Align([][]*plot.Plot{panels}, draw.Tiles{Rows: 1, Cols: len(panels), PadX: 14}, rest)
		for i, p := range panels {
			p.Draw(tiles[0][i])
		}
	}), nil
}

// paretoPanel draws the points of one library, with logarithms of their NMED in
// percent from floor on, which stands for 0.
func paretoPanel(points []Point, floor float64) *plot.Plot {
	at := func(q Point) plotter.XY {
		return plotter.XY{X: q.Power, Y: max(math.Log10(100*q.NMED), floor)}
	}
	p := newPlot("", "power, µW", "")
	p.Y.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		ticks := slices.DeleteFunc(decadeTicks(lo, hi), func(t plot.Tick) bool { return t.Value < floor+1-1e-9 })
		return append(ticks, plot.Tick{Value: floor, Label: "0"})
	})
	var all, front plotter.XYs
	for _, q := range points {
		all = append(all, at(q))
	}
	names := labels{free: all}
	for _, q := range Front(points) {
		front = append(front, at(q))
		names.list = append(names.list, label{q.Name, at(q)})
	}
	p.Add(grid(),
		&plotter.Line{XYs: front, LineStyle: frontLine, StepStyle: plotter.PostStep},
		&plotter.Scatter{XYs: all, GlyphStyle: dot},
		names)
	room := 0.08 * (p.X.Max - p.X.Min)
	if room == 0 {
		room = 0.1 * p.X.Max
	}
	p.X.Min, p.X.Max = max(0, p.X.Min-3*room), p.X.Max+3*room
	return p
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
	at   plotter.XY
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
		at := vg.Point{X: tx(q.at.X), Y: ty(q.at.Y)}
		for _, corner := range []vg.Point{
			{X: at.X - 5 - width, Y: at.Y - 4 - height}, // left, below: where the front leaves no line
			{X: at.X + 5, Y: at.Y + 3},                  // right, above
			{X: at.X + 5, Y: at.Y - 4 - height},         // right, below
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
