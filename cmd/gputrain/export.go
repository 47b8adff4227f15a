package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/model/weights"
	"gputrain/trainer"
)

func newExport(a *app) *cobra.Command {
	out := weightsFlags{suffixes: []string{".pth", ".pt", ".safetensors"}}
	cmd := &cobra.Command{
		Use:   "export CKPT",
		Short: "Give weights back to PyTorch",
		Long: `Give weights back to PyTorch: write the network of a checkpoint as a state dict
(.pth, .pt: torch.load with weights_only=True reads it) or as safetensors, under
the names and in the types of PyTorch.

What a run alone has a use for is left out: moments of the optimizer, averages
beside the weights, the place of the run. What no module of PyTorch knows stands
in the metadata: the state of quantizers, the recipe and the tables' digests. In
a .pth file that is state_dict._metadata["gputrain"], which load_state_dict
passes over. gputrain eval, retrain and import take it all up again.`,
		Example: `  gputrain export runs/rm8/best.safetensors -o rm8.pth
  python3 -c 'import torch; model.load_state_dict(torch.load("rm8.pth", weights_only=True))'`,
		Args: takes("CKPT"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			f, err := readWeights(args[0])
			if err != nil {
				return err
			}
			if err := f.CheckFinite(); err != nil {
				return &trainer.InputError{File: args[0], Err: err}
			}
			network, err := weights.ForPyTorch(networkOf(f))
			if err != nil {
				return &trainer.InputError{File: args[0], Err: err}
			}
			return out.write(a, args[0], network, nil, nil)
		},
	}
	out.register(cmd)
	return cmd
}

// placeKeys are the metadata of a checkpoint that say where the run stands.
var placeKeys = []string{"gputrain", "progress"}

// networkOf returns f less what belongs to the run that saved it, and notes
// what that is.
func networkOf(f *weights.File) *weights.File {
	out := trainer.NetworkAlone(f)
	left := map[string]int{}
	kept := map[string]bool{}
	for _, t := range out.Tensors {
		kept[t.Name] = true
		if weights.IsQuantizer(t.Name) {
			left["state of quantizers, kept in the metadata"]++
		}
	}
	for _, t := range f.Tensors {
		if !kept[t.Name] {
			group, _, _ := strings.Cut(t.Name, ".")
			left[group+".*, which the run alone has a use for"]++
		}
	}
	for _, what := range sortedKeys(left) {
		out.Notes = append(out.Notes, fmt.Sprintf("%d of %d tensors left out: %s", left[what], len(f.Tensors), what))
	}
	metadata := map[string]string{}
	for key, text := range f.Metadata {
		metadata[key] = text
	}
	for _, key := range placeKeys {
		delete(metadata, key)
	}
	out.Metadata = metadata
	return out
}
