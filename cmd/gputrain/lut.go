package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

func newLut(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lut",
		Short: "Build, read, convert, measure and compare multiplier tables",
		Long: `A multiplier is named by a file or by a specification FAMILY:WIDTH[,k=v…]:

  exact:8u  trunc:8u,cols=8  bam:8u,v=6,h=2  drum:8u,k=4  mitchell:8u  kulkarni:8u  roba:8u

WIDTH is bits and sign, weight × activation where they differ: 8u, 7s, 8ux4u.`,
	}
	cmd.AddCommand(newLutBuild(a), newLutConvert(a), newLutInfo(a), newLutGrad(a), newLutVerify(a), newLutLint(a), newLutPlot(a))
	makeGroup(cmd)
	return cmd
}

// loadFlags say what a multiplier's file does not say about itself.
type loadFlags struct {
	from, order, codes, top, cells string
	signed                         bool
	cmd                            *cobra.Command
}

func (l *loadFlags) register(cmd *cobra.Command) {
	l.cmd = cmd
	f := cmd.Flags()
	f.StringVar(&l.from, "from", "", "`FORMAT` of the input ("+strings.Join(lut.Formats(), ", ")+"); recognised if absent")
	f.StringVar(&l.order, "order", "", "`ORDER` of operands in the file: wx (weight first) or xw (activation first)")
	f.StringVar(&l.codes, "codes", "", "`ORDER` of signed operands along an axis: ascending or twos (two's complement)")
	f.StringVar(&l.top, "top", "", "`NAME` of the circuit to take of a file that holds several")
	f.StringVar(&l.cells, "cells", "", "a Verilog `FILE` of cells that a netlist uses without defining them")
	f.BoolVar(&l.signed, "signed", false, "both operands are signed")
	complete(cmd, "from", lut.Formats()...)
	complete(cmd, "order", "wx", "xw")
	complete(cmd, "codes", "ascending", "twos")
}

func (l *loadFlags) options() lut.LoadOptions {
	o := lut.LoadOptions{From: l.from, Order: l.order, Codes: l.codes, Top: l.top, Cells: l.cells}
	if l.cmd.Flags().Changed("signed") {
		o.Signed = &l.signed
	}
	return o
}

// load resolves a multiplier and prints what was assumed of it on stderr.
func (l *loadFlags) load(a *app, name string) (*lut.Loaded, error) {
	m, err := lut.Resolve(name, l.options())
	if err != nil {
		return nil, inputFault(err)
	}
	a.log.Info(name + ": " + strings.Join(m.Assumed, ", "))
	return m, nil
}

// outputFlags name the file that a command writes.
type outputFlags struct {
	path, to string
	force    bool
}

func (o *outputFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.path, "output", "o", "", "the `FILE` to write (required)")
	f.StringVar(&o.to, "to", "", "its `FORMAT` ("+strings.Join(lut.Formats(), ", ")+"); by its extension if absent")
	f.BoolVar(&o.force, "force", false, "overwrite the file if it exists")
	complete(cmd, "to", lut.Formats()...)
}

// extensions are the formats that a file's name implies.
var extensions = map[string]string{".npy": "npy", ".npz": "npz", ".txt": "meng", ".h": "adapt"}

// gradientFormats are those that hold gradients beside products.
var gradientFormats = []string{"npz", "meng"}

