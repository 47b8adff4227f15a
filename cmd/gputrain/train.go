package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gputrain/cpuref"
	"gputrain/model/backend"
	"gputrain/trainer"
)

// runFlags say where a run keeps its files and whether it goes on.
type runFlags struct {
	out    string
	resume bool
	dryRun bool
}

func (r *runFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.out, "out", "", "`DIR` for recipe, manifest, metrics and checkpoints; none: nothing is kept")
	f.BoolVar(&r.resume, "resume", false, "go on from the last checkpoint in --out")
	f.BoolVar(&r.dryRun, "dry-run", false, "resolve, print the plan, its layers and the memory it needs, stop")
}

// check reports, before anything is read, what would stop the run at its
// beginning.
func (r *runFlags) check() error {
	switch {
	case r.resume && r.out == "":
		return usagef("--resume needs --out, the directory of the run")
	case r.resume:
		if _, err := os.Stat(trainer.RecipePath(r.out)); err != nil {
			return usagef("--resume: there is no run in %s (%w)", r.out, err)
		}
	case r.out != "" && !r.dryRun:
		return trainer.CheckOut(r.out)
	}
	return nil
}

func newTrain(a *app) *cobra.Command {
	return newRunCommand(a, trainer.Pretrain, &cobra.Command{
		Use:   "train",
		Short: "Train in float32, or quantization-aware with the exact product",
		Long: `Train a network in float32 (--multiplier float, the default), or quantization-
aware with the exact product (--multiplier exact). --preset vit is a recipe for
small vision transformers.`,
		Example: `  gputrain train --model lenet5 --data cifar10 --path cifar-10-binary.tar.gz --epochs 10 --out runs/float
  gputrain train --recipe float.yaml --out runs/float`,
	})
}

func newRetrain(a *app) *cobra.Command {
	return newRunCommand(a, trainer.Retrain, &cobra.Command{
		Use:   "retrain",
		Short: "Retrain a network under an approximate multiplier",
		Long: `Retrain a network under an approximate multiplier, starting from a checkpoint
(--init), a file of a run, or of PyTorch. --preset date2025 is the recipe of Meng
et al., DATE 2025; vit_retrain is one for vision transformers.`,
		Example: `  gputrain retrain --preset date2025 --model lenet5 --data cifar10 --path cifar-10-binary.tar.gz \
      --init runs/float/best.safetensors --multiplier trunc:8u,cols=8 --gradient lut2d --hws 16 --out runs/rm8
  gputrain retrain --out runs/rm8 --resume`,
	})
}

func newRunCommand(a *app, phase trainer.Phase, cmd *cobra.Command) *cobra.Command {
	var recipe recipeFlags
	var run runFlags
	var where backendFlags
	var profile profileFlags
	cmd.Args = takes()
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := where.check(); err != nil {
			return err
		}
		if err := profile.check(); err != nil {
			return err
		}
		if err := run.check(); err != nil {
			return err
		}
		settings, err := recipe.settings()
		if err != nil {
			return err
		}
		path := recipe.recipe
		if run.resume && path == "" {
			path = trainer.RecipePath(run.out)
		}
		r, err := trainer.Load(path, settings...)
		if err != nil {
			return err
		}
		return a.train(cmd.Context(), phase, r, run, where, profile)
	}
	recipe.register(cmd)
	run.register(cmd)
	where.register(cmd)
	profile.register(cmd)
	return cmd
}

// runJSON is the document of train and retrain.
type runJSON struct {
	Calibrated *trainer.Record `json:"calibrated,omitempty"`
	Last       *trainer.Record `json:"last"`
	Best       *trainer.Record `json:"best"`
	Out        string          `json:"out,omitempty"`
}

func (a *app) train(ctx context.Context, phase trainer.Phase, r *trainer.Recipe, run runFlags, where backendFlags, times profileFlags) error {
	progress := newProgress(a)
	defer progress.close()
	probes := r.Gradient.HWS == trainer.HWSProbe && !run.resume && !run.dryRun
	var plan *trainer.Plan
	prepare := func() (err error) {
		if plan, err = trainer.Prepare(ctx, r, phase, progress.event); err != nil {
			return err
		}
		progress.close()
		a.assumed(plan)
		return nil
	}
	if !probes { // faults of the recipe come before those of the machine
		if err := prepare(); err != nil {
			return err
		}
		defer plan.Close()
	}
	if run.dryRun {
		var scratch backend.Scratching
		if where.backend != "gpu" { // whose scratch comes from the pool of its buffers
			scratch = cpuref.New()
		}
		return a.printPlan(plan, scratch)
	}
	b, closeBackend, err := where.open(a)
	if err != nil {
		return err
	}
	defer closeBackend()
	if probes {
		if r, err = a.probe(ctx, b, phase, r); err != nil {
			return err
		}
		if err := prepare(); err != nil {
			return err
		}
		defer plan.Close()
	}
	b, profile := times.start(b)
	res, err := trainer.Run(ctx, b, plan, trainer.Options{
		Out: run.out, Resume: run.resume, Machine: where.machine(b), Events: progress.event,
	})
	progress.close()
	err = profile.stop(err)
	if run.out == "" && errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: without --out nothing is kept", err)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(runJSON{res.Calibrated, res.Last, res.Best, run.out})
	}
	line := func(what string, rec *trainer.Record) {
		if rec == nil {
			return
		}
		a.printf("%-15s accuracy %6.2f %%", what, 100*rec.Accuracy)
		if plan.Recipe.Model.Classes > 5 {
			a.printf("  top-5 %6.2f %%", 100*rec.Top5)
		}
		a.printf("  loss %.4f", rec.Loss)
		if rec.Weights != "" {
			a.printf("  (%s)", rec.Weights)
		}
		a.printf("\n")
	}
	line("before training", res.Calibrated)
	if res.Last != nil {
		line(fmt.Sprintf("after epoch %d", res.Last.Epoch), res.Last)
	}
	if res.Best != nil {
		line(fmt.Sprintf("best epoch %d", res.Best.Epoch), res.Best)
	}
	if run.out != "" {
		a.printf("kept in %s\n", run.out)
	}
	profile.print(a)
	return nil
}

