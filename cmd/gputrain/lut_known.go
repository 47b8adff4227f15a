package main

import (
	"fmt"
	"math"
	"strings"

	"gputrain/lut"
	"gputrain/lut/catalog"
)

// knownJSON is what a source published of a multiplier, in the documents of lut
// info. Error metrics are fractions; what is not published is left out.
type knownJSON struct {
	Name    string   `json:"name"`
	Source  string   `json:"source"`
	Order   string   `json:"order,omitempty"` // wx: port A is the weight, xw: the activation; absent: either
	ER      *float64 `json:"er,omitempty"`
	NMED    *float64 `json:"nmed,omitempty"`
	MED     *float64 `json:"med,omitempty"`
	MRED    *float64 `json:"mred,omitempty"`
	WCE     *float64 `json:"wce,omitempty"`
	MSE     *float64 `json:"mse,omitempty"`
	Library string   `json:"library,omitempty"`
	Power   *float64 `json:"power_uw,omitempty"`
	Area    *float64 `json:"area_um2,omitempty"`
	Delay   *float64 `json:"delay_ps,omitempty"`
}

// known returns what the catalog says of the products of t, never nil.
func known(t *lut.Table) []knownJSON {
	list := []knownJSON{}
	for _, m := range catalog.Find(t) {
		list = append(list, knownJSON{
			Name: m.Name, Source: m.Source, Order: m.Order,
			ER: figure(m.ER), NMED: figure(m.NMED), MED: figure(m.MED), MRED: figure(m.MRED), WCE: figure(m.WCE), MSE: figure(m.MSE),
			Library: m.Library, Power: figure(m.Power), Area: figure(m.Area), Delay: figure(m.Delay),
		})
	}
	return list
}

// figure returns a published figure, nil if there is none.
func figure(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// printKnown prints under which names a multiplier is published.
func (a *app) printKnown(list []knownJSON) {
	for i, k := range list {
		title := "known as"
		if i > 0 {
			title = ""
		}
		a.printf("  %-11s  %s (%s%s)", title, k.Name, k.Source, map[string]string{"wx": ", port A is the weight", "xw": ", port A is the activation"}[k.Order])
		var figures []string
		for _, f := range []struct {
			v    *float64
			unit string
		}{{k.Power, "µW"}, {k.Area, "µm²"}, {k.Delay, "ps"}} {
			if f.v != nil {
				figures = append(figures, fmt.Sprintf("%g %s", *f.v, f.unit))
			}
		}
		if figures != nil {
			a.printf(": %s in %s", strings.Join(figures, ", "), k.Library)
		}
		a.printf("\n")
	}
}

// warnName logs that the name of t means another circuit.
func (a *app) warnName(t *lut.Table) {
	for _, w := range catalog.LintName(t) {
		a.log.Warn(w.Text)
	}
}

// mantissaJSON is the document of lut info on a floating-point multiplier.
type mantissaJSON struct {
	Name         string `json:"name"`
	SHA256       string `json:"sha256"`
	MantissaBits int    `json:"mantissa_bits"`
	lut.MantissaMetrics
	Commutative bool   `json:"commutative"`
	Trainable   bool   `json:"trainable"` // false
	Reason      string `json:"reason"`
}

// mantissaInfo prints what a floating-point multiplier is.
func (a *app) mantissaInfo(path string) error {
	m, err := lut.LoadMantissa(path)
	if err != nil {
		return inputFault(err)
	}
	i := mantissaJSON{
		Name: m.Name(), SHA256: m.SHA256(), MantissaBits: m.Bits(),
		MantissaMetrics: m.Metrics(), Commutative: m.Commutative(), Reason: lut.ErrFloatingPoint.Error(),
	}
	if a.json {
		return a.printJSON(i)
	}
	a.printf("%s\n", i.Name)
	a.printf("  sha256       %s\n", i.SHA256)
	a.printf("  operands     floating point, mantissas of %d bits (ApproxTrain)\n", i.MantissaBits)
	a.printf("  ER           %.4f %%   share that is not the exact product cut off after %d bits\n", 100*i.ER, i.MantissaBits)
	a.printf("  MRED         %.4f %%   mean |error|/exact\n", 100*i.MRED)
	a.printf("  WCRE         %.4f %%   greatest |error|/exact\n", 100*i.WCRE)
	a.printf("  bias         %.4f %%   mean error/exact\n", 100*i.RelBias)
	a.printf("  commutative  %s\n", yesNo(i.Commutative))
	a.printf("  retraining   no: %s\n", i.Reason)
	return nil
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}
