package main

import (
	"github.com/spf13/cobra"

	"gputrain/model/weights"
)

// inspectJSON is the document of inspect.
type inspectJSON struct {
	File     string            `json:"file"`
	Tensors  []tensorJSON      `json:"tensors"`
	Elements int64             `json:"elements"`
	Bytes    int64             `json:"bytes"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type tensorJSON struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	Bytes int    `json:"bytes"`
}

func newInspect(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "inspect FILE",
		Short:   "List what a checkpoint or weights file holds",
		Example: "  gputrain inspect runs/rm8/best.safetensors",
		Args:    takes("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := weights.ReadFile(args[0])
			if err != nil {
				return inputFault(err)
			}
			out := inspectJSON{File: args[0], Tensors: []tensorJSON{}, Metadata: f.Metadata}
			for _, t := range f.Tensors {
				n := int64(1)
				for _, d := range t.Shape {
					n *= int64(d)
				}
				out.Elements += n
				out.Bytes += int64(len(t.Data))
				out.Tensors = append(out.Tensors, tensorJSON{t.Name, t.DType, t.Shape, len(t.Data)})
			}
			if a.json {
				return a.printJSON(out)
			}
			for _, t := range out.Tensors {
				a.printf("%-44s %-5s %v\n", t.Name, t.DType, t.Shape)
			}
			a.printf("%d tensors, %d elements, %s\n", len(out.Tensors), out.Elements, byteCount(out.Bytes))
			for _, key := range sortedKeys(out.Metadata) {
				a.printf("\n[%s]\n%s\n", key, out.Metadata[key])
			}
			return nil
		},
	}
}
