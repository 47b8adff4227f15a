package trainer

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
)

// A tunedBackend chooses a kernel when the first product runs.
type tunedBackend struct {
	backend.Backend
	would string // choose
	made  map[string]string
}

func (b *tunedBackend) LUTConv2D(y backend.Tensor, w, x backend.Quantized, c backend.Conv2D, t backend.Tables) {
	if b.made["forward"] == "" {
		b.made["forward"] = b.would
	}
	b.Backend.LUTConv2D(y, w, x, c, t)
}

func (b *tunedBackend) Choices() map[string]string { return maps.Clone(b.made) }

func (b *tunedBackend) SetChoices(choices map[string]string) error {
	if choices["forward"] == "nonsense" {
		return errors.New("no such kernel")
	}
	b.made = maps.Clone(choices)
	return nil
}

// TestChoices checks that a manifest holds what a backend has chosen while it
// ran, and that a resumed run makes the same choices, on the same renderer.
func TestChoices(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := recipeFor(writeImages(t))
	r.Train.Epochs = 1
	p := planFor(t, r)
	cpu := cpuref.New()
	defer cpu.Close()
	run := func(would, renderer string, resume bool) (*tunedBackend, error) {
		b := &tunedBackend{cpu, would, map[string]string{}}
		_, err := Run(context.Background(), b, p, Options{Out: out, Resume: resume, Machine: Machine{Renderer: renderer}})
		return b, err
	}
	kernel := func() string {
		m, err := ReadManifest(out)
		if err != nil {
			t.Fatal(err)
		}
		return m.Kernels["forward"]
	}
	if _, err := run("fast", "one", false); err != nil || kernel() != "fast" {
		t.Fatalf("chosen %q, want fast (%v)", kernel(), err)
	}
	if b, err := run("other", "one", true); err != nil || kernel() != "fast" || b.made["forward"] != "fast" {
		t.Errorf("resumed with %q, want fast (%v)", b.made["forward"], err)
	}
	if b, err := run("other", "two", true); err != nil || b.made["forward"] == "fast" {
		t.Errorf("resumed on another renderer with %q (%v)", b.made["forward"], err)
	}
	path := filepath.Join(out, "manifest.json")
	for _, text := range []string{`{"renderer": "one", "kernels": {"forward": "nonsense"}}`, `{`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var input *InputError
		if _, err := run("other", "one", true); !errors.As(err, &input) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one of the input that names %s", err, path)
		}
	}
}