// probe chooses the half window by short trainings and tabulates them on stderr.
func (a *app) probe(ctx context.Context, b backend.Backend, phase trainer.Phase, r *trainer.Recipe) (*trainer.Recipe, error) {
	progress := newProgress(a)
	defer progress.close()
	chosen, all, err := trainer.Probe(ctx, b, r, phase, progress.event)
	progress.close()
	if errors.Is(err, context.Canceled) {
		return nil, fmt.Errorf("%w: nothing is kept of a probe; it begins again", err)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		a.log.Info(fmt.Sprintf("probe: hws %2d  training loss %.4f  accuracy %6.2f %%", p.HWS, p.Loss, 100*p.Accuracy))
	}
	a.log.Info(fmt.Sprintf("probe: gradient.hws %d has the least training loss", chosen.Gradient.HWS))
	return chosen, nil
}

// assumed logs what a plan assumed.
func (a *app) assumed(p *trainer.Plan) {
	for _, s := range p.Assumed {
		a.log.Info("assumed: " + s)
	}
}

// planJSON is the document of --dry-run.
type planJSON struct {
	Recipe     string           `json:"recipe"` // YAML, resolved
	Params     int64            `json:"params"`
	MACs       int64            `json:"macs"` // per image, forward
	Bytes      map[string]int64 `json:"bytes"`
	TotalBytes int64            `json:"total_bytes"`
	Layers     []layerJSON      `json:"layers"`
}

// A layerJSON is a layer; multiplier, gradient and hws are empty where there are
// no products, the latter two also in float32.
type layerJSON struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Output     []int  `json:"output"`
	Params     int64  `json:"params"`
	MACs       int64  `json:"macs"`
	Multiplier string `json:"multiplier"`
	Gradient   string `json:"gradient"`
	HWS        int    `json:"hws"`
	Roles      string `json:"roles"` // of the operands, where W is no weight
}

func (a *app) printPlan(p *trainer.Plan, scratch backend.Scratching) error {
	d, err := p.Describe(scratch)
	if err != nil {
		return err
	}
	text, err := p.Recipe.YAML()
	if err != nil {
		return err
	}
	uses := map[string]trainer.LayerUse{}
	for _, u := range p.Layers {
		uses[u.Layer] = u
	}
	if a.json {
		j := planJSON{Recipe: string(text), Params: d.Params, MACs: d.MACs, Bytes: d.Bytes, TotalBytes: d.TotalBytes}
		for _, l := range d.Layers {
			u := uses[l.Name]
			j.Layers = append(j.Layers, layerJSON{l.Name, l.Kind, l.Output, l.Params, l.MACs, l.Multiplier, u.Gradient, u.HWS, l.Roles})
		}
		return a.printJSON(j)
	}
	name, output := len("layer"), len("output")
	for _, l := range d.Layers {
		name, output = max(name, len(l.Name)), max(output, len(fmt.Sprint([]int(l.Output))))
	}
	row := func(cells ...any) {
		a.printf("%-*s %-14s %-*s %10v %12v  %-20s %s\n", append([]any{name, cells[0], cells[1], output}, cells[2:]...)...)
	}
	a.printf("%s\n", text)
	row("layer", "kind", "output", "parameters", "MACs/image", "multiplier", "gradient")
	for _, l := range d.Layers {
		u := uses[l.Name]
		gradient := u.Gradient
		if u.HWS > 0 {
			gradient += fmt.Sprintf(" hws %d", u.HWS)
		}
		if l.Roles != "" {
			gradient += " (" + l.Roles + ")"
		}
		row(l.Name, l.Kind, fmt.Sprint([]int(l.Output)), l.Params, l.MACs, l.Multiplier, gradient)
	}
	row("total", "", "", d.Params, d.MACs, "", "")
	a.printf("\nmemory: %s\n", byteCount(d.TotalBytes))
	for _, kind := range sortedKeys(d.Bytes) {
		a.printf("  %-12s %s\n", kind, byteCount(d.Bytes[kind]))
	}
	return nil
}

// byteCount formats a size as in "1.4 MB" (10⁶ bytes).
func byteCount(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
