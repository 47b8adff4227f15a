//go:build cgo && !nogpu

package gpu_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gputrain/gpu"
)

// TestProviders checks the choice of a context and what its errors say.
func TestProviders(t *testing.T) {
	for _, c := range []struct {
		o    gpu.Options
		env  string
		want string
	}{
		{o: gpu.Options{Provider: "vulkan"}, want: `Options.Provider is "vulkan", want auto, egl or glfw`},
		{env: "metal", want: `GPUTRAIN_GL is "metal", want auto, egl or glfw`},
		{o: gpu.Options{Provider: "glfw", Device: 1}, want: "only egl can choose among devices"},
		{o: gpu.Options{Provider: "egl", Device: 99}, want: "device 99"},
		{o: gpu.Options{Device: -1}, want: "device -1"},
	} {
		t.Setenv("GPUTRAIN_GL", c.env)
		d, err := gpu.Open(c.o)
		if err == nil {
			d.Close()
			t.Errorf("%+v opened", c.o)
			continue
		}
		if !errors.Is(err, gpu.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	t.Setenv("GPUTRAIN_GL", "")

	i := need(t).Info()
	if i.Renderer == "" || i.Vendor == "" || i.Version == "" || i.Provider == "" || i.Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"] < 1<<24 {
		t.Errorf("info %+v", i)
	}
	d, err := gpu.Open(gpu.Options{RequireHardware: true})
	switch {
	case err == nil && d.Info().Software:
		t.Errorf("%s was taken for hardware", d.Name())
		fallthrough
	case err == nil:
		d.Close()
	case i.Software && (!errors.Is(err, gpu.ErrUnavailable) || !strings.Contains(err.Error(), i.Renderer+" is a software renderer")):
		t.Errorf("error %v, want one that names %s", err, i.Renderer)
	}
}

// TestList opens every device that EGL offers by its index.
func TestList(t *testing.T) {
	need(t)
	all, err := gpu.List()
	if err != nil {
		if os.Getenv("GPUTRAIN_REQUIRE_GPU") == "1" {
			t.Fatal(err)
		}
		t.Skip(err) // the device of the other tests may be a window's
	}
	for i, l := range all {
		if i > 0 && !l.Software && all[i-1].Software {
			t.Errorf("device %d is hardware behind a software renderer", i)
		}
		if i == 0 {
			continue // index 0 is the default order
		}
		d, err := gpu.Open(gpu.Options{Device: i})
		if err != nil {
			continue // a driver may list what it cannot open; doctor says so
		}
		if want := fmt.Sprintf("egl device %d", i); d.Info().Provider != want || d.Info().Software != l.Software {
			t.Errorf("device %d opened as %+v", i, d.Info())
		}
		d.Close()
	}
}
