package plot

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// Gradient draws the gradients of t under e, each above its difference from
// that of the exact multiplier. It fails if e does not fit t.
func Gradient(t *lut.Table, e lut.Estimator) (*Picture, error) {
	g, err := e.Gradients(t)
	if err != nil {
		return nil, err
	}
	W := func(w, _ int) float64 { return float64(t.W().Value(w)) }
	X := func(_, x int) float64 { return float64(t.X().Value(x)) }
	var maps [2][2]matrix // [row][column]
	for column, c := range []struct {
		name, exact string
		g           *lut.Gradient
		ste         func(w, x int) float64
	}{{"dAM/dW", "X", g.DW, X}, {"dAM/dX", "W", g.DX, W}} {
		at := func(w, x int) float64 { return float64(c.g.At(w, x)) }
		maps[0][column] = matrix{title: c.name, unit: c.name, w: t.W(), x: t.X(), at: at}
		name := c.name + " – " + c.exact
		maps[1][column] = matrix{title: name, unit: name, w: t.W(), x: t.X(),
			at: func(w, x int) float64 { return at(w, x) - c.ste(w, x) }}
	}
	return newPicture(660, 560, func(c draw.Canvas) {
		c = drawTitle(c, fmt.Sprintf("%s under %s", t.Name(), describe(e)))
		tiles := draw.Tiles{Rows: 2, Cols: 2, PadX: 16, PadY: 12}
		for row := range maps {
			for column, m := range maps[row] {
				m.draw(tiles.At(c, column, row))
			}
		}
	}), nil
}
