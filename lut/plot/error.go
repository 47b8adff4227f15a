package plot

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"

	"gputrain/lut"
)

// Error draws the error AM(W, X) – W·X over all operands.
func Error(t *lut.Table) *Picture {
	m := t.Metrics()
	return newPicture(440, 400, func(c draw.Canvas) {
		matrix{
			title: fmt.Sprintf("%s\nNMED %s %%, worst error %d, mean error %s", t.Name(), number(100*m.NMED), m.WCE, number(m.Bias)),
			unit:  "AM(W, X) – W·X",
			w:     t.W(), x: t.X(),
			at: func(w, x int) float64 {
				return float64(int(t.Row(w)[x]) - t.W().Value(w)*t.X().Value(x))
			},
		}.draw(c)
	})
}
