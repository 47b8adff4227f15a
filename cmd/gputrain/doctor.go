package main

import (
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/cpuref/kernel"
	"gputrain/gpu"
)

// backendJSON is what doctor says of one backend.
type backendJSON struct {
	Name      string           `json:"name"`
	Available bool             `json:"available"`
	Reason    string           `json:"reason"` // why it is not
	Vendor    string           `json:"vendor"` // these five: as the driver says
	Renderer  string           `json:"renderer"`
	Version   string           `json:"version"`
	Software  bool             `json:"software"`
	Limits    map[string]int64 `json:"limits"`

	provider string // of the OpenGL context
}

// cpuJSON is what doctor says of the processor.
type cpuJSON struct {
	Level  string   `json:"level"`  // of the kernels, in use
	Levels []string `json:"levels"` // that this processor has
}

// doctorJSON is the document of doctor.
type doctorJSON struct {
	Backends []backendJSON `json:"backends"`
	CPU      cpuJSON       `json:"cpu"`
}

func newDoctor(a *app) *cobra.Command {
	var device int
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this machine, and why the rest does not",
		Long: `Say what works on this machine, and why the rest does not.

GPUTRAIN_CPU=avx512vbmi|avx512|avx2|go forces the kernels of the CPU,
GPUTRAIN_GL=auto|egl|glfw the way to a GPU.`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			level, err := cpuLevel()
			if err != nil {
				return err
			}
			d := doctorJSON{CPU: cpuJSON{Level: level.String()}}
			for _, l := range kernel.Levels() {
				d.CPU.Levels = append(d.CPU.Levels, l.String())
			}
			if err := checkProvider(); err != nil {
				return err
			}
			cpu := backendJSON{Name: "cpu", Available: true, Renderer: runtime.GOARCH, Limits: map[string]int64{}}
			d.Backends = []backendJSON{cpu, examineGPU(device)}
			if a.json {
				return a.printJSON(d)
			}
			a.printDoctor(d)
			return nil
		},
	}
	cmd.Flags().IntVar(&device, "device", 0, "index `N` of the GPU")
	return cmd
}

// examineGPU opens the GPU, software renderers included, and closes it again.
func examineGPU(device int) backendJSON {
	b := backendJSON{Name: "gpu", Limits: map[string]int64{}}
	d, err := gpu.Open(gpu.Options{Device: device})
	if err != nil {
		b.Reason = message(err)
		return b
	}
	defer d.Close()
	i := d.Info()
	b.Available = true
	b.Vendor, b.Renderer, b.Version, b.provider = i.Vendor, i.Renderer, i.Version, i.Provider
	b.Software, b.Limits = i.Software, i.Limits
	return b
}

func (a *app) printDoctor(d doctorJSON) {
	a.printf("cpu  %s kernels (this processor has %s), %d threads\n", d.CPU.Level, strings.Join(d.CPU.Levels, ", "), runtime.GOMAXPROCS(0))
	for _, b := range d.Backends[1:] {
		if !b.Available {
			a.printf("%s  not available: %s\n", b.Name, b.Reason)
			continue
		}
		kind := "hardware"
		if b.Software {
			kind = "software renderer: right but slow, taken only by --backend gpu"
		}
		a.printf("%s  %s, %s, OpenGL %s, through %s (%s)\n", b.Name, b.Renderer, b.Vendor, b.Version, b.provider, kind)
		for _, k := range sortedKeys(b.Limits) {
			a.printf("       %-40s %d\n", k, b.Limits[k])
		}
	}
}
