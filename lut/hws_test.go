package lut_test

import (
	"math"
	"testing"

	"gputrain/lut"
)

// TestAutoHWS pins what AutoHWS and the criteria that it was preferred to say
// of the ten multipliers, beside the choices of Table I. The figures are as
// found, and those of the doc comment.
func TestAutoHWS(t *testing.T) {
	criteria := []struct {
		name          string
		pick          func(t *testing.T, tab *lut.Table) int
		exact, within int // a factor 2
	}{
		{"AutoHWS", func(_ *testing.T, tab *lut.Table) int { return lut.AutoHWS(tab) }, 5, 10},
		{"definition of AutoHWS", func(t *testing.T, tab *lut.Table) int {
			best, least := 0, math.Inf(1)
			for hws := 1; hws <= 64; hws *= 2 {
				rw, rx, _ := ripples(t, tab, hws)
				c := math.Min(float64(hws+1)/float64(tab.W().Count()), 0.5) // of either operand: they are square
				if cost := rw*rw + rx*rx + 2*c*c; cost < least {
					best, least = hws, cost
				}
			}
			return best
		}, 5, 10},
		{"ripple at most 5 %", func(t *testing.T, tab *lut.Table) int {
			return leastHWS(func(hws int) bool {
				rw, rx, _ := ripples(t, tab, hws)
				return (rw*rw+rx*rx)/2 <= 0.05*0.05
			})
		}, 6, 8},
		{"at most 2 % not positive", func(t *testing.T, tab *lut.Table) int {
			return leastHWS(func(hws int) bool {
				_, _, flat := ripples(t, tab, hws)
				return flat <= 0.02
			})
		}, 4, 6},
		{"n/16", func(_ *testing.T, tab *lut.Table) int { return tab.W().Count() / 16 }, 4, 9},
	}
	exact, within := make([]int, len(criteria)), make([]int, len(criteria))
	for _, name := range paperNames {
		f := readPaperFigures(t, name)
		tab := readPaperTable(t, name, f.Bits)
		for i, c := range criteria {
			hws := c.pick(t, tab)
			t.Logf("%s: Table I %d, %s %d", name, f.HWS, c.name, hws)
			if hws == f.HWS {
				exact[i]++
			}
			if hws <= 2*f.HWS && f.HWS <= 2*hws {
				within[i]++
			}
		}
	}
	for i, c := range criteria {
		if exact[i] != c.exact || within[i] != c.within {
			t.Errorf("%s: hits %d, within a factor 2 on %d, want %d, %d", c.name, exact[i], within[i], c.exact, c.within)
		}
	}
}

func leastHWS(ok func(hws int) bool) int {
	hws := 1
	for hws < 64 && !ok(hws) {
		hws *= 2
	}
	return hws
}

// ripples returns the ripple of each operand's gradient as AutoHWS defines it,
// and the share of the gradients that are not positive though the fixed
// operand is.
func ripples(t *testing.T, tab *lut.Table, hws int) (rw, rx, flat float64) {
	g, err := lut.Estimator{Method: "lut2d", HWS: hws, Storage: lut.Float32}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	slope, err := lut.Estimator{Method: "lut1d", Reading: "slope"}.Gradients(tab)
	if err != nil {
		t.Fatal(err)
	}
	of := func(g, slope *lut.Gradient, n int, v, fixed func(w, x int) int) float64 {
		var dev, all float64
		eachPair(tab, func(W, X, w, x int) {
			if hws < v(w, x) && v(w, x) < n-1-hws {
				s := float64(slope.At(w, x))
				dev += (float64(g.At(w, x)) - s) * (float64(g.At(w, x)) - s)
				all += s * s
				if g.At(w, x) <= 0 && fixed(w, x) > 0 {
					flat++
				}
			}
		})
		if all == 0 {
			return 0
		}
		return math.Sqrt(dev / all)
	}
	nw, nx := tab.W().Count(), tab.X().Count()
	first, second := func(w, x int) int { return w }, func(w, x int) int { return x }
	rw, rx = of(g.DW, slope.DW, nw, first, second), of(g.DX, slope.DX, nx, second, first)
	inside := float64(max(0, nw-2-2*hws)*nx + max(0, nx-2-2*hws)*nw)
	return rw, rx, flat / max(1, inside)
}

func TestAutoHWSElsewhere(t *testing.T) {
	for _, c := range []struct {
		tab  *lut.Table
		want int
	}{
		{lut.New("exact 8u", lut.Unsigned(8), lut.Unsigned(8), exactProduct), 1},
		{lut.New("exact 8s×2u", lut.Signed(8), lut.Unsigned(2), exactProduct), 1},
		{lut.New("constant", lut.Unsigned(4), lut.Unsigned(4), func(W, X int) int { return 3 }), 1},
		// Stairs of 32 codes in both operands want a window of that width.
		{lut.New("coarse", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return W &^ 31 * (X &^ 31) }), 16},
	} {
		if got := lut.AutoHWS(c.tab); got != c.want {
			t.Errorf("AutoHWS(%s) = %d, want %d", c.tab.Name(), got, c.want)
		}
	}
}
