//go:build cgo && !nogpu && !noglfw

package gpu_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"gputrain/gpu"
	"gputrain/model/backend/backendtest"
)

// TestWindow opens a context by GLFW and computes something with it, where
// there is a display.
func TestWindow(t *testing.T) {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		t.Skip("no display")
	}
	d, err := gpu.Open(gpu.Options{Provider: "glfw", Debug: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Info().Provider != "glfw" {
		t.Errorf("provider %q", d.Info().Provider)
	}
	backendtest.ReLU(backendtest.Wrap(t), d)
}

// TestNoDisplay checks what is said of GLFW without a display.
func TestNoDisplay(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	d, err := gpu.Open(gpu.Options{Provider: "glfw"})
	if err == nil {
		d.Close()
		t.Fatal("opened without a display")
	}
	if !errors.Is(err, gpu.ErrUnavailable) || !strings.Contains(err.Error(), "glfw: no display") {
		t.Errorf("error %v", err)
	}
}
