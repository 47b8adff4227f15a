package main

import (
	"github.com/spf13/cobra"

	"gputrain/lut"
	"gputrain/lut/catalog"
)

// lintJSON is the document of lut lint.
type lintJSON struct {
	Warnings []lut.Warning `json:"warnings"`
}

func newLutLint(a *app) *cobra.Command {
	var in loadFlags
	cmd := &cobra.Command{
		Use:   "lint MULTIPLIER",
		Short: "Warn of what is suspicious of a multiplier",
		Long: `Warn of what is suspicious of a multiplier: operands that cannot be swapped,
products with 0 that are not 0, one combination of signs far worse than the
others, the name of another circuit, an exact table under an approximate name.
Exits with 0 whether or not there are warnings.`,
		Example: "  gputrain lut lint mul8s_1L2H.h",
		Args:    takes("MULTIPLIER"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := in.load(a, args[0])
			if err != nil {
				return err
			}
			l := lintJSON{catalog.Lint(m.Table)}
			if a.json {
				if l.Warnings == nil {
					l.Warnings = []lut.Warning{}
				}
				return a.printJSON(l)
			}
			for _, w := range l.Warnings {
				a.printf("%s: %s\n", w.Code, w.Text)
			}
			if len(l.Warnings) == 0 {
				a.printf("nothing suspicious\n")
			}
			return nil
		},
	}
	in.register(cmd)
	return cmd
}
