package backendtest

import (
	"fmt"
	"math"
	"strings"

	"gputrain/model/backend"
)

// unit is the greatest relative error of one float32 rounding, 2⁻²⁴.
const unit = 0x1p-24

// Bound returns the greatest error that a float32 sum of so many terms may
// have in any order of summation, abs being the sum of the terms' absolute
// values before anything cancels:
//
//	2·(terms+1)·2⁻²⁴·abs
//
// The real worst case is (terms−1)·2⁻²⁴·abs for the additions and one or two
// units more for the roundings inside each term and of a scale behind the sum.
func Bound(terms int, abs float64) float64 { return 2 * float64(terms+1) * unit * abs }

// An Approx is a real number and how far from it a float32 result may lie.
type Approx struct{ Value, Bound float64 }

// Holds reports whether got is within the bound. NaN and infinities are
// compared first: they must be met exactly, and nothing else may become one.
func (a Approx) Holds(got float32) bool {
	g := float64(got)
	switch {
	case math.IsNaN(a.Value) || math.IsNaN(g):
		return math.IsNaN(a.Value) && math.IsNaN(g)
	case math.IsInf(a.Value, 0) || math.IsInf(g, 0):
		return a.Value == g
	}
	return math.Abs(g-a.Value) <= a.Bound
}

// A sum is a real sum with what Bound asks about it.
type sum struct {
	value, abs float64
	terms      int
}

func (s *sum) add(term float64) {
	s.value += term
	s.abs += math.Abs(term)
	s.terms++
}

// times returns the sum multiplied by f, a factor that is applied once.
func (s sum) times(f float64) Approx {
	return Approx{s.value * f, Bound(s.terms, s.abs) * math.Abs(f)}
}

func (s sum) approx() Approx { return s.times(1) }

// approx returns the sums, each multiplied by f.
func approx(sums []sum, f float64) []Approx {
	a := make([]Approx, len(sums))
	for i, s := range sums {
		a[i] = s.times(f)
	}
	return a
}

// within reports the first element of got that does not hold to want.
func within(t T, name string, s backend.Shape, got []float32, want []Approx) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", name, len(got), len(want))
	}
	for i, g := range got {
		if a := want[i]; !a.Holds(g) {
			t.Errorf("%s%s = %v, want %v ± %.3g", name, at(s, i), g, a.Value, a.Bound)
			return
		}
	}
}

// equal reports the first element of got that is not want. NaN equals NaN, and
// −0 equals 0.
func equal[E int32 | uint8 | float32](t T, name string, s backend.Shape, got, want []E) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", name, len(got), len(want))
	}
	for i, g := range got {
		if w := want[i]; g != w && (g == g || w == w) {
			t.Errorf("%s%s = %v, want %v", name, at(s, i), g, w)
			return
		}
	}
}

// at formats element i of a tensor of shape s as in [1,0,3].
func at(s backend.Shape, i int) string {
	index := make([]string, len(s))
	for d := len(s) - 1; d >= 0; d-- {
		index[d] = fmt.Sprint(i % s[d])
		i /= s[d]
	}
	return "[" + strings.Join(index, ",") + "]"
}
