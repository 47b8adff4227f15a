package lut

import "math"

// AutoHWS proposes a half window for t from the table alone. Of H = 1, 2, 4,
// …, 64 it takes the one, of equals the least, with the least
//
//	r_W(H)² + r_X(H)² + c_W(H)² + c_X(H)²
//
// which weighs two faults of the gradient of lut2d against each other:
//
//	r(H)  ripple: the rms, over the pairs where the window fits, of
//	      f'(v) − slope, relative to the rms of the slopes; slope is the
//	      least-squares slope of the line. It falls with H, as the stairs of
//	      the multiplier are smoothed away.
//	c(H)  coarseness: min((H+1)/n, 1/2), the part of a line at either end for
//	      which nothing is left but the one mean rise of Eq. 6. It grows with H.
//
// One r and c an operand, the one that is differentiated; r = 0 where no window
// fits. An exact multiplier gets 1.
//
// The paper chose its half windows (Table I) by short trainings. Of the ten
// multipliers whose tables are at hand AutoHWS hits 5 and is within a factor 2
// on all. Other criteria tried on them: the least H with a ripple of at most
// 5 % of the slope hits 6 and is within a factor 2 on 8; the least H that
// leaves at most 2 % of the gradients not positive, 4 and 6; H = n/16, which
// does not look at the products at all, 4 and 9. So ten choices made by noisy
// trainings do not tell much, and where it matters, train a little to choose.
func AutoHWS(t *Table) int {
	best, least := 0, math.Inf(1)
	for hws := 1; hws <= 64; hws *= 2 {
		var cost float64
		for _, a := range []axis{t.alongW(), t.alongX()} {
			c := min(float64(hws+1)/float64(a.along.Count()), 0.5)
			cost += ripple(t, a, hws) + c*c
		}
		if cost < least {
			best, least = hws, cost
		}
	}
	return best
}

// ripple returns r(H)² of [AutoHWS] for one operand.
func ripple(t *Table, a axis, hws int) float64 {
	n := a.along.Count()
	d := differences(t, a, hws)
	var ripples, slopes float64
	for fixed := range a.fixed.Count() {
		slope := float64(a.slope(t, fixed))
		for v := hws + 1; v < n-1-hws; v++ {
			e := float64(d[fixed*a.step+v*a.stride]) - slope
			ripples += e * e
			slopes += slope * slope
		}
	}
	if slopes == 0 {
		return 0
	}
	return ripples / slopes
}
