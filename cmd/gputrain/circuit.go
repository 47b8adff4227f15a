package main

import (
	"strings"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

// wideJSON is the document of lut info on a circuit too wide for a table.
type wideJSON struct {
	Name string      `json:"name"`
	W    operandJSON `json:"w"`
	X    operandJSON `json:"x"`
	lut.Metrics
	Published []lut.Published `json:"published,omitempty"`
}

// wideInfo prints what can be said of a circuit without a table.
func (a *app) wideInfo(name string, c *netlist.Circuit) error {
	a.log.Info(name + ": " + strings.Join(c.Assumed(), ", "))
	m, err := c.Metrics()
	if err != nil {
		return inputFault(err)
	}
	published := m.Compare(c.Published())
	if a.json {
		return a.printJSON(wideJSON{
			Name:    c.Name(),
			W:       operandJSON{c.W().Bits, c.W().Signed},
			X:       operandJSON{c.X().Bits, c.X().Signed},
			Metrics: m.Metrics, Published: published,
		})
	}
	a.printf("%s\n", c.Name())
	a.printf("  table        none: tables stop at %d bits an operand\n", lut.MaxBits)
	a.printMetrics(m.Metrics, c.W(), c.X())
	a.printPublished(published)
	return nil
}

func (a *app) printMetrics(m lut.Metrics, w, x lut.Operand) {
	a.printf("  operands     weight %v, activation %v\n", w, x)
	a.printf("  ER           %.4f %%   share of wrong products\n", 100*m.ER)
	a.printf("  MED          %.6g   mean |error|, in product units\n", m.MED)
	a.printf("  NMED         %.4f %%   MED / (2^%d − 1)\n", 100*m.NMED, w.Bits+x.Bits)
	a.printf("  MRED         %.4f %%   mean |error|/|exact| where exact ≠ 0\n", 100*m.MRED)
	a.printf("  WCE          %d   greatest |error|\n", m.WCE)
	a.printf("  MSE          %.6g\n", m.MSE)
	a.printf("  bias         %.6g   mean error\n", m.Bias)
}

// printPublished prints the figures of a netlist's header beside those of its
// products.
func (a *app) printPublished(published []lut.Published) {
	if len(published) == 0 {
		return
	}
	a.printf("  published by the file, and recomputed from its products:\n")
	for _, p := range published {
		a.printf("    %-12s %-16s", p.Key, strings.TrimSpace(p.Value+" "+p.Unit))
		switch {
		case p.Recomputed == nil:
			a.printf("\n")
		case p.Differs:
			a.printf(" DIFFERS from %.8g\n", *p.Recomputed)
		default:
			a.printf(" %.8g\n", *p.Recomputed)
		}
	}
}
