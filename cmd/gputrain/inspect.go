package main

import "github.com/spf13/cobra"

// inspectJSON is the document of inspect.
type inspectJSON struct {
	File     string            `json:"file"`
	Format   string            `json:"format"` // safetensors, pth or legacy pth
	Notes    []string          `json:"notes"`  // what was assumed of it and left out
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
		Use:   "inspect FILE",
		Short: "List what a checkpoint or weights file holds",
		Example: `  gputrain inspect runs/rm8/best.safetensors
  gputrain inspect resnet18-f37072fd.pth`,
		Args: takes("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := readWeights(args[0])
			if err != nil {
				return err
			}
			out := inspectJSON{File: args[0], Format: string(f.Format), Notes: orEmpty(f.Notes), Tensors: []tensorJSON{}, Metadata: f.Metadata}
			for _, t := range f.Tensors {
				out.Elements += elements(t)
				out.Bytes += int64(len(t.Data))
				out.Tensors = append(out.Tensors, tensorJSON{t.Name, t.DType, t.Shape, len(t.Data)})
			}
			if a.json {
				return a.printJSON(out)
			}
			for _, note := range out.Notes {
				a.log.Info(args[0] + ": " + note)
			}
			for _, t := range out.Tensors {
				a.printf("%-44s %-5s %v\n", t.Name, t.DType, t.Shape)
			}
			a.printf("%d tensors, %d elements, %s, %s\n", len(out.Tensors), out.Elements, byteCount(out.Bytes), out.Format)
			for _, key := range sortedKeys(out.Metadata) {
				a.printf("\n[%s]\n%s\n", key, out.Metadata[key])
			}
			return nil
		},
	}
}
