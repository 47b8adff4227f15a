package trainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gputrain/lut"
	"gputrain/model/weights"
)

// Names of the files of a run directory.
const (
	recipeFile   = "recipe.yaml"
	manifestFile = "manifest.json"
	metricsFile  = "metrics.jsonl"
	lastFile     = "last.safetensors"
	bestFile     = "best.safetensors"
)

// A Machine says what a run computes on. It changes no result on the CPU; on a
// GPU the kernel choices do, so that a resumed run takes them over from the
// manifest.
type Machine struct {
	Version  string            `json:"version"` // of gputrain
	Device   string            `json:"device"`
	Renderer string            `json:"renderer,omitempty"` // of OpenGL
	Kernels  map[string]string `json:"kernels,omitempty"`  // chosen variants, by operation
}

// A Manifest is the content of manifest.json: the circumstances of a run that
// its recipe does not state.
type Manifest struct {
	Machine
	Phase  Phase               `json:"phase"`
	Seed   uint64              `json:"seed"`
	Tables map[string]TableUse `json:"tables"`
	Layers []LayerUse          `json:"layers"` // those with products
	Data   map[string]string   `json:"data"`   // digests of the splits
}

// ReadManifest reads the manifest of a run directory.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	path := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return m, &InputError{Err: err}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, inputf(path, "not a manifest: %w", err)
	}
	return m, nil
}

// RecipePath returns where the recipe of a run directory stands.
func RecipePath(dir string) string { return filepath.Join(dir, recipeFile) }

// A runDir keeps the files of a run.
type runDir struct {
	path    string
	metrics []byte // all lines of metrics.jsonl
}

// CheckOut reports whether path may become the folder of a new run: it must
// not be there yet, or be empty.
func CheckOut(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &InputError{Err: err}
	case len(entries) > 0:
		return inputf(path, "the folder is not empty; give another --out, or --resume to go on")
	}
	return nil
}

// newRunDir makes a folder for a new run.
func newRunDir(path string) (*runDir, error) {
	if err := CheckOut(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, &InputError{Err: err}
	}
	return &runDir{path: path}, nil
}

// resumeRunDir opens the folder of a run, with the lines of its metrics that
// were written before the checkpoint was.
func resumeRunDir(path string, lines int) (*runDir, error) {
	d := &runDir{path: path}
	text, err := os.ReadFile(d.file(metricsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &InputError{Err: err}
	}
	end := 0
	for n := range lines {
		i := bytes.IndexByte(text[end:], '\n')
		if i < 0 {
			return nil, inputf(d.file(metricsFile), "%d lines, the checkpoint was saved after %d", n, lines)
		}
		end += i + 1
	}
	d.metrics = text[:end:end]
	return d, writeFile(d.file(metricsFile), d.metrics)
}

func (d *runDir) file(name string) string { return filepath.Join(d.path, name) }

// lines returns the number of lines of the metrics.
func (d *runDir) lines() int { return bytes.Count(d.metrics, []byte{'\n'}) }

// start writes what is known before the first step.
func (d *runDir) start(recipe []byte, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("trainer: manifest: %w", err)
	}
	if err := writeFile(d.file(recipeFile), recipe); err != nil {
		return err
	}
	return writeFile(d.file(manifestFile), append(text, '\n'))
}

// record adds lines to the metrics.
func (d *runDir) record(records ...Record) error {
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("trainer: metrics: %w", err)
		}
		d.metrics = append(append(d.metrics, line...), '\n')
	}
	return writeFile(d.file(metricsFile), d.metrics)
}

// save writes a checkpoint.
func (d *runDir) save(f *weights.File, name string) error {
	if err := weights.WriteFile(d.file(name), f); err != nil {
		return fmt.Errorf("trainer: save: %w", err)
	}
	return nil
}

// writeFile replaces a file at once or not at all.
func writeFile(path string, text []byte) error {
	err := lut.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("trainer: %w", err)
	}
	return nil
}
