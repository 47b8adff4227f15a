//go:build linux || darwin

package trainer

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"gputrain/cpuref"
)

// TestFailedWrite lets the system break off the second checkpoint of a run
// half-way: the first survives, and can be resumed.
func TestFailedWrite(t *testing.T) {
	images := writeImages(t)
	out := filepath.Join(t.TempDir(), "run")
	last := filepath.Join(out, "last.safetensors")
	var before string
	lift := func() {}
	defer func() { lift() }()
	_, err := Run(context.Background(), cpuref.New(), planFor(t, recipeFor(images)), Options{Out: out, Events: func(e Event) {
		if _, ok := e.(Saved); ok && before == "" {
			before = digest(t, last)
			info, err := os.Stat(last)
			if err != nil {
				t.Fatal(err)
			}
			lift = limitFiles(t, uint64(info.Size()/2))
		}
	}})
	lift()
	if !errors.Is(err, syscall.EFBIG) || IsInput(err) {
		t.Fatalf("error %v, want %v", err, syscall.EFBIG)
	}
	if after := digest(t, last); after != before {
		t.Error("the checkpoint has changed")
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Name() {
		case "recipe.yaml", "manifest.json", "metrics.jsonl", "last.safetensors":
		default:
			t.Errorf("left behind: %s", e.Name())
		}
	}
	r := recipeFor(images)
	if _, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: out, Resume: true}); err != nil {
		t.Error(err)
	}
}

// limitFiles makes every write beyond n bytes of a file fail, until lift.
func limitFiles(t *testing.T, n uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // or the system ends the process
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}
