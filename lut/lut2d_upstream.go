package lut

import (
	"fmt"
	"math"
)

// lut2dUpstream returns lut2d as the script of the paper's authors computes
// it, for square unsigned tables. It exists to reproduce their published files
// bit for bit; [lut2d] is what the paper says.
//
// It differs in rounding and in one boundary. With f, v, n, H as there, all in
// float32 and not telescoped,
//
//	S(v)  = float32(f(v−H) + … + f(v+H)) / float32(2H+1)     (Eq. 4)
//	f'(v) ≈ (S(v+1) − S(v−1)) / 2                            (Eq. 5)
//
// for H < v < n−1−H. Elsewhere ∂AM/∂W has Eq. 6, but ∂AM/∂X(W = w, ·) has
//
//	(max_v AM(v, w) − min_v AM(v, w)) / n
//
// in which the weight's value w stands in the activation's place and the range
// runs over all weights v. Either is stored as the int16 roundEven(16·f') with
// scale 1/16; a table too steep for that is an error.
func lut2dUpstream(t *Table, hws int) (g Gradients, err error) {
	if g.DW, err = upstreamDifferences(t, t.alongW(), hws); err != nil {
		return Gradients{}, fmt.Errorf("lut: ∂AM/∂W: %w", err)
	}
	if g.DX, err = upstreamDifferences(t, t.alongX(), hws); err != nil {
		return Gradients{}, fmt.Errorf("lut: ∂AM/∂X: %w", err)
	}
	return g, nil
}

func upstreamDifferences(t *Table, a axis, hws int) (*Gradient, error) {
	n := a.along.Count()
	stored := make([]int16, len(t.p))
	for fixed := range a.fixed.Count() {
		line := fixed * a.step
		smooth := func(v int) float32 {
			var sum int64
			for d := -hws; d <= hws; d++ {
				sum += int64(t.p[line+(v+d)*a.stride])
			}
			return float32(sum) / float32(2*hws+1)
		}
		// For either gradient the range is over the weights, in the column
		// whose number is the fixed code: right for ∂AM/∂W alone.
		edge := t.alongW().rise(t, fixed)
		for v := range n {
			g := edge
			if hws < v && v < n-1-hws {
				g = (smooth(v+1) - smooth(v-1)) / 2
			}
			q := math.RoundToEven(float64(16 * g))
			if q < math.MinInt16 || q > math.MaxInt16 {
				return nil, fmt.Errorf("gradient %v does not fit boundary upstream, which ends at 2048", g)
			}
			stored[line+v*a.stride] = int16(q)
		}
	}
	return NewFullInt16(t.w, t.x, stored, 1./16)
}
