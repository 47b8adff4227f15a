package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/model"
	"gputrain/trainer"
	"gputrain/trainer/dataset"
)

// recipeFields are the recipe fields that have a flag of their own. All others
// are set by --set path=value.
var recipeFields = []struct {
	flag, path string
	usage      string   // the name of the value in backquotes
	words      []string // that shells offer
}{
	{"preset", "preset", "start from the preset `NAME`: " + strings.Join(trainer.Presets(), ", "), trainer.Presets()},
	{"model", "model.name", "`NETWORK`: " + strings.Join(model.Names(), ", "), model.Names()},
	{"classes", "model.classes", "number `N` of classes; those of the data if absent", nil},
	{"data", "data.name", "`KIND` of data: " + strings.Join(dataset.Names(), ", "), dataset.Names()},
	{"path", "data.path", "`PATH` of the data: a folder or an archive", nil},
	{"init", "init", "`CHECKPOINT` to start from", nil},
	{"multiplier", "multiplier.default", "`MULTIPLIER`: float, exact, a specification or a file", nil},
	{"gradient", "gradient.method", "`ESTIMATOR` of gradients: ste, lut2d, lut1d, lowrank or table (default ste)", append(estimators[:4:4], "table")},
	{"hws", "gradient.hws", "half window size: a number `N`, auto (the default), or probe (an epoch under each of 1, 2, 4, …, 64)", nil},
	{"reading", "gradient.reading", "of lut1d, its `READING`: mean, range or slope (default mean)", readings},
	{"rank", "gradient.rank", "of lowrank, the number `N` of terms (default 4)", nil},
	{"boundary", "gradient.boundary", "of lut2d, `HOW` to go on where the window does not fit: paper or upstream (default paper)", boundaries},
	{"storage", "gradient.storage", "of lut2d, the `TYPE` of its entries: int16 or float32 (default int16)", storages},
	{"padding", "quantization.padding", "`VALUE` of taps outside the image: zero-point or int-zero (default zero-point)", []string{"zero-point", "int-zero"}},
	{"epochs", "train.epochs", "number `N` of epochs (default 30)", nil},
	{"batch", "train.batch", "number `N` of images a step (default 64)", nil},
	{"lr", "optimizer.lr", "learning `RATE` (default 0.001)", nil},
	{"optimizer", "optimizer.name", "`RULE` of a step: " + strings.Join(trainer.Optimizers(), ", ") + " (default adam)", trainer.Optimizers()},
	{"seed", "train.seed", "`SEED` of weights, shuffling and augmentation (default 1)", nil},
}

// recipeSwitches are the flags that set a field to true.
var recipeSwitches = []struct{ flag, path, usage string }{
	{"no-strict", "no_strict", "let the checkpoint of --init lack tensors and hold others; they are told"},
	{"skip-bad", "data.skip_bad", "leave out images of a folder that cannot be decoded; they are told"},
}

// recipeFlags collect a recipe from a file and from the command line.
type recipeFlags struct {
	recipe string
	set    []string
	values map[string]*string // of recipeFields
	on     map[string]*bool   // of recipeSwitches
	cmd    *cobra.Command
}

func (r *recipeFlags) register(cmd *cobra.Command) {
	r.cmd = cmd
	f := cmd.Flags()
	f.StringVar(&r.recipe, "recipe", "", "YAML `FILE`; flags and --set override its fields")
	f.StringArrayVar(&r.set, "set", nil, "set one recipe field by `FIELD=VALUE`, as in --set optimizer.lr=0.01 (repeatable)")
	r.values = map[string]*string{}
	for _, field := range recipeFields {
		r.values[field.flag] = f.String(field.flag, "", field.usage)
		if field.words != nil {
			complete(cmd, field.flag, field.words...)
		}
	}
	r.on = map[string]*bool{}
	for _, s := range recipeSwitches {
		r.on[s.flag] = f.Bool(s.flag, false, s.usage)
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
	for _, s := range recipeSwitches {
		if r.cmd.Flags().Changed(s.flag) {
			out = append(out, trainer.Setting{Origin: "--" + s.flag, Path: s.path, Value: strconv.FormatBool(*r.on[s.flag])})
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
