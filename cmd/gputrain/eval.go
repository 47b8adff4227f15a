package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"gputrain/model/weights"
	"gputrain/trainer"
)

// evalJSON is the document of eval.
type evalJSON struct {
	Accuracy   float64        `json:"accuracy"`
	Top5       float64        `json:"top5"`
	Loss       float64        `json:"loss"`
	Images     int            `json:"images"`
	Multiplier multiplierJSON `json:"multiplier"`
}

type multiplierJSON struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // empty for float
}

func newEval(a *app) *cobra.Command {
	var recipe recipeFlags
	var where backendFlags
	var times profileFlags
	var histograms, logits string
	cmd := &cobra.Command{
		Use:   "eval CKPT",
		Short: "Measure a checkpoint: accuracy, loss, confusion",
		Long: `Measure a checkpoint on the test split of a data set, with the multiplier that
it was trained under or with another (--multiplier; float for none). A
checkpoint of a run brings its recipe; for plain weights name --model, --data
and --path.

With --histograms it also counts the operands of every layer that computes with
a table, and measures the error of the layer's sums: for lut info, for lut grad
and for gradient.histograms of a recipe. That takes about three times as long.

With --logits it writes the logits and labels of all images, in the order of the
test split, as the tensors "logits" and "labels": for comparing with another
program (torch.load, or safetensors).`,
		Example: `  gputrain eval runs/rm8/best.safetensors
  gputrain eval runs/float/best.safetensors --multiplier trunc:8u,cols=8
  gputrain eval runs/rm8/best.safetensors --histograms operands.json`,
		Args: takes("CKPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if recipe.recipe != "" {
				return usagef("eval takes the recipe of the checkpoint: change it with --set, not with --recipe")
			}
			if err := where.check(); err != nil {
				return err
			}
			if err := times.check(); err != nil {
				return err
			}
			for _, f := range []string{histograms, logits} {
				if err := checkNewFile(f); err != nil {
					return err
				}
			}
			if logits != "" {
				if err := checkSuffix(logits, []string{".safetensors", ".pth", ".pt"}); err != nil {
					return err
				}
			}
			settings, err := recipe.settings()
			if err != nil {
				return err
			}
			r, err := trainer.FromCheckpoint(args[0], settings...)
			if err != nil {
				return err
			}
			progress := newProgress(a)
			defer progress.close()
			plan, err := trainer.Prepare(cmd.Context(), r, trainer.Eval, progress.event)
			if err != nil {
				return err
			}
			defer plan.Close()
			progress.close()
			a.assumed(plan)
			b, closeBackend, err := where.open(a)
			if err != nil {
				return err
			}
			defer closeBackend()
			b, profile := times.start(b)
			e, h, err := trainer.EvaluateRecording(cmd.Context(), b, plan, progress.event,
				trainer.Recording{Histograms: histograms != "", Logits: logits != ""})
			if err == nil && histograms != "" {
				err = h.Save(histograms)
			}
			if err == nil && logits != "" {
				err = saveLogits(logits, e, plan.Recipe.Model.Classes)
			}
			progress.close()
			if err = profile.stop(err); err != nil {
				return err
			}
			if histograms != "" {
				a.log.Info(histograms + ": histograms of operands")
			}
			if logits != "" {
				a.log.Info(fmt.Sprintf("%s: logits of %d images", logits, e.Images))
			}
			if a.json {
				return a.printJSON(evalJSON{e.Accuracy, e.Top5, e.Loss, e.Images, multiplierJSON(e.Multiplier)})
			}
			a.printEvaluation(e, plan.Test.Classes)
			profile.print(a)
			return nil
		},
	}
	recipe.register(cmd)
	where.register(cmd)
	times.register(cmd)
	cmd.Flags().StringVar(&histograms, "histograms", "", "count the operands of every layer into `FILE`")
	cmd.Flags().StringVar(&logits, "logits", "", "write the logits of all images to `FILE` (.safetensors or .pth)")
	return cmd
}

// saveLogits writes the tensors logits, F32 [images, classes], and labels, I64
// [images].
func saveLogits(path string, e *trainer.Evaluation, classes int) error {
	labels := weights.FromInt64("labels", []int{len(e.Labels)}, e.Labels)
	return weights.WriteFile(path, &weights.File{Tensors: []weights.Tensor{
		weights.FromFloat32("logits", []int{len(e.Labels), classes}, e.Logits), labels}})
}

func (a *app) printEvaluation(e *trainer.Evaluation, classes []string) {
	a.printf("multiplier  %s", e.Multiplier.Name)
	if e.Multiplier.SHA256 != "" {
		a.printf(" (sha256 %.16s…)", e.Multiplier.SHA256)
	}
	if e.Calibrated {
		a.printf(", ranges calibrated on the training set")
	}
	a.printf("\nimages      %d\naccuracy    %.2f %%\n", e.Images, 100*e.Accuracy)
	if len(e.Confusion) > 5 {
		a.printf("top-5       %.2f %%\n", 100*e.Top5)
	}
	a.printf("loss        %.4f\n\n", e.Loss)
	name := func(i int) string {
		if i < len(classes) {
			return classes[i]
		}
		return fmt.Sprint(i)
	}
	if len(e.Confusion) > wideConfusion {
		a.printMistakes(e.Confusion, name)
		return
	}
	a.printf("confusion (row: label, column: answer)\n%12s", "")
	for i := range e.Confusion {
		a.printf(" %6.6s", name(i))
	}
	a.printf("\n")
	for i, row := range e.Confusion {
		a.printf("%12.12s", name(i))
		for _, n := range row {
			a.printf(" %6d", n)
		}
		a.printf("\n")
	}
}

// wideConfusion is how many classes are too many for a table of all pairs.
const wideConfusion = 20

// printMistakes lists the pairs of classes that are taken for each other most.
func (a *app) printMistakes(confusion [][]int, name func(int) string) {
	type mistake struct{ label, answer, n int }
	var all []mistake
	for label, row := range confusion {
		for answer, n := range row {
			if n > 0 && label != answer {
				all = append(all, mistake{label, answer, n})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y mistake) int { return y.n - x.n })
	a.printf("most frequent mistakes (images, label, answer)\n")
	for _, m := range all[:min(10, len(all))] {
		a.printf("%6d  %-24s %s\n", m.n, name(m.label), name(m.answer))
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
