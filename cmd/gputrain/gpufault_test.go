package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gputrain/gpu"
)

// TestBrokenGPU runs trainings on a GPU that fails in the middle; see
// testdata/gpufault. gputrain-faulty is gputrain on such a device: once the
// file exists that FAULT names, every call of OpenGL fails that it names, as in
// "BufferData run/last.safetensors".
func TestBrokenGPU(t *testing.T) {
	openGPU(t)
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/gpufault",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "lines": lines, "sametensors": sametensors},
		Setup: func(e *testscript.Env) error {
			e.Setenv("MESA_SHADER_CACHE_DIR", cmp.Or(os.Getenv("MESA_SHADER_CACHE_DIR"), e.WorkDir))
			return nil
		},
	})
}

// faultyMain is gputrain on a GPU that fails.
func faultyMain() {
	call, file, found := strings.Cut(os.Getenv("FAULT"), " ")
	if !found {
		panic(fmt.Sprintf("FAULT=%q, want a call and a file", os.Getenv("FAULT")))
	}
	fault := gpu.ErrContextLost
	if call == "BufferData" {
		fault = gpu.ErrOutOfMemory
	}
	openDevice = func(o gpu.Options) (*gpu.Device, error) {
		o.Fault = func(c string) error {
			if s, err := os.Stat(file); c != call || err != nil || s.Size() == 0 {
				return nil
			}
			return fault
		}
		return gpu.Open(o)
	}
	main()
}
