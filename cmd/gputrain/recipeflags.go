package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"gputrain/trainer"
)

// recipeFields are the recipe fields that have a flag of their own. All others
// are set by --set path=value.
var recipeFields = []struct{ flag, path, usage string }{
	{"preset", "preset", "start from a preset: date2025"},
	{"model", "model.name", "network: lenet5, mlp, resnet8, resnet20"},
	{"classes", "model.classes", "number of classes; those of the data if absent"},
	{"data", "data.name", "data set: cifar10, folder, idx, mnist, synthetic"},
	{"path", "data.path", "where the data lies: a folder or an archive"},
	{"init", "init", "checkpoint to start from"},
	{"multiplier", "multiplier.default", "float, exact, a specification or a file"},
	{"gradient", "gradient.method", "estimator: ste, lut2d, lut1d, lowrank, table"},
	{"hws", "gradient.hws", "half window size: a number or auto"},
	{"reading", "gradient.reading", "of lut1d: mean, range, slope"},
	{"rank", "gradient.rank", "of lowrank: number of terms"},
	{"boundary", "gradient.boundary", "of lut2d: paper, upstream"},
	{"storage", "gradient.storage", "of lut2d: int16, float32"},
	{"padding", "quantization.padding", "taps outside the image: zero-point, int-zero"},
	{"epochs", "train.epochs", "epochs to train"},
	{"batch", "train.batch", "images a step"},
	{"lr", "optimizer.lr", "learning rate"},
	{"optimizer", "optimizer.name", "adam, adamw, sgd"},
	{"seed", "train.seed", "seed of weights, shuffling and augmentation"},
}

// recipeFlags collect a recipe from a file and from the command line.
type recipeFlags struct {
	recipe string
	set    []string
	values map[string]*string
	cmd    *cobra.Command
}

func (r *recipeFlags) register(cmd *cobra.Command) {
	r.cmd = cmd
	f := cmd.Flags()
	f.StringVar(&r.recipe, "recipe", "", "YAML recipe; flags and --set override its fields")
	f.StringArrayVar(&r.set, "set", nil, "set one recipe field, as in --set optimizer.lr=0.01 (repeatable)")
	r.values = map[string]*string{}
	for _, field := range recipeFields {
		r.values[field.flag] = f.String(field.flag, "", field.usage)
	}
}

// settings returns what the flags say, --set first, so that the short forms win.
func (r *recipeFlags) settings() ([]trainer.Setting, error) {
	var out []trainer.Setting
	for _, s := range r.set {
		setting, err := trainer.ParseSet(s)
		if err != nil {
			return nil, err
		}
		out = append(out, setting)
	}
	for _, field := range recipeFields {
		if r.cmd.Flags().Changed(field.flag) {
			v := *r.values[field.flag]
			out = append(out, trainer.Setting{Origin: "--" + field.flag + " " + shown(v), Path: field.path, Value: v})
		}
	}
	return out, nil
}

// shown quotes a value that a reader could not see the ends of.
func shown(v string) string {
	if q := strconv.Quote(v); v == "" || len(q) != len(v)+2 {
		return q
	}
	return v
}
