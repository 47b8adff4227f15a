package main

import (
	"errors"
	"fmt"

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
}

func (b *backendFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.backend, "backend", "auto", "where to compute: auto (the GPU if a hardware renderer opens, else the CPU), gpu or cpu")
	f.IntVar(&b.device, "device", 0, "index of the GPU, as doctor lists them")
	f.BoolVar(&b.requireGPU, "require-gpu", false, "fail rather than compute on the CPU or on a software renderer")
}

// open returns the chosen backend and what closes it. It says which it took,
// and why not the GPU.
func (b *backendFlags) open(a *app) (backend.Backend, func(), error) {
	switch b.backend {
	case "cpu":
		if b.requireGPU {
			return nil, nil, usagef("--backend cpu with --require-gpu")
		}
		return b.openCPU(a, "")
	case "auto", "gpu":
	default:
		return nil, nil, usagef("--backend %q, want auto, gpu or cpu", b.backend)
	}
	hardware := b.requireGPU || b.backend == "auto"
	d, err := gpu.Open(gpu.Options{Device: b.device, RequireHardware: hardware})
	switch {
	case err == nil:
		info := d.Info()
		a.log.Info(fmt.Sprintf("backend: gpu, %s (%s, OpenGL %s, %s)", info.Renderer, info.Vendor, info.Version, info.Provider))
		return d, d.Close, nil
	case b.backend == "gpu" || b.requireGPU:
		return nil, nil, err
	case errors.Is(err, gpu.ErrUnavailable):
		return b.openCPU(a, err.Error())
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
	if _, err := kernel.Default(); err != nil {
		return nil, nil, inputFault(err)
	}
	c := cpuref.New()
	a.log.Info("backend: " + c.Name())
	if whyNotGPU != "" {
		a.log.Info("no gpu: " + whyNotGPU)
	}
	return c, c.Close, nil
}
