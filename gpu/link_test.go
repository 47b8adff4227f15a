//go:build linux && cgo && egl && !nogpu

package gpu_test

import (
	"debug/elf"
	"os"
	"strings"
	"testing"
)

// TestLinks checks that a program of the gpu-egl flavour needs no library of
// graphics to start.
func TestLinks(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) == 0 {
		t.Fatalf("libraries %q (%v)", libraries, err)
	}
	for _, l := range libraries {
		if strings.Contains(l, "EGL") || strings.Contains(l, "GL.") || strings.Contains(l, "X11") {
			t.Errorf("linked with %s", l)
		}
	}
}
