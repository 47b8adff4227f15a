package trainer

import (
	"fmt"

	"github.com/goccy/go-yaml"
)

// Gradient chooses the estimator of ∂AM/∂W and ∂AM/∂X (numerics.md §4). It
// governs every table but that of the word exact, which is always under ste.
type Gradient struct {
	Estimator `yaml:",inline"`

	// Layers choose others, by layer name, globs allowed; later ones win.
	Layers EstimatorRules `yaml:"layers,omitempty"`
}

// An Estimator turns the table of a multiplier into its gradients.
type Estimator struct {
	Method     string `yaml:"method"`               // ste (default), lut2d, lut1d, lowrank, table
	HWS        HWS    `yaml:"hws,omitempty"`        // of lut2d, lut1d, lowrank
	Boundary   string `yaml:"boundary,omitempty"`   // of lut2d: paper (default), upstream
	Reading    string `yaml:"reading,omitempty"`    // of lut1d: mean (default), range, slope
	Rank       int    `yaml:"rank,omitempty"`       // of lowrank; default 4
	Storage    string `yaml:"storage,omitempty"`    // of lut2d: int16 (default), float32
	File       string `yaml:"file,omitempty"`       // of table; default: the multiplier's own file
	Histograms string `yaml:"histograms,omitempty"` // of lowrank: a file of eval --histograms that weights the fit
}

// smooths reports whether the method has a half window.
func (e Estimator) smooths() bool {
	switch e.Method {
	case "lut2d", "lowrank":
		return true
	case "lut1d":
		return e.Reading == "" || e.Reading == "mean"
	}
	return false
}

// EstimatorRules assign estimators to layers, in the order given.
type EstimatorRules []EstimatorRule

// An EstimatorRule gives the layers whose name matches Pattern an estimator. A
// recipe writes it as a mapping of the estimator's fields, or as the name of its
// method alone.
type EstimatorRule struct {
	Pattern string
	Estimator
}

// MarshalYAML writes the rules as a mapping, in order.
func (l EstimatorRules) MarshalYAML() (any, error) {
	m := yaml.MapSlice{}
	for _, r := range l {
		m = append(m, yaml.MapItem{Key: r.Pattern, Value: r.Estimator})
	}
	return m, nil
}

// with returns l with a rule added at the end; one for the same pattern gives
// way to it.
func (l EstimatorRules) with(r EstimatorRule) EstimatorRules {
	out := make(EstimatorRules, 0, len(l)+1)
	for _, old := range l {
		if old.Pattern != r.Pattern {
			out = append(out, old)
		}
	}
	return append(out, r)
}

// HWS is a half window size, or one of the ways to choose it.
type HWS int

const (
	// HWSAuto chooses the window of each table by lut.AutoHWS.
	HWSAuto HWS = -1
	// HWSProbe chooses it by short trainings; see [Probe].
	HWSProbe HWS = -2
)

func (h HWS) String() string {
	switch h {
	case HWSAuto:
		return "auto"
	case HWSProbe:
		return "probe"
	}
	return fmt.Sprint(int(h))
}

// MarshalYAML writes a number, or a word.
func (h HWS) MarshalYAML() (any, error) {
	if h < 0 {
		return h.String(), nil
	}
	return int(h), nil
}
