//go:build !cgo || nogpu

package gpu_test

import (
	"errors"
	"strings"
	"testing"

	"gputrain/gpu"
)

// TestNone checks that a build without OpenGL says so, and what to build.
func TestNone(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if d != nil || !errors.Is(err, gpu.ErrUnavailable) || !strings.Contains(err.Error(), "build with cgo") {
		t.Errorf("Open: %v, %v", d, err)
	}
	if l, err := gpu.List(); l != nil || !errors.Is(err, gpu.ErrUnavailable) {
		t.Errorf("List: %v, %v", l, err)
	}
}
