package lut

import (
	"errors"
	"fmt"
)

// An Estimator turns the products of a multiplier into its gradients. Fields
// of other methods than its own are ignored.
type Estimator struct {
	// Method is one of
	//
	//	ste      the exact multiplier's: ∂AM/∂W = X, ∂AM/∂X = W
	//	lut2d    smoothed central differences, a table for each operand
	//	lut1d    for each operand, a function of the other one
	//	lowrank  lut2d, truncated to a sum of Rank products
	Method string

	// HWS is the half window of lut2d, of lut1d with reading mean, and of
	// lowrank: the products are smoothed over 2·HWS+1 neighbours. At least 1;
	// a window wider than the table is legal. [AutoHWS] proposes one.
	HWS int

	// Boundary of lut2d says what serves where the window does not fit:
	// "paper" (or "") or "upstream".
	Boundary string

	// Reading of lut1d: "mean" (or ""), "range" or "slope".
	Reading string

	// Rank of lowrank: 1 to the smaller count of values of the two operands.
	Rank int

	// Storage of lut2d. With boundary upstream it must be Int16.
	Storage Storage

	// HistW and HistX, each nil (uniform) or with an entry for each code,
	// weight the approximation of lowrank.
	HistW, HistX []float64
}

// Validate reports all that is wrong with e as an estimator for t, or nil.
func (e Estimator) Validate(t *Table) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("lut: "+format, args...)) }
	checkHWS := func() {
		if e.HWS < 1 {
			fault("%s: half window (hws) %d, want at least 1", e.Method, e.HWS)
		}
	}
	checkPaper := func() {
		switch e.Boundary {
		case "", "paper":
		case "upstream":
			fault("%s: boundary upstream is for lut2d alone, want paper", e.Method)
		default:
			fault("%s: boundary %q, want paper", e.Method, e.Boundary)
		}
	}

	switch e.Method {
	case "ste":
	case "lut2d":
		checkHWS()
		switch e.Boundary {
		case "", "paper":
			if e.Storage != Int16 && e.Storage != Float32 {
				fault("lut2d: storage %d, want int16 or float32", e.Storage)
			}
		case "upstream":
			if t.w != t.x || t.w.Signed {
				fault("lut2d: boundary upstream of a %v×%v multiplier, want both operands unsigned and of one width", t.w, t.x)
			}
			if e.Storage != Int16 {
				fault("lut2d: storage %v with boundary upstream, want int16", e.Storage)
			}
		default:
			fault("lut2d: boundary %q, want paper or upstream", e.Boundary)
		}
	case "lut1d":
		switch e.Reading {
		case "", "mean":
			checkHWS()
			checkPaper()
		case "range", "slope":
		default:
			fault("lut1d: reading %q, want mean, range or slope", e.Reading)
		}
	case "lowrank":
		checkHWS()
		checkPaper()
		if top := min(t.w.Count(), t.x.Count()); e.Rank < 1 || e.Rank > top {
			fault("lowrank: rank %d, want 1 to %d for a %v×%v multiplier", e.Rank, top, t.w, t.x)
		}
		if _, err := weighting("weight", t.w, e.HistW); err != nil {
			faults = append(faults, err)
		}
		if _, err := weighting("activation", t.x, e.HistX); err != nil {
			faults = append(faults, err)
		}
	case "table":
		fault("method table: the gradients come from a file, which a reader returns; no estimator makes them")
	default:
		fault("method %q, want ste, lut2d, lut1d or lowrank", e.Method)
	}
	return errors.Join(faults...)
}

// Gradients returns the gradients of t. It fails if e is not valid for t, and
// with boundary upstream if a gradient exceeds that format.
func (e Estimator) Gradients(t *Table) (Gradients, error) {
	if err := e.Validate(t); err != nil {
		return Gradients{}, err
	}
	switch e.Method {
	case "ste":
		return ste(t)
	case "lut1d":
		return lut1d(t, e.Reading, e.HWS)
	case "lowrank":
		return lowrank(t, e.HWS, e.Rank, e.HistW, e.HistX)
	}
	if e.Boundary == "upstream" {
		return lut2dUpstream(t, e.HWS)
	}
	return lut2d(t, e.HWS, e.Storage)
}

// An axis is one operand along which products are followed, the other held
// fixed. The entries of one line, in the index order of a [Table], are
// fixed·step + v·stride for the codes v of the operand.
type axis struct {
	along, fixed Operand
	stride, step int
}

// alongW follows columns, alongX rows.
func (t *Table) alongW() axis { return axis{along: t.w, fixed: t.x, stride: t.x.Count(), step: 1} }
func (t *Table) alongX() axis { return axis{along: t.x, fixed: t.w, stride: 1, step: t.x.Count()} }

// span returns the least and the greatest product of the line of t with the
// given fixed code.
func (a axis) span(t *Table, fixed int) (lo, hi int64) {
	lo, hi = int64(t.p[fixed*a.step]), int64(t.p[fixed*a.step])
	for v := 1; v < a.along.Count(); v++ {
		f := int64(t.p[fixed*a.step+v*a.stride])
		lo, hi = min(lo, f), max(hi, f)
	}
	return lo, hi
}

// rise is Eq. 6, the mean rise over the whole line, extended to negative
// operands, with which the exact product falls:
//
//	σ·(max f − min f)/n,  σ = −1 where the fixed value is negative, else 1
//
// as one float32 division.
func (a axis) rise(t *Table, fixed int) float32 {
	lo, hi := a.span(t, fixed)
	mean := float32(hi-lo) / float32(a.along.Count())
	if a.fixed.Value(fixed) < 0 {
		return -mean
	}
	return mean
}

// onlyW returns the gradient α(W): rank 1 with v ≡ 1.
func (t *Table) onlyW(alpha []float32) (*Gradient, error) {
	return NewFactored(t.w, t.x, 1, alpha, ones(t.x))
}

// onlyX returns the gradient β(X): rank 1 with u ≡ 1.
func (t *Table) onlyX(beta []float32) (*Gradient, error) {
	return NewFactored(t.w, t.x, 1, ones(t.w), beta)
}

func ones(o Operand) []float32 {
	y := make([]float32, o.Count())
	for i := range y {
		y[i] = 1
	}
	return y
}
