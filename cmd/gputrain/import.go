package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/model"
	"gputrain/model/weights"
	"gputrain/trainer"
)

func newImport(a *app) *cobra.Command {
	out := weightsFlags{suffixes: []string{".safetensors"}}
	var net networkFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take over weights of PyTorch",
		Long: `Take over weights of PyTorch: read a .pth file (a state dict of torch.save, of
any version since 0.4) or safetensors, and write them as safetensors in float32.

Of a checkpoint the state dict is taken that stands under state_dict,
model_state_dict, model or model_ema; the prefixes module. and _orig_mod. are
left out. What was taken, left out and converted is told. No code of the file
runs: one that asks for more than tensors is refused. So are NaN and infinity.

With --model the names and shapes are held against that network's.`,
		Example: `  gputrain import resnet18-f37072fd.pth -o resnet18.safetensors
  gputrain import vgg19_bn.pth -o vgg19.safetensors --model vgg19_bn --classes 1000 --input 3x224x224`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			c, err := net.config(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			f, err := readWeights(args[0])
			if err != nil {
				return err
			}
			if err := toFloat32(f); err != nil {
				return &trainer.InputError{File: args[0], Err: err}
			}
			var missing, unexpected []string
			if c != nil {
				if missing, unexpected, err = net.match(args[0], *c, f); err != nil {
					return err
				}
			}
			return out.write(a, args[0], f, missing, unexpected)
		},
	}
	out.register(cmd)
	net.register(cmd)
	return cmd
}

// toFloat32 converts floating-point tensors to float32, and refuses what is not
// finite, before or after.
func toFloat32(f *weights.File) error {
	if err := f.CheckFinite(); err != nil {
		return err
	}
	converted := map[string]int{}
	for i, t := range f.Tensors {
		switch t.DType {
		case "F64", "F16", "BF16":
			v, err := t.Float32()
			if err != nil {
				return err
			}
			f.Tensors[i] = weights.FromFloat32(t.Name, t.Shape, v)
			converted[t.DType]++
		}
	}
	for _, dtype := range sortedKeys(converted) {
		how := "exactly"
		if dtype == "F64" {
			how = "rounded to nearest"
		}
		f.Notes = append(f.Notes, fmt.Sprintf("%d of %d tensors converted from %s to F32, %s", converted[dtype], len(f.Tensors), dtype, how))
	}
	if err := f.CheckFinite(); err != nil {
		return fmt.Errorf("as F32: %w", err)
	}
	return nil
}

// networkFlags name the network whose weights a file is to hold.
type networkFlags struct {
	name, stem, input string
	classes           int
	noStrict          bool
}

// defaultInput is the image of the networks' papers.
const defaultInput = "3x32x32"

func (n *networkFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&n.name, "model", "", "the `NETWORK` that the weights are for: "+strings.Join(model.Names(), ", "))
	f.IntVar(&n.classes, "classes", 0, "of --model, the number `N` of classes (required)")
	f.StringVar(&n.stem, "stem", "", "of --model, its `STEM`, where it has several: cifar or imagenet; by the size of images if absent")
	f.StringVar(&n.input, "input", defaultInput, "of --model, channels, rows and columns of images, as `CxHxW`")
	f.BoolVar(&n.noStrict, "no-strict", false, "of --model, let tensors be missing, and leave out those that are unexpected")
	complete(cmd, "model", model.Names()...)
	complete(cmd, "stem", model.StemCIFAR, model.StemImageNet)
}

// config returns the configuration of the network, nil if none is named.
func (n *networkFlags) config(given func(flag string) bool) (*model.Config, error) {
	if n.name == "" {
		for _, flag := range []string{"model", "classes", "stem", "input", "no-strict"} {
			if given(flag) {
				return nil, usagef("--%s needs --model NETWORK, which it is about", flag)
			}
		}
		return nil, nil
	}
	if !slices.Contains(model.Names(), n.name) {
		return nil, usagef("--model %s, want one of %s", shown(n.name), strings.Join(model.Names(), ", "))
	}
	if n.classes < 1 {
		return nil, usagef("--model %s needs --classes N, at least 1", n.name)
	}
	if n.stem != "" && n.stem != model.StemCIFAR && n.stem != model.StemImageNet {
		return nil, usagef("--stem %s, want %s or %s", shown(n.stem), model.StemCIFAR, model.StemImageNet)
	}
	c := &model.Config{Name: n.name, Stem: n.stem, Classes: n.classes, Batch: 1,
		Quantization: model.DefaultQuantization(), Default: model.Float()}
	sides := strings.Split(n.input, "x")
	for i := range c.Input {
		if len(sides) == len(c.Input) {
			c.Input[i], _ = strconv.Atoi(sides[i])
		}
		if c.Input[i] < 1 || c.Input[i] > 1<<16 {
			return nil, usagef("--input %s, want channels, rows and columns, as in %s", shown(n.input), defaultInput)
		}
	}
	return c, nil
}

// match holds the tensors of f against the network. With --no-strict it leaves
// out of f those that the network lacks.
func (n *networkFlags) match(in string, c model.Config, f *weights.File) (missing, unexpected []string, err error) {
	report, err := model.Match(c, f)
	missing = slices.DeleteFunc(report.Missing, weights.IsQuantizer)
	unexpected = slices.DeleteFunc(report.Unexpected, weights.IsQuantizer)
	var faults trainer.Faults
	if err != nil {
		faults = append(faults, &trainer.InputError{File: in, Err: err})
	}
	for _, line := range []string{trainer.KeysLine("Missing", missing), trainer.KeysLine("Unexpected", unexpected)} {
		switch {
		case line == "":
		case n.noStrict:
			f.Notes = append(f.Notes, line)
		default:
			faults = append(faults, &trainer.InputError{File: in, Err: errors.New(line)})
		}
	}
	if len(faults) > 0 {
		return nil, nil, faults
	}
	if len(unexpected) == len(f.Tensors) {
		return nil, nil, &trainer.InputError{File: in, Err: fmt.Errorf("no tensor in it is one of %s", n.name)}
	}
	f.Notes = append(f.Notes, fmt.Sprintf("held against %s of %d classes for images of %s", n.name, n.classes, n.input))
	f.Tensors = slices.DeleteFunc(f.Tensors, func(t weights.Tensor) bool { return slices.Contains(unexpected, t.Name) })
	return missing, unexpected, nil
}
