package catalog

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"gputrain/lut"
)

// The codes of Lint besides those of [lut.Lint].
const (
	NameOfAnother = "name_of_another" // a published circuit of that name has other products
	AmbiguousName = "ambiguous_name"  // several published circuits share the name
)

// Lint returns what is suspicious of t: what [lut.Lint] says, and whether its
// name means another circuit than its products.
func Lint(t *lut.Table) []lut.Warning {
	return append(lut.Lint(t), LintName(t)...)
}

// LintName returns what is suspicious of the name of t alone.
func LintName(t *lut.Table) []lut.Warning {
	name := CircuitName(t.Name())
	named := Named(name)
	digests := map[string]bool{}
	for _, e := range named {
		if e.Digest != "" {
			digests[e.Digest] = true
		}
	}
	if len(digests) == 0 {
		return nil
	}

	matches := Find(t)
	is := map[string]bool{} // its digests, of that name or not
	for _, m := range matches {
		is[m.Digest] = true
	}
	var same, other []string
	for _, e := range named {
		switch {
		case is[e.Digest]:
			same = append(same, e.Source)
		case e.Digest != "":
			other = append(other, e.describe())
		}
	}
	switch {
	case len(same) == 0:
		text := fmt.Sprintf("%s is the name of another multiplier, %s", name, strings.Join(other, ", and "))
		if len(matches) > 0 {
			text += fmt.Sprintf("; this one is %s of %s", matches[0].Name, matches[0].Source)
		} else {
			text += "; this one is not in the catalog"
		}
		return []lut.Warning{{Code: NameOfAnother, Text: text}}
	case len(other) > 0:
		return []lut.Warning{{Code: AmbiguousName, Text: fmt.Sprintf("%s names several circuits: this one is that of %s, another is %s",
			name, strings.Join(same, " and of "), strings.Join(other, ", and "))}}
	}
	return nil
}

// describe tells e from circuits of the same name.
func (e Entry) describe() string {
	var figures []string
	for _, f := range []struct {
		format string
		v      float64
	}{{"ER %.4g %%", 100 * e.ER}, {"NMED %.3g %%", 100 * e.NMED}, {"WCE %.0f", e.WCE}} {
		if !math.IsNaN(f.v) {
			figures = append(figures, fmt.Sprintf(f.format, f.v))
		}
	}
	if figures == nil {
		return "that of " + e.Source
	}
	return fmt.Sprintf("that of %s (%s)", e.Source, strings.Join(figures, ", "))
}

// circuitName is a name in the manner of EvoApproxLib.
var circuitName = regexp.MustCompile(`mul\d+(x\d+)?[us]_[0-9A-Za-z]+`)

// CircuitName returns the name of a circuit that is part of a longer name, as of
// a file: mul7u_06Q of "mul7u_06Q_lutfp". Without one it returns name.
func CircuitName(name string) string {
	if found := circuitName.FindString(name); found != "" {
		return found
	}
	return name
}
