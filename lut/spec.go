package lut

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Spec names a multiplier of a built-in family: its operands and parameters.
type Spec struct {
	Family string
	W, X   Operand
	Params map[string]int // every parameter given; absent ones have the family's default
}

// A family is a way to build a multiplier of any width from a few parameters.
type family struct {
	name   string
	params []param
	// build checks the operands and the parameters against each other and
	// returns the products. v holds every parameter, defaults filled in.
	build func(w, x Operand, v map[string]int) (func(W, X int) int, error)
}

// A param is one parameter of a family.
type param struct {
	name     string
	required bool
	initial  int                             // the value of an absent parameter
	limits   func(w, x Operand) (lo, hi int) // legal values, both ends included
}

// families are the built-in ones, each in a file of its own.
func families() []family {
	return []family{exactFamily, truncFamily, bamFamily, drumFamily, mitchellFamily, kulkarniFamily, robaFamily}
}

func familyNames() []string {
	var names []string
	for _, f := range families() {
		names = append(names, f.name)
	}
	return names
}

func familyNamed(name string) (family, bool) {
	for _, f := range families() {
		if f.name == name {
			return f, true
		}
	}
	return family{}, false
}

// IsSpec reports whether s has the form of a spec, a word and a colon and a
// width, rather than that of a file's name. The family may be unknown:
// [ParseSpec] says so better than a missing file would.
func IsSpec(s string) bool {
	name, rest, ok := strings.Cut(s, ":")
	if !ok || name == "" || strings.ContainsAny(s, `/\`) {
		return false
	}
	for _, c := range strings.ToLower(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	if _, known := familyNamed(name); known {
		return true
	}
	return len(name) > 1 && rest != "" && rest[0] >= '0' && rest[0] <= '9' // not C:multiplier.npy
}

// ParseSpec reads a spec of the form family:WIDTH[,name=value…]. WIDTH is bits
// and sign, as in 8u or 7s, of both operands, or of weight × activation as in
// 8ux4u:
//
//	exact:8u
//	trunc:8u,cols=8,comp=448
//	bam:8u,v=6,h=2
//	drum:8s,k=4
//	mitchell:8ux6u
//	kulkarni:8u
//	roba:8u
//
// All that is wrong with a spec is reported, unless the family is unknown.
func ParseSpec(s string) (Spec, error) {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("lut: spec %q: %w", s, fmt.Errorf(format, args...))
	}
	name, rest, ok := strings.Cut(s, ":")
	if !ok {
		return Spec{}, fault("want family:WIDTH, as in trunc:8u,cols=8")
	}
	f, known := familyNamed(name)
	if !known {
		return Spec{}, fault("family %q, want one of %s%s", name, strings.Join(familyNames(), ", "), didYouMean(name, familyNames()))
	}
	parts := strings.Split(rest, ",")
	var faults []error
	spec := Spec{Family: name, Params: map[string]int{}}
	var err error
	if spec.W, spec.X, err = parseWidth(parts[0]); err != nil {
		faults = append(faults, fault("%w", err))
	}
	for _, p := range parts[1:] {
		key, text, ok := strings.Cut(p, "=")
		if !ok {
			faults = append(faults, fault("%q, want name=value", p))
			continue
		}
		if !slices.ContainsFunc(f.params, func(q param) bool { return q.name == key }) {
			faults = append(faults, fault("%w", unknownParam(f, key)))
			continue
		}
		if _, twice := spec.Params[key]; twice {
			faults = append(faults, fault("%s is given twice", key))
			continue
		}
		v, err := strconv.Atoi(text)
		if err != nil {
			faults = append(faults, fault("%s=%q, want an integer", key, text))
			continue
		}
		spec.Params[key] = v
	}
	if len(faults) > 0 {
		return Spec{}, errors.Join(faults...)
	}
	if _, err := spec.function(); err != nil {
		return Spec{}, err
	}
	return spec, nil
}

func unknownParam(f family, key string) error {
	if len(f.params) == 0 {
		return fmt.Errorf("parameter %q, but %s takes none", key, f.name)
	}
	var names []string
	for _, p := range f.params {
		names = append(names, p.name)
	}
	return fmt.Errorf("parameter %q, want one of %s%s", key, strings.Join(names, ", "), didYouMean(key, names))
}

// parseWidth reads "8u", or "8ux4u" for weight × activation.
func parseWidth(s string) (w, x Operand, err error) {
	left, right, two := strings.Cut(s, "x")
	if w, err = parseOperand(left); err != nil {
		return w, x, err
	}
	if !two {
		return w, w, nil
	}
	x, err = parseOperand(right)
	return w, x, err
}

func parseOperand(s string) (Operand, error) {
	bits, err := strconv.Atoi(strings.TrimRight(s, "us"))
	signed := strings.HasSuffix(s, "s")
	o := Operand{Bits: bits, Signed: signed}
	if err != nil || o.String() != s {
		return Operand{}, fmt.Errorf("width %q, want bits and sign such as 8u or 7s, or weight × activation such as 8ux4u", s)
	}
	return o, o.Valid()
}

// String formats s so that [ParseSpec] reads it again. Parameters stand in the
// family's order.
func (s Spec) String() string {
	var b strings.Builder
	b.WriteString(s.Family + ":" + s.W.String())
	if s.X != s.W {
		b.WriteString("x" + s.X.String())
	}
	f, _ := familyNamed(s.Family)
	for _, p := range f.params {
		if v, ok := s.Params[p.name]; ok {
			fmt.Fprintf(&b, ",%s=%d", p.name, v)
		}
	}
	return b.String()
}

// function checks s and returns its products.
func (s Spec) function() (func(W, X int) int, error) {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("lut: spec %q: %w", s, fmt.Errorf(format, args...))
	}
	f, known := familyNamed(s.Family)
	if !known {
		return nil, fault("family %q, want one of %s%s", s.Family, strings.Join(familyNames(), ", "), didYouMean(s.Family, familyNames()))
	}
	for _, o := range []Operand{s.W, s.X} {
		if err := o.Valid(); err != nil {
			return nil, fault("%w", err)
		}
	}
	var faults []error
	values := map[string]int{}
	for _, p := range f.params {
		lo, hi := p.limits(s.W, s.X)
		v, given := s.Params[p.name]
		switch {
		case !given && p.required:
			faults = append(faults, fault("%s is missing, want %s=%d to %d", p.name, p.name, lo, hi))
		case !given:
			v = p.initial
		case v < lo || v > hi:
			faults = append(faults, fault("%s=%d, want %d to %d", p.name, v, lo, hi))
		}
		values[p.name] = v
	}
	for key := range s.Params {
		if _, ok := values[key]; !ok {
			faults = append(faults, fault("%w", unknownParam(f, key)))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	am, err := f.build(s.W, s.X, values)
	if err != nil {
		return nil, fault("%w", err)
	}
	return am, nil
}

// Table tabulates s. The table's name is the spec.
func (s Spec) Table() (*Table, error) {
	am, err := s.function()
	if err != nil {
		return nil, err
	}
	return New(s.String(), s.W, s.X, am), nil
}

// didYouMean returns a clause that offers the known name nearest to s, or
// nothing if none is near.
func didYouMean(s string, known []string) string {
	best, at := "", 3 // more than two edits away is another word
	for _, k := range known {
		if d := editDistance(s, k); d < at && d < len(k) {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// editDistance is the least number of insertions, deletions and replacements
// of bytes that turn a into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
