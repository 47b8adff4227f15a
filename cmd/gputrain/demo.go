package main

import (
	"github.com/spf13/cobra"

	"gputrain/trainer"
)

func newDemo(a *app) *cobra.Command {
	var where backendFlags
	var times profileFlags
	var seed uint64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole story in about a minute: train, replace the multipliers, retrain",
		Long: `Train LeNet-5 on digits drawn at run time, replace all of its multipliers by
truncated ones, and retrain it under three estimators of their gradient. No file
and no network is needed.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := times.check(); err != nil {
				return err
			}
			b, closeBackend, err := where.open(a)
			if err != nil {
				return err
			}
			defer closeBackend()
			b, profile := times.start(b)
			progress := newProgress(a)
			defer progress.close()
			res, err := trainer.Demo(cmd.Context(), b, trainer.DemoOptions{Seed: seed, Events: progress.event})
			progress.close()
			if err = profile.stop(err); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(res)
			}
			a.printDemo(res)
			profile.print(a)
			return nil
		},
	}
	where.register(cmd)
	times.register(cmd)
	cmd.Flags().Uint64Var(&seed, "seed", 1, "`SEED` of images, weights and order")
	return cmd
}

func (a *app) printDemo(r *trainer.DemoResult) {
	a.printf("LeNet-5 on synthetic digits, every product under %s\n\n", trainer.DemoMultiplier)
	a.printf("  %-36s %9s %12s\n", "", "accuracy", "regained")
	a.printf("  %-36s %7.2f %%\n", "float32", 100*r.Float)
	a.printf("  %-36s %7.2f %%\n", "quantized, exact products", 100*r.QAT)
	a.printf("  %-36s %7.2f %%\n", "multipliers replaced", 100*r.Replaced)
	for _, method := range trainer.DemoMethods() {
		regained := 0.0 // of the points that replacing cost
		if lost := r.QAT - r.Replaced; lost > 0 {
			regained = (r.Retrained[method] - r.Replaced) / lost
		}
		a.printf("  %-36s %7.2f %% %10.0f %%\n", "retrained, gradients by "+method, 100*r.Retrained[method], 100*regained)
	}
	a.printf("\n%.0f s. Deeper networks and real images: docs/results.md.\n", r.Seconds)
}
