package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/cpuref/kernel"
	"gputrain/gpu"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
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

// deviceJSON is a device that --device may name.
type deviceJSON struct {
	Index    int    `json:"index"`
	Name     string `json:"name"` // as far as the driver tells
	Software bool   `json:"software"`
}

// selftestJSON is the outcome of --selftest.
type selftestJSON struct {
	Backend  string        `json:"backend"`
	Cases    int           `json:"cases"`
	Failures []failureJSON `json:"failures"`
}

type failureJSON struct {
	Case    string `json:"case"` // operation, multiplier and shape
	Message string `json:"message"`
}

// doctorJSON is the document of doctor.
type doctorJSON struct {
	Backends []backendJSON `json:"backends"`
	Devices  []deviceJSON  `json:"devices"` // of EGL
	CPU      cpuJSON       `json:"cpu"`
	Selftest *selftestJSON `json:"selftest,omitempty"` // with --selftest
}

func newDoctor(a *app) *cobra.Command {
	where := backendFlags{}
	var selftest bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what works on this machine, and why the rest does not",
		Long: `Say what works on this machine, and why the rest does not.

--selftest holds every operation of a backend (--backend, --device) to its
definition in plain arithmetic, some 3,400 cases, and prints the first mismatch:
kernel, shape, index and both values. It takes seconds on the CPU and on a GPU,
a minute or more on a software renderer.

GPUTRAIN_CPU=avx512vbmi|avx512|avx2|go forces the kernels of the CPU,
GPUTRAIN_GL=auto|egl|glfw the way to a GPU.`,
		Example: `  gputrain doctor
  gputrain doctor --selftest --backend gpu --json`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !selftest && cmd.Flags().Changed("backend") {
				return usagef("--backend without --selftest: doctor looks at every backend")
			}
			if err := where.check(); err != nil {
				return err
			}
			level, err := cpuLevel()
			if err != nil {
				return err
			}
			d := doctorJSON{CPU: cpuJSON{Level: level.String()}, Devices: []deviceJSON{}}
			for _, l := range kernel.Levels() {
				d.CPU.Levels = append(d.CPU.Levels, l.String())
			}
			cpu := backendJSON{Name: "cpu", Available: true, Renderer: runtime.GOARCH, Limits: map[string]int64{}}
			d.Backends = []backendJSON{cpu, examineGPU(where.device)}
			listed, _ := gpu.List() // examineGPU says why there are none
			for i, l := range listed {
				d.Devices = append(d.Devices, deviceJSON{i, l.Name, l.Software})
			}
			if !a.json {
				a.printDoctor(d)
			}
			if selftest {
				if d.Selftest, err = a.selftest(cmd.Context(), &where); err != nil {
					return err
				}
			}
			return a.concludeDoctor(d)
		},
	}
	where.register(cmd)
	cmd.Flags().BoolVar(&selftest, "selftest", false, "hold every operation of the backend to its definition")
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
	for _, l := range d.Devices {
		kind := "hardware"
		if l.Software {
			kind = "software renderer"
		}
		a.printf("     --device %d: %s (%s)\n", l.Index, l.Name, kind)
	}
}

// selftest runs the conformance suite on the chosen backend.
func (a *app) selftest(ctx context.Context, where *backendFlags) (*selftestJSON, error) {
	where.tune = gpu.TuneNever // the suite has shapes that no network has
	b, closeBackend, err := where.open(a)
	if err != nil {
		return nil, err
	}
	defer closeBackend()
	return a.test(ctx, b)
}

// test holds b to its contract and says after each group of operations how it
// went.
func (a *app) test(ctx context.Context, b backend.Backend) (*selftestJSON, error) {
	s := &selftestJSON{Backend: b.Name(), Failures: []failureJSON{}}
	all := backendtest.Selftest(b, func(group string, cases int, faults []backendtest.Failure) bool {
		s.Cases += cases
		a.log.Info(fmt.Sprintf("%-20s %5d cases, %d wrong", group, cases, len(faults)))
		return ctx.Err() == nil
	})
	for _, f := range all {
		s.Failures = append(s.Failures, failureJSON{f.Case, f.Message})
	}
	return s, ctx.Err()
}

// concludeDoctor prints what printDoctor has not, and fails if the self-test
// did.
func (a *app) concludeDoctor(d doctorJSON) error {
	if a.json {
		if err := a.printJSON(d); err != nil {
			return err
		}
	}
	s := d.Selftest
	switch {
	case s == nil:
		return nil
	case len(s.Failures) == 0:
		if !a.json {
			a.printf("self-test of %s: all %d cases are right\n", s.Backend, s.Cases)
		}
		return nil
	}
	if !a.json {
		a.printf("self-test of %s: first fault: %s: %s\n", s.Backend, s.Failures[0].Case, s.Failures[0].Message)
	}
	err := fmt.Errorf("self-test of %s: %d faults in %d cases; do not trust what this backend computes", s.Backend, len(s.Failures), s.Cases)
	if a.json {
		return &answeredError{err}
	}
	return err
}
