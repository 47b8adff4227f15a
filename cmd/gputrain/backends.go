package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gputrain/cpuref"
	"gputrain/cpuref/kernel"
	"gputrain/gpu"
	"gputrain/model/backend"
	"gputrain/trainer"
)

// backendFlags choose the machine that computes.
type backendFlags struct {
	backend    string
	device     int
	requireGPU bool
	tune       gpu.Tuning // of the kernels of a GPU; no flag of most commands
}

func (b *backendFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.backend, "backend", "auto", "`WHERE` to compute: auto (the GPU if a hardware renderer opens, else the CPU), gpu or cpu")
	f.IntVar(&b.device, "device", 0, "index `N` of the GPU")
	f.BoolVar(&b.requireGPU, "require-gpu", false, "fail rather than compute on the CPU or on a software renderer")
	complete(cmd, "backend", "auto", "gpu", "cpu")
}

// check reports flags and environment that no machine can satisfy.
func (b *backendFlags) check() error {
	switch b.backend {
	case "auto", "gpu":
	case "cpu":
		if b.requireGPU {
			return usagef("--backend cpu with --require-gpu: leave one of them out")
		}
	default:
		return usagef("--backend %q, want auto, gpu or cpu", b.backend)
	}
	if b.device < 0 {
		return usagef("--device %d, want an index ≥ 0", b.device)
	}
	if _, err := cpuLevel(); err != nil {
		return err
	}
	return checkProvider()
}

// cpuLevel returns the level of the kernels of the CPU.
func cpuLevel() (kernel.Level, error) {
	level, err := kernel.Default()
	if err != nil {
		return level, &usageError{err}
	}
	return level, nil
}

// checkProvider reports a GPUTRAIN_GL that means nothing. In builds without a
// GPU nobody else would.
func checkProvider() error {
	switch v := os.Getenv("GPUTRAIN_GL"); v {
	case "", "auto", "egl", "glfw":
		return nil
	default:
		return usagef("GPUTRAIN_GL is %q, want auto, egl or glfw", v)
	}
}

// openDevice is gpu.Open, save in tests of devices that fail.
var openDevice = gpu.Open

// open returns the chosen backend and what closes it. It says which it took,
// and why not the GPU.
func (b *backendFlags) open(a *app) (backend.Backend, func(), error) {
	if err := b.check(); err != nil {
		return nil, nil, err
	}
	if b.backend == "cpu" {
		return b.openCPU(a, "")
	}
	hardware := b.requireGPU || b.backend == "auto"
	d, err := openDevice(gpu.Options{Device: b.device, RequireHardware: hardware, Tune: b.tune, Note: func(line string) { a.log.Info(line) }})
	switch {
	case err == nil:
		info := d.Info()
		a.log.Info(fmt.Sprintf("backend: gpu, %s (%s, OpenGL %s, %s)", info.Renderer, info.Vendor, info.Version, info.Provider))
		return d, d.Close, nil
	case b.backend == "gpu" || b.requireGPU:
		return nil, nil, err
	case errors.Is(err, gpu.ErrUnavailable):
		return b.openCPU(a, message(err))
	}
	return nil, nil, err
}

// machine describes an open backend for the manifest of a run.
func (b *backendFlags) machine(opened backend.Backend) trainer.Machine {
	m := trainer.Machine{Version: version, Device: opened.Name()}
	if d, ok := opened.(*gpu.Device); ok {
		m.Renderer = d.Info().Renderer
	}
	return m
}

func (b *backendFlags) openCPU(a *app, whyNotGPU string) (backend.Backend, func(), error) {
	c := cpuref.New()
	a.log.Info("backend: " + c.Name())
	if whyNotGPU != "" {
		a.log.Info("no gpu: " + whyNotGPU)
	}
	return c, c.Close, nil
}
