package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"gputrain/gpu"
)

// TestBenchGPU measures every kind of shape on a device, and stops when it is
// told to.
func TestBenchGPU(t *testing.T) {
	d := openGPU(t)
	var out, log bytes.Buffer
	a := &app{stdout: &out, stderr: &log, log: slog.New(newPlainHandler(&log, slog.LevelInfo))}
	b := &benchFlags{bits: []int{4, 3}, rounds: 2}
	shapes := []benchShape{{1, 5, 7, 70, false}, {2, 3, 5, 7, false}, {2, 1, 9, 64 * 32 * 32, true}}
	doc := &benchJSON{Device: d.Name()}
	if err := a.benchGPU(context.Background(), d, b, shapes, doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{} // by the simplest kernel, which every operation has
	reference := true        // what the shares are of comes first
	for _, r := range doc.Results {
		key := r.Kernel
		if r.Form != "" {
			key += " " + r.Form
		}
		if r.Level == "gather" || r.Kernel == "copy" {
			seen[key]++
		}
		rate := r.Lookups + r.MACs
		if r.Seconds <= 0 || r.Bytes <= 0 || (rate > 0) == (r.Kernel == "copy") || (r.Lookups > 0) != (r.Kernel == "forward") {
			t.Errorf("result %+v", r)
		}
		reference = reference && r.Kernel != "forward"
		if (r.CopyShare > 0) == reference || (r.GEMMShare > 0) == reference {
			t.Errorf("shares of %+v", r)
		}
	}
	for key, want := range map[string]int{"copy": 1, "product": 2, "forward": 6,
		"backward-w full": 3, "backward-x full": 3, "backward-w factored": 3, "backward-x factored": 3} {
		if seen[key] != want {
			t.Errorf("%d results of %s, want %d", seen[key], key, want)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 2+len(doc.Results) {
		t.Errorf("%d lines of %d results:\n%s", lines, len(doc.Results), &out)
	}
	if d.Info().Software && !strings.Contains(log.String(), "software rendering") {
		t.Errorf("log %q does not say that this is software rendering", &log)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.benchGPU(ctx, d, b, shapes, doc); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestBenchTuned measures each operation by two kernels where it has two.
func TestBenchTuned(t *testing.T) {
	openGPU(t)
	d, err := gpu.Open(gpu.Options{Debug: true, Device: gpuIndex(t), Tune: gpu.TuneAlways, Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a := &app{stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	shape := benchShape{1, 9, 17, 300, false}
	doc := &benchJSON{Device: d.Name()}
	if err := a.benchGPU(context.Background(), d, &benchFlags{bits: []int{6}, rounds: 1}, []benchShape{shape}, doc); err != nil {
		t.Fatal(err)
	}
	chosen := map[string]bool{}
	for _, r := range doc.Results {
		if r.Kernel == "copy" {
			continue
		}
		if r.Level != "gather" {
			chosen[r.Kernel+" by "+r.Level] = true
		} else if r.Variant != "" {
			t.Errorf("gather has the variant %q", r.Variant)
		}
	}
	// Which is faster is the device's to say; no kernel appears where it cannot run.
	for c := range chosen {
		if !slices.Contains([]string{"forward by rowexp", "backward-w by rowexp", "backward-x by rowexp",
			"backward-w by gemm", "backward-x by gemm", "product by gemm"}, c) {
			t.Errorf("measured %s", c)
		}
	}
}

// TestShapes reads --shapes.
func TestShapes(t *testing.T) {
	for text, want := range map[string]benchShape{
		"64x576x4096":   {1, 64, 576, 4096, false},
		"12×197×64×197": {12, 197, 64, 197, false},
		"depthwise":     depthwise,
	} {
		if got, err := parseShape(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1x2", "1x2x3x4x5", "0x1x1", "1x30001x1", "1x1x65537", "1xax1"} {
		if got, err := parseShape(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}
