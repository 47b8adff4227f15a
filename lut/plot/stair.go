package plot

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// MaxStairs is the greatest number of weights of one [Stair].
const MaxStairs = 4

// Stair draws, for each of the given weights W, the products AM(W, ·) beside the
// exact W·X and the products smoothed over 2·hws+1 neighbours (Eq. 4), and below
// them ∂AM/∂X of e beside that of the exact multiplier, which is W. It is Fig. 3
// of Meng et al. where e is lut2d.
//
// It fails if there is no weight or more than [MaxStairs], if one is out of
// range, or if e does not fit t. Smoothed products need e.HWS ≥ 1.
func Stair(t *lut.Table, weights []int, e lut.Estimator) (*Picture, error) {
	if len(weights) == 0 || len(weights) > MaxStairs {
		return nil, fmt.Errorf("plot: %d weights, want 1 to %d", len(weights), MaxStairs)
	}
	for _, W := range weights {
		if W < t.W().Min() || W > t.W().Max() {
			return nil, fmt.Errorf("plot: weight %d, want %d to %d for %s", W, t.W().Min(), t.W().Max(), t.Name())
		}
	}
	g, err := e.Gradients(t)
	if err != nil {
		return nil, err
	}
	var products, slopes []*plot.Plot
	var above, below []series
	for _, W := range weights {
		above, below = productsOf(t, W, e.HWS), slopesOf(t, W, g.DX, e)
		p := newPlot("W = "+number(float64(W)), "activation X", "")
		s := newPlot("", "activation X", "")
		if W == weights[0] {
			p.Y.Label.Text, s.Y.Label.Text = "product", "gradient dAM/dX"
		}
		for _, list := range []struct {
			*plot.Plot
			series []series
		}{{p, above}, {s, below}} {
			list.X.Tick.Marker = operandTicks(t.X())
			for _, one := range list.series {
				list.Add(one.line())
			}
			pad(&list.Y)
		}
		products, slopes = append(products, p), append(slopes, s)
	}
	width := vg.Length(max(430, 60+250*len(weights)))
	return newPicture(width, 430, func(c draw.Canvas) {
		c = drawTitle(c, t.Name())
		strip, rest := split(c, legendHeight)
		drawLegend(strip, entriesOf(above))
		rows := [][]*plot.Plot{products, slopes}
		tiles := plot.Align(rows, draw.Tiles{Rows: 2, Cols: len(weights), PadX: 14, PadY: legendHeight + 6}, rest)
		for i, row := range rows {
			for j, p := range row {
				p.Draw(tiles[i][j])
			}
		}
		between := rest
		between.Min.Y = tiles[1][0].Max.Y
		between.Max.Y = between.Min.Y + legendHeight
		drawLegend(between, entriesOf(below))
	}), nil
}

// pad leaves room above and below what an axis shows.
func pad(a *plot.Axis) {
	room := 0.05 * (a.Max - a.Min)
	if room == 0 {
		room = 0.5
	}
	a.Min, a.Max = a.Min-room, a.Max+room
}

// productsOf returns the products of a weight.
func productsOf(t *lut.Table, W, hws int) []series {
	row := t.Row(t.W().Code(W))
	var am, exact, smooth plotter.XYs
	for code, v := range row {
		X := t.X().Value(code)
		am = append(am, plotter.XY{X: float64(X), Y: float64(v)})
		exact = append(exact, plotter.XY{X: float64(X), Y: float64(W * X)})
	}
	list := []series{
		{"AM(W, X)", solid(black, 1.1), plotter.MidStep, am},
		{"exact W·X", dashed(blue, 1.2, 1.5, 2.5), plotter.NoStep, exact},
	}
	if hws < 1 || 2*hws+1 > len(row) {
		return list
	}
	// S(v) = (1/(2·hws+1))·Σ f(v+i), |i| ≤ hws, where the window fits (Eq. 4).
	for v := hws; v+hws < len(row); v++ {
		var sum int64
		for _, f := range row[v-hws : v+hws+1] {
			sum += int64(f)
		}
		smooth = append(smooth, plotter.XY{X: float64(t.X().Value(v)), Y: float64(sum) / float64(2*hws+1)})
	}
	return append(list, series{fmt.Sprintf("smoothed, HWS %d", hws), dashed(vermillion, 1.6, 6, 2), plotter.NoStep, smooth})
}

// slopesOf returns the gradients ∂AM/∂X at a weight.
func slopesOf(t *lut.Table, W int, dX *lut.Gradient, e lut.Estimator) []series {
	var ste, made plotter.XYs
	for code := range t.X().Count() {
		X := float64(t.X().Value(code))
		ste = append(ste, plotter.XY{X: X, Y: float64(W)})
		made = append(made, plotter.XY{X: X, Y: float64(dX.At(t.W().Code(W), code))})
	}
	list := []series{{"ste: W", dashed(blue, 1.2, 1.5, 2.5), plotter.NoStep, ste}}
	if e.Method == "ste" {
		return list
	}
	return append([]series{{describe(e), solid(vermillion, 1.4), plotter.NoStep, made}}, list...)
}

// describe names an estimator.
func describe(e lut.Estimator) string {
	name := e.Method
	switch {
	case e.Method == "lut2d" && e.Boundary == "upstream":
		name += " upstream"
	case e.Method == "lut1d" && e.Reading != "":
		name += " " + e.Reading
	case e.Method == "lowrank":
		name += fmt.Sprintf(" %d", e.Rank)
	}
	if e.HWS > 0 {
		name += fmt.Sprintf(", HWS %d", e.HWS)
	}
	return name
}