// format returns the format to write and checks that the file may be written.
func (o *outputFlags) format() (string, error) {
	if o.path == "" {
		return "", usagef("no output: name the file to write with -o FILE")
	}
	if _, err := os.Stat(o.path); err == nil && !o.force {
		return "", usagef("%s exists: choose another name or overwrite it with --force", o.path)
	}
	if dir := filepath.Dir(o.path); !isFolder(dir) {
		return "", usagef("%s: there is no folder %s", o.path, dir)
	}
	format := o.to
	if format == "" {
		format = extensions[strings.ToLower(filepath.Ext(o.path))]
	}
	if format == "" {
		return "", usagef("%s: its extension names no format: give --to (%s)", o.path, strings.Join(lut.Formats(), ", "))
	}
	if !slices.Contains(lut.Formats(), format) {
		return "", usagef("--to %s, want one of %s", format, strings.Join(lut.Formats(), ", "))
	}
	return format, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// savedTable is what build, convert and grad print with --json.
type savedTable struct {
	File   string `json:"file"`
	Format string `json:"format"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// save writes t and g, and says so.
func (o *outputFlags) save(a *app, t *lut.Table, g lut.Gradients) error {
	format, err := o.format()
	if err != nil {
		return err
	}
	if err := saveTable(o.path, format, t, g); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(savedTable{o.path, format, t.Name(), t.SHA256()})
	}
	a.printf("%s: %s, %v×%v, %s, sha256 %s\n", o.path, t.Name(), t.W(), t.X(), format, t.SHA256())
	return nil
}

// saveTable writes t and g to a file.
func saveTable(path, format string, t *lut.Table, g lut.Gradients) error {
	err := lut.Save(path, format, t, g)
	var disk *fs.PathError
	if err == nil || errors.As(err, &disk) {
		return err
	}
	return inputFault(err) // the format cannot hold this multiplier
}

func newLutBuild(a *app) *cobra.Command {
	var out outputFlags
	var sweeps []string
	cmd := &cobra.Command{
		Use:   "build (SPEC -o FILE | --sweep SPECS -o FOLDER)",
		Short: "Tabulate multipliers of a built-in family",
		Long: `Tabulate a multiplier of a built-in family, or, with --sweep, those of all values
of its parameters in given ranges, lo..hi or lo..hi..step: into a folder, with
metrics.csv, a table of their errors and, of those that the catalog knows, their
power.`,
		Example: `  gputrain lut build trunc:8u,cols=8 -o rm8.npy
  gputrain lut build --sweep "trunc:8u,cols=2..12" --sweep "drum:8u,k=3..7" -o tables`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(sweeps) > 0 {
				return takes()(cmd, args)
			}
			return takes("SPEC")(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(sweeps) > 0 {
				return a.sweep(sweeps, &out)
			}
			if _, err := out.format(); err != nil {
				return err
			}
			spec, err := lut.ParseSpec(args[0])
			if err != nil {
				return inputFault(err)
			}
			t, err := spec.Table()
			if err != nil {
				return inputFault(err)
			}
			return out.save(a, t, lut.Gradients{})
		},
	}
	out.register(cmd)
	cmd.Flags().StringArrayVar(&sweeps, "sweep", nil, "tabulate all of `SPECS` with ranges, as in trunc:8u,cols=2..12, into a folder (repeatable)")
	return cmd
}

func newLutConvert(a *app) *cobra.Command {
	var in loadFlags
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "convert IN -o OUT",
		Short: "Rewrite a multiplier in another tool's format",
		Long: `Rewrite a multiplier in another tool's format. Gradients come along where both
formats hold them. What was assumed of the input is printed on stderr.`,
		Example: "  gputrain lut convert mul7u_06Q_lutfp.txt -o mul7u_06Q.npy",
		Args:    takes("IN"),
		RunE: func(_ *cobra.Command, args []string) error {
			format, err := out.format()
			if err != nil {
				return err
			}
			m, err := in.load(a, args[0])
			if err != nil {
				return err
			}
			if m.Gradients != (lut.Gradients{}) && !slices.Contains(gradientFormats, format) {
				a.log.Info(fmt.Sprintf("left out: the gradients of %s, which format %s does not hold", args[0], format))
				m.Gradients = lut.Gradients{}
			}
			return out.save(a, m.Table, m.Gradients)
		},
	}
	in.register(cmd)
	out.register(cmd)
	return cmd
}

// operandJSON is an operand in the documents of cli.md.
type operandJSON struct {
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
}

// infoJSON is the document of lut info.
type infoJSON struct {
	Name   string      `json:"name"`
	SHA256 string      `json:"sha256"`
	W      operandJSON `json:"w"`
	X      operandJSON `json:"x"`
	lut.Metrics
	Commutative bool  `json:"commutative"`
	AM00        int32 `json:"am00"`
	Rank        int   `json:"rank"`
	MaxK        int   `json:"max_k"`

	// Published are the figures that a netlist states about itself.
	Published []lut.Published `json:"published,omitempty"`

	// Known are the published circuits with the same products.
	Known []knownJSON `json:"known"`

	// Layers are those of --histograms that have its operands.
	Layers []layerErrorJSON `json:"layers,omitempty"`
}

func newLutInfo(a *app) *cobra.Command {
	var in loadFlags
	var histograms string
	cmd := &cobra.Command{
		Use:   "info MULTIPLIER",
		Short: "Say what a multiplier is: identity, error metrics, rank",
		Example: `  gputrain lut info trunc:8u,cols=8
  gputrain lut info trunc:8u,cols=8 --histograms operands.json`,
		Args: takes("MULTIPLIER"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := in.load(a, args[0])
			var wide *netlist.WideError
			if errors.As(err, &wide) {
				return a.wideInfo(args[0], wide.Circuit)
			}
			if errors.Is(err, lut.ErrFloatingPoint) {
				return a.mantissaInfo(args[0])
			}
			if err != nil {
				return err
			}
			t := m.Table
			i := infoJSON{
				Name: t.Name(), SHA256: t.SHA256(),
				W:       operandJSON{t.W().Bits, t.W().Signed},
				X:       operandJSON{t.X().Bits, t.X().Signed},
				Metrics: t.Metrics(), Commutative: t.Commutative(), AM00: t.AM00(), Rank: t.Rank(), MaxK: t.MaxK(),
				Published: m.Published, Known: known(t),
			}
			if histograms != "" {
				if i.Layers, err = layerErrors(t, histograms); err != nil {
					return inputFault(err)
				}
			}
			a.warnName(t)
			if a.json {
				return a.printJSON(i)
			}
			a.printInfo(i, t)
			a.printLayerErrors(i.Layers)
			return nil
		},
	}
	in.register(cmd)
	cmd.Flags().StringVar(&histograms, "histograms", "", "also its errors under the operands of each layer of a network: the `FILE` of eval --histograms")
	return cmd
}

func (a *app) printInfo(i infoJSON, t *lut.Table) {
	a.printf("%s\n", i.Name)
	a.printf("  sha256       %s\n", i.SHA256)
	a.printMetrics(i.Metrics, t.W(), t.X())
	a.printf("  commutative  %s\n", yesNo(i.Commutative))
	a.printf("  AM(0, 0)     %d\n", i.AM00)
	a.printf("  rank         %d of %d\n", i.Rank, min(t.W().Count(), t.X().Count()))
	a.printf("  max_k        %d   longest sum that an int32 holds\n", i.MaxK)
	a.printKnown(i.Known)
	a.printPublished(i.Published)
}

// difference is one entry in which two tables differ.
type difference struct {
	W int   `json:"w"`
	X int   `json:"x"`
	A int32 `json:"a"`
	B int32 `json:"b"`
}

// verifyJSON is the document of lut verify.
type verifyJSON struct {
	Equal       bool         `json:"equal"`
	Differences []difference `json:"differences"`
}

// errDiffer ends `lut verify` of two multipliers that are not the same.
var errDiffer = errors.New("the multipliers differ")

func newLutVerify(a *app) *cobra.Command {
	var in loadFlags
	var most int
	cmd := &cobra.Command{
		Use:   "verify A B",
		Short: "Compare two multipliers product by product",
		Long: `Compare two multipliers product by product and list the first differences.
Exits with 1 if they differ. Options such as --order apply to files only, to
both of them.`,
		Example: "  gputrain lut verify mul8u_rm8.npy trunc:8u,cols=8",
		Args:    takes("A", "B"),
		RunE: func(_ *cobra.Command, args []string) error {
			if most < 0 {
				return usagef("--most %d, want a number ≥ 0", most)
			}
			var t [2]*lut.Table
			for i, name := range args {
				l := &in
				if lut.IsSpec(name) {
					l = &loadFlags{cmd: new(cobra.Command)} // a spec says all of itself
				}
				m, err := l.load(a, name)
				if err != nil {
					return err
				}
				t[i] = m.Table
			}
			if t[0].W() != t[1].W() || t[0].X() != t[1].X() {
				return usagef("%s is %v×%v, %s is %v×%v: nothing to compare", args[0], t[0].W(), t[0].X(), args[1], t[1].W(), t[1].X())
			}
			v := verifyJSON{Differences: []difference{}}
			total := 0
			p, q := t[0].Products(), t[1].Products()
			for i := range p {
				if p[i] == q[i] {
					continue
				}
				if total++; total <= most {
					w, x := t[0].W(), t[0].X()
					v.Differences = append(v.Differences, difference{w.Value(i >> x.Bits), x.Value(i & (x.Count() - 1)), p[i], q[i]})
				}
			}
			v.Equal = total == 0
			if a.json {
				if err := a.printJSON(v); err != nil {
					return err
				}
			} else if v.Equal {
				a.printf("equal: all %d products, sha256 %s\n", len(p), t[0].SHA256())
			} else {
				a.printf("%d of %d products differ\n", total, len(p))
				a.printf("%6s %6s %12s %12s\n", "W", "X", "A", "B")
				for _, d := range v.Differences {
					a.printf("%6d %6d %12d %12d\n", d.W, d.X, d.A, d.B)
				}
			}
			if !v.Equal {
				return &answeredError{errDiffer}
			}
			return nil
		},
	}
	in.register(cmd)
	cmd.Flags().IntVar(&most, "most", 10, "list at most `N` differences")
	return cmd
}

// gradFlags choose an estimator of gradients.
type gradFlags struct {
	method, hws, boundary, reading, storage string
	rank                                    int
	histograms                              histogramFlags
}

// The choices that gradients leave: who makes them of a table, and how.
var (
	estimators = []string{"ste", "lut2d", "lut1d", "lowrank"}
	boundaries = []string{"paper", "upstream"}
	readings   = []string{"mean", "range", "slope"}
	storages   = []string{"int16", "float32"}
)

func (g *gradFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.method, "method", "lut2d", "`ESTIMATOR`: ste, lut2d, lut1d or lowrank")
	f.StringVar(&g.hws, "hws", "auto", "half window size: a number `N`, or auto (a criterion on the table)")
	f.StringVar(&g.boundary, "boundary", "paper", "of lut2d, `HOW` to go on where the window does not fit: paper (Eq. 6) or upstream (the authors' files, bit for bit)")
	f.StringVar(&g.reading, "reading", "mean", "of lut1d, its `READING`: mean, range or slope")
	f.StringVar(&g.storage, "storage", "int16", "of lut2d, the `TYPE` of its entries: int16 or float32")
	f.IntVar(&g.rank, "rank", 4, "of lowrank, the number `N` of terms")
	g.histograms.register(cmd)
	complete(cmd, "method", estimators...)
	complete(cmd, "boundary", boundaries...)
	complete(cmd, "reading", readings...)
	complete(cmd, "storage", storages...)
}

// estimator returns the chosen estimator for t. Options of other methods are
// refused: who sets one that does nothing has something else in mind.
func (g *gradFlags) estimator(a *app, t *lut.Table, given func(flag string) bool) (lut.Estimator, error) {
	if !slices.Contains(estimators, g.method) {
		return lut.Estimator{}, usagef("--method %q, want one of %s", g.method, strings.Join(estimators, ", "))
	}
	e := lut.Estimator{Method: g.method, Boundary: g.boundary, Reading: g.reading, Rank: g.rank}
	lut2d, lowrank := g.method == "lut2d", g.method == "lowrank"
	window := lut2d || lowrank || g.method == "lut1d" && g.reading == "mean"
	for _, o := range []struct {
		flag  string
		used  bool
		owner string
	}{
		{"hws", window, "lut2d, lowrank, and lut1d with reading mean"},
		{"boundary", lut2d, "lut2d"},
		{"storage", lut2d, "lut2d"},
		{"reading", g.method == "lut1d", "lut1d"},
		{"rank", lowrank, "lowrank"},
		{"histograms", lowrank, "lowrank"},
		{"layer", lowrank, "lowrank"},
	} {
		if given(o.flag) && !o.used {
			return e, usagef("--%s does nothing for --method %s: it belongs to %s", o.flag, g.method, o.owner)
		}
	}
	switch g.storage {
	case "int16":
	case "float32":
		e.Storage = lut.Float32
	default:
		return e, usagef("--storage %q, want int16 or float32", g.storage)
	}
	if window {
		var err error
		if e.HWS, err = g.window(a, t); err != nil {
			return e, err
		}
	}
	var err error
	if e.HistW, e.HistX, err = g.histograms.load(t); err != nil {
		return e, inputFault(err)
	}
	if err := e.Validate(t); err != nil {
		return e, inputFault(err)
	}
	return e, nil
}

// window returns the half window for t.
func (g *gradFlags) window(a *app, t *lut.Table) (int, error) {
	if g.hws == "auto" {
		hws := lut.AutoHWS(t)
		a.log.Info(fmt.Sprintf("hws auto is %d", hws))
		return hws, nil
	}
	hws, err := strconv.Atoi(g.hws)
	if err != nil || hws < 1 {
		return 0, usagef("--hws %q, want a number ≥ 1, or auto", g.hws)
	}
	return hws, nil
}

func newLutGrad(a *app) *cobra.Command {
	var in loadFlags
	var out outputFlags
	var grad gradFlags
	var compare bool
	cmd := &cobra.Command{
		Use:   "grad MULTIPLIER (-o FILE | --compare)",
		Short: "Estimate the gradients of a multiplier",
		Long: `Estimate ∂AM/∂W and ∂AM/∂X of a multiplier and write them beside its products
(npz, or the authors' text with --boundary upstream), or, with --compare,
tabulate how far the other estimators lie from lut2d. Histograms of operands
weight the fit of lowrank, and the distances.`,
		Example: `  gputrain lut grad trunc:8u,cols=8 --method lut2d --hws 16 -o rm8.npz
  gputrain lut grad trunc:8u,cols=8 --hws 16 --compare
  gputrain lut grad trunc:8u,cols=8 --method lowrank --histograms operands.json -o rm8.npz`,
		Args: takes("MULTIPLIER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !compare {
				format, err := out.format()
				if err != nil {
					return err
				}
				if !slices.Contains(gradientFormats, format) {
					return usagef("%s: format %s holds no gradients, want %s", out.path, format, strings.Join(gradientFormats, " or "))
				}
				if format == "meng" && (grad.method != "lut2d" || grad.boundary != "upstream") {
					a.log.Info("format meng holds gradients in sixteenths: they are rounded")
				}
			}
			given := cmd.Flags().Changed
			for _, flag := range []string{"output", "to", "method", "boundary", "storage", "reading", "rank"} {
				if compare && given(flag) {
					return usagef("--compare tabulates all estimators and writes no file: leave --%s out", flag)
				}
			}
			m, err := in.load(a, args[0])
			if err != nil {
				return err
			}
			if compare {
				hws, err := grad.window(a, m.Table)
				if err != nil {
					return err
				}
				return a.compareGradients(m.Table, hws, &grad.histograms)
			}
			e, err := grad.estimator(a, m.Table, given)
			if err != nil {
				return err
			}
			g, err := e.Gradients(m.Table)
			if err != nil {
				return inputFault(err)
			}
			return out.save(a, m.Table, g)
		},
	}
	in.register(cmd)
	out.register(cmd)
	grad.register(cmd)
	cmd.Flags().BoolVar(&compare, "compare", false, "tabulate the distance of every estimator to lut2d")
	return cmd
}

func (a *app) compareGradients(t *lut.Table, hws int, histograms *histogramFlags) error {
	hw, hx, err := histograms.load(t)
	if err != nil {
		return inputFault(err)
	}
	rows, err := lut.CompareGradients(t, hws, hw, hx)
	if err != nil {
		return inputFault(err)
	}
	if a.json {
		return a.printJSON(rows)
	}
	operands := "uniform operands"
	if histograms.path != "" {
		operands = "the operands of " + histograms.path
	}
	a.printf("distance to lut2d (hws %d, float32) over %s, in product units per operand unit\n", hws, operands)
	a.printf("%-12s %-7s %12s %12s\n", "method", "operand", "rms", "max")
	for _, r := range rows {
		a.printf("%-12s %-7s %12.5g %12.5g\n", r.Method, r.Operand, r.RMS, r.Max)
	}
	return nil
}
