package lut

import (
	"fmt"
	"regexp"
	"strings"
)

// A Warning is something of a table that may be meant and often is not. Its code
// is one word for programs, its text a sentence.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// The codes of Lint.
const (
	NotCommutative        = "not_commutative"         // AM(a, b) ≠ AM(b, a) somewhere
	ZeroNotZero           = "zero_not_zero"           // AM(0, ·) or AM(·, 0) is not 0
	SignQuadrant          = "sign_quadrant"           // errors are far greater under one combination of signs
	ExactNamedApproximate = "exact_named_approximate" // every product is exact, which the name does not say
)

// Lint returns what is suspicious of t.
func Lint(t *Table) []Warning {
	var warnings []Warning
	for _, check := range []func(t *Table) (Warning, bool){lintCommutative, lintZero, lintQuadrants, lintExact} {
		if w, found := check(t); found {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

// lintCommutative warns of operands that cannot be swapped: a file read in the
// wrong order is another multiplier then. Operands of unlike width or sign are
// not asked.
func lintCommutative(t *Table) (Warning, bool) {
	if t.w != t.x || t.Commutative() {
		return Warning{}, false
	}
	differ, pairs := 0, 0
	var first string
	for a := t.w.Min(); a <= t.w.Max(); a++ {
		for b := a + 1; b <= t.w.Max(); b++ {
			pairs++
			if t.At(a, b) == t.At(b, a) {
				continue
			}
			if differ++; differ == 1 {
				first = fmt.Sprintf("AM(%d, %d) = %d but AM(%d, %d) = %d", a, b, t.At(a, b), b, a, t.At(b, a))
			}
		}
	}
	return Warning{NotCommutative, fmt.Sprintf("not commutative in %d of %d pairs, such as %s: the order of operands matters", differ, pairs, first)}, true
}

// lintZero warns of products with 0 that are not 0: neither padding nor pruned
// weights vanish then.
func lintZero(t *Table) (Warning, bool) {
	var found []string
	for _, side := range []struct {
		format  string
		operand Operand
		at      func(v int) int32
	}{
		{"AM(0, %d) = %d", t.x, func(v int) int32 { return t.At(0, v) }},
		{"AM(%d, 0) = %d", t.w, func(v int) int32 { return t.At(v, 0) }},
	} {
		n := 0
		var first string
		for v := side.operand.Min(); v <= side.operand.Max(); v++ {
			if p := side.at(v); p != 0 {
				if n++; n == 1 {
					first = fmt.Sprintf(side.format, v, p)
				}
			}
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%s and %d of %d like it", first, n-1, side.operand.Count()))
		}
	}
	if found == nil {
		return Warning{}, false
	}
	return Warning{ZeroNotZero, "zero times something is not 0: " + strings.Join(found, ", ") + "; zeros of padding and pruning count in every sum"}, true
}

// quadrantFactor is how many times the next worst a sign quadrant must be to be
// suspicious. Of the mul8s_1L2H that is distributed wrong it is 5.0; of right
// signed circuits and of the built-in families at most 1.6 times the best.
const quadrantFactor = 3

// lintQuadrants compares the mean |error| of the combinations of signs. A table
// made by sign-extending a product of the wrong width is wrong in one of them.
func lintQuadrants(t *Table) (Warning, bool) {
	var sum, pairs [2][2]float64 // [W < 0][X < 0]
	for W := t.w.Min(); W <= t.w.Max(); W++ {
		for X := t.x.Min(); X <= t.x.Max(); X++ {
			i, j := 0, 0
			if W < 0 {
				i = 1
			}
			if X < 0 {
				j = 1
			}
			e := int64(t.At(W, X)) - int64(W)*int64(X)
			sum[i][j] += float64(max(e, -e))
			pairs[i][j]++
		}
	}
	worst, next := -1., -1.
	var at [2]int
	for i := range 2 {
		for j := range 2 {
			if pairs[i][j] == 0 {
				continue // an unsigned operand
			}
			switch med := sum[i][j] / pairs[i][j]; {
			case med > worst:
				worst, next, at = med, worst, [2]int{i, j}
			case med > next:
				next = med
			}
		}
	}
	if next < 0 || worst < 1 || worst < quadrantFactor*next {
		return Warning{}, false
	}
	var signs []string
	for i, o := range []struct {
		name string
		Operand
	}{{"weight", t.w}, {"activation", t.x}} {
		if o.Signed {
			signs = append(signs, o.name+[]string{" ≥ 0", " < 0"}[at[i]])
		}
	}
	where := strings.Join(signs, " and ")
	if at == [2]int{1, 1} {
		where = "both operands are negative"
	}
	return Warning{SignQuadrant, fmt.Sprintf("where %s the mean |error| is %.6g, elsewhere at most %.6g: that quadrant is probably wrong", where, worst, next)}, true
}

// approximateName matches names of circuits in the manner of EvoApproxLib and
// words that promise an error; exactName matches those that do not.
var (
	approximateName = regexp.MustCompile(`(?i)^mul\d+(x\d+)?[us]_|appro?x|trunc|broken|` + strings.Join(familyNames(), "|"))
	exactName       = regexp.MustCompile(`(?i)exact|acc`)
)

// lintExact warns of an exact table under the name of an approximate one.
func lintExact(t *Table) (Warning, bool) {
	if !approximateName.MatchString(t.name) || exactName.MatchString(t.name) {
		return Warning{}, false
	}
	if t.Metrics().ER != 0 {
		return Warning{}, false
	}
	return Warning{ExactNamedApproximate, fmt.Sprintf("every product is exact, though %s reads like the name of an approximate multiplier", t.name)}, true
}
