package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/model/weights"
	"gputrain/trainer"
)

// readWeights reads a file of weights that the user named.
func readWeights(path string) (*weights.File, error) {
	f, err := weights.ReadFile(path)
	var content *weights.FileError
	if errors.As(err, &content) {
		return nil, &trainer.InputError{File: content.Path, Err: content.Err}
	}
	if err != nil {
		return nil, inputFault(err)
	}
	return f, nil
}

// weightsFlags name the file of weights that import and export write.
type weightsFlags struct {
	path     string
	force    bool
	suffixes []string // of path
}

func (w *weightsFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&w.path, "output", "o", "", "the `FILE` to write: "+strings.Join(w.suffixes, ", ")+" (required)")
	f.BoolVar(&w.force, "force", false, "overwrite the file if it exists")
}

// check reports a file that must not or cannot be written.
func (w *weightsFlags) check() error {
	if w.path == "" {
		return usagef("no output: name the file to write with -o FILE")
	}
	if err := checkSuffix(w.path, w.suffixes); err != nil {
		return err
	}
	if _, err := os.Stat(w.path); err == nil && !w.force {
		return usagef("%s exists: choose another name or overwrite it with --force", w.path)
	}
	if dir := filepath.Dir(w.path); !isFolder(dir) {
		return usagef("%s: there is no folder %s", w.path, dir)
	}
	return nil
}

// checkSuffix reports a name whose ending asks for another format.
func checkSuffix(path string, suffixes []string) error {
	if slices.Contains(suffixes, strings.ToLower(filepath.Ext(path))) {
		return nil
	}
	return usagef("%s: want a name that ends in %s", path, strings.Join(suffixes, " or "))
}

// weightsJSON is the document of import and export.
type weightsJSON struct {
	File       string   `json:"file"` // read
	Format     string   `json:"format"`
	Output     string   `json:"output"` // written
	Tensors    int      `json:"tensors"`
	Elements   int64    `json:"elements"`
	Bytes      int64    `json:"bytes"`
	Notes      []string `json:"notes"`      // what was assumed, left out and converted
	Missing    []string `json:"missing"`    // tensors of the network that the file lacks
	Unexpected []string `json:"unexpected"` // tensors of the file that the network lacks
}

// write writes f, and tells what became of the file called in.
func (w *weightsFlags) write(a *app, in string, f *weights.File, missing, unexpected []string) error {
	for _, note := range f.Notes {
		a.log.Info(in + ": " + note)
	}
	if err := weights.WriteFile(w.path, f); err != nil {
		return err
	}
	j := weightsJSON{File: in, Format: string(f.Format), Output: w.path, Tensors: len(f.Tensors),
		Notes: orEmpty(f.Notes), Missing: orEmpty(missing), Unexpected: orEmpty(unexpected)}
	for _, t := range f.Tensors {
		j.Elements += elements(t)
		j.Bytes += int64(len(t.Data))
	}
	if a.json {
		return a.printJSON(j)
	}
	a.printf("%s: %d tensors, %d elements, %s\n", j.Output, j.Tensors, j.Elements, byteCount(j.Bytes))
	return nil
}

// orEmpty returns a list that JSON has as [], not as null.
func orEmpty(list []string) []string { return append([]string{}, list...) }

// elements returns the number of elements of t.
func elements(t weights.Tensor) int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}
