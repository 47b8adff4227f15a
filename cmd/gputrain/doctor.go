package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"gputrain/cpuref/kernel"
	"gputrain/gpu"
)

// backendJSON is what doctor says of one backend.
type backendJSON struct {
	Name      string           `json:"name"`
	Available bool             `json:"available"`
	Reason    string           `json:"reason,omitempty"`
	Vendor    string           `json:"vendor,omitempty"`
	Renderer  string           `json:"renderer,omitempty"`
	Version   string           `json:"version,omitempty"`
	Provider  string           `json:"provider,omitempty"`
	Software  bool             `json:"software"`
	Limits    map[string]int64 `json:"limits,omitempty"`
}

// cpuJSON is what doctor says of the processor.
type cpuJSON struct {
	Level   string   `json:"level"`
	Levels  []string `json:"levels"`
	Threads int      `json:"threads"`
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
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			level, err := kernel.Default()
			if err != nil {
				return inputFault(err)
			}
			d := doctorJSON{CPU: cpuJSON{Level: level.String(), Threads: runtime.GOMAXPROCS(0)}}
			for _, l := range kernel.Levels() {
				d.CPU.Levels = append(d.CPU.Levels, l.String())
			}
			d.Backends = []backendJSON{{Name: "cpu", Available: true, Renderer: runtime.GOARCH}, examineGPU(device)}
			if a.json {
				return a.printJSON(d)
			}
			a.printDoctor(d)
			return nil
		},
	}
	cmd.Flags().IntVar(&device, "device", 0, "index of the GPU to open")
	return cmd
}

// examineGPU opens the GPU, software renderers included, and closes it again.
func examineGPU(device int) backendJSON {
	b := backendJSON{Name: "gpu"}
	d, err := gpu.Open(gpu.Options{Device: device})
	if err != nil {
		b.Reason = err.Error()
		return b
	}
	defer d.Close()
	i := d.Info()
	b.Available = true
	b.Vendor, b.Renderer, b.Version, b.Provider = i.Vendor, i.Renderer, i.Version, i.Provider
	b.Software, b.Limits = i.Software, i.Limits
	return b
}

func (a *app) printDoctor(d doctorJSON) {
	a.printf("cpu  level %s of %v, %d threads\n", d.CPU.Level, d.CPU.Levels, d.CPU.Threads)
	for _, b := range d.Backends[1:] {
		if !b.Available {
			a.printf("%s  not available: %s\n", b.Name, b.Reason)
			continue
		}
		kind := "hardware"
		if b.Software {
			kind = "software renderer: right but slow, taken only by --backend gpu"
		}
		a.printf("%s  %s, %s, OpenGL %s, through %s (%s)\n", b.Name, b.Renderer, b.Vendor, b.Version, b.Provider, kind)
		for _, k := range sortedKeys(b.Limits) {
			a.printf("       %-40s %d\n", k, b.Limits[k])
		}
	}
}
