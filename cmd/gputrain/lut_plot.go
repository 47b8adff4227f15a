package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/lut"
	"gputrain/lut/plot"
)

// plotKinds are the pictures that lut plot draws.
var plotKinds = []string{"error", "stair", "histogram", "gradient", "singular", "pareto"}

// plotJSON is the document of lut plot.
type plotJSON struct {
	File   string `json:"file"`
	Format string `json:"format"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// plotFlags say what to draw, and where to.
type plotFlags struct {
	path, kind string
	force      bool
	weights    []int
	in         loadFlags
	grad       gradFlags
}

func newLutPlot(a *app) *cobra.Command {
	var p plotFlags
	cmd := &cobra.Command{
		Use:   "plot MULTIPLIER... -o PICTURE",
		Short: "Draw a multiplier: errors, staircase, gradients, singular values, Pareto front",
		Long: `Draw a multiplier into a PNG, SVG or PDF, as the picture's extension says:

  error      AM(W, X) − W·X of all operands as a heat map
  stair      AM(W, ·) of the weights --w, exact, smoothed, and with its gradients
  histogram  how often it errs by how much
  gradient   ∂AM/∂W and ∂AM/∂X under --method, and their distance from ste
  singular   singular values of products, errors and gradients
  pareto     NMED against published power, of several multipliers or of the
             metrics.csv of lut build --sweep`,
		Example: `  gputrain lut plot trunc:8u,cols=8 -o rm8.png
  gputrain lut plot trunc:7u,cols=6 --kind stair --w 10 --hws 4 -o stair.svg
  gputrain lut plot tables/metrics.csv --kind pareto -o pareto.pdf`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || p.kind != "pareto" {
				return takes("MULTIPLIER")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := p.check(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			if p.kind == "pareto" {
				return a.plotPareto(&p, format, args)
			}
			m, err := p.in.load(a, args[0])
			if err != nil {
				return err
			}
			picture, err := p.picture(a, m.Table, cmd.Flags().Changed)
			if err != nil {
				return err
			}
			if err := savePicture(picture, p.path); err != nil {
				return err
			}
			j := plotJSON{p.path, format, p.kind, m.Table.Name(), m.Table.SHA256()}
			if a.json {
				return a.printJSON(j)
			}
			a.printf("%s: %s of %s, sha256 %s\n", j.File, j.Kind, j.Name, j.SHA256)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&p.path, "output", "o", "", "the `PICTURE` to write: .png, .svg or .pdf (required)")
	f.BoolVar(&p.force, "force", false, "overwrite the picture if it exists")
	f.StringVar(&p.kind, "kind", "error", "`WHAT` to draw: "+strings.Join(plotKinds, ", "))
	f.IntSliceVar(&p.weights, "w", nil, "of stair, the `WEIGHTS`, up to four with commas between; a quarter and three quarters up the range if absent")
	complete(cmd, "kind", plotKinds...)
	p.in.register(cmd)
	p.grad.register(cmd)
	return cmd
}

// check finds what is wrong with the flags, and returns the format to write.
func (p *plotFlags) check(given func(flag string) bool) (string, error) {
	if !slices.Contains(plotKinds, p.kind) {
		return "", usagef("--kind %q, want one of %s", p.kind, strings.Join(plotKinds, ", "))
	}
	if p.path == "" {
		return "", usagef("no output: name the picture to write with -o PICTURE")
	}
	format, err := plot.Format(p.path)
	if err != nil {
		return "", &usageError{err}
	}
	if _, err := os.Stat(p.path); err == nil && !p.force {
		return "", usagef("%s exists: choose another name or overwrite it with --force", p.path)
	}
	if dir := filepath.Dir(p.path); !isFolder(dir) {
		return "", usagef("%s: there is no folder %s", p.path, dir)
	}
	for _, o := range []struct {
		flags []string
		kinds []string
	}{
		{[]string{"w"}, []string{"stair"}},
		{[]string{"hws"}, []string{"stair", "gradient", "singular"}},
		{[]string{"method", "boundary", "reading", "storage", "rank", "histograms", "layer"}, []string{"stair", "gradient"}},
	} {
		for _, flag := range o.flags {
			if given(flag) && !slices.Contains(o.kinds, p.kind) {
				return "", usagef("--%s does nothing for --kind %s: it belongs to %s", flag, p.kind, strings.Join(o.kinds, ", "))
			}
		}
	}
	return format, nil
}

// picture draws t.
func (p *plotFlags) picture(a *app, t *lut.Table, given func(flag string) bool) (*plot.Picture, error) {
	var picture *plot.Picture
	var err error
	switch p.kind {
	case "error":
		return plot.Error(t), nil
	case "histogram":
		return plot.Histogram(t), nil
	case "singular":
		var hws int
		if hws, err = p.grad.window(a, t); err != nil {
			return nil, err
		}
		picture, err = plot.Singular(t, hws)
	default:
		var e lut.Estimator
		if e, err = p.grad.estimator(a, t, given); err != nil {
			return nil, err
		}
		if p.kind == "gradient" {
			picture, err = plot.Gradient(t, e)
			break
		}
		weights := p.weights
		if !given("w") {
			weights = []int{t.W().Value(t.W().Count() / 4), t.W().Value(3 * t.W().Count() / 4)}
		}
		picture, err = plot.Stair(t, weights, e)
	}
	if err != nil {
		return nil, inputFault(err)
	}
	return picture, nil
}

// savePicture writes a picture.
func savePicture(p *plot.Picture, path string) error {
	err := p.Save(path)
	var disk *fs.PathError
	if err == nil || errors.As(err, &disk) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}
