package main

import (
	"cmp"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/cpuref"
	"gputrain/cpuref/kernel"
	"gputrain/gpu"
)

// benchJSON is the document of bench, the same for both backends.
type benchJSON struct {
	Device   string        `json:"device"`
	Software bool          `json:"software"` // a renderer that runs on the CPU
	CycleNS  float64       `json:"cycle_ns"` // of a dependent addition of the CPU: its clock as it runs now
	Results  []benchResult `json:"results"`
}

// benchResult is the time of one operation. Rates are 10⁹ a second.
type benchResult struct {
	Kernel  string  `json:"kernel"`           // as package cpuref names them, and copy
	Groups  int     `json:"groups,omitempty"` // products side by side, if not 1
	M       int     `json:"m"`
	K       int     `json:"k"`
	N       int     `json:"n"`
	Bits    int     `json:"bits,omitempty"`
	Form    string  `json:"form,omitempty"`    // of the gradient
	Level   string  `json:"level"`             // which kernels
	Variant string  `json:"variant,omitempty"` // of them, on a GPU
	Threads int     `json:"threads"`           // of the CPU; 0 on a GPU
	Lookups float64 `json:"glookups,omitempty"`
	MACs    float64 `json:"gmacs,omitempty"`
	Bytes   float64 `json:"gbytes"` // operands and results, each once
	Seconds float64 `json:"seconds"`
	CycleNS float64 `json:"cycle_ns,omitempty"` // of the CPU right after the operation

	// Shares of what the same device reaches in a pass over memory and in a
	// large float32 product; of a GPU only.
	CopyShare float64 `json:"copy_share,omitempty"`
	GEMMShare float64 `json:"gemm_share,omitempty"`
}

// ofCPU returns r with the bytes that the operation must move.
func ofCPU(r cpuref.BenchResult) benchResult {
	w, x, y := r.Groups*r.M*r.K, r.Groups*r.K*r.N, r.Groups*r.M*r.N // codes, and results of four bytes
	bytes := 0
	switch r.Kernel {
	case "forward", "plain":
		bytes = w + x + 4*y
	case "backward-w":
		bytes = w + x + 4*y + 4*w
	case "backward-x":
		bytes = w + x + 4*y + 4*x
	case "backward":
		bytes = 2*(w+x+4*y) + 4*(w+x)
	case "product":
		bytes = 4 * (w + x + y)
	}
	result := benchResult{Kernel: r.Kernel, M: r.M, K: r.K, N: r.N, Bits: r.Bits, Form: r.Form, Level: r.Level, Threads: r.Threads,
		Lookups: r.Lookups, MACs: r.MACs, Bytes: float64(bytes) / 1e9 / r.Seconds, Seconds: r.Seconds, CycleNS: r.CycleNS}
	if r.Groups > 1 {
		result.Groups = r.Groups
	}
	return result
}

// benchFlags choose what to measure.
type benchFlags struct {
	where   backendFlags
	shapes  []string
	bits    []int
	threads []int
	levels  []string
	rounds  int
	tune    bool
}

func newBench(a *app) *cobra.Command {
	var b benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the throughput of the kernels on this machine",
		Long: `Measure the throughput of the kernels on this machine: look-up products forward,
both backward passes in both forms of gradient, and float32 products, on uniform
random operands. A figure is that of the whole operation.

On the CPU the best of several rounds counts, packing included. cycle_ns, the
time of an addition that waits for the one before it, is the unit in which
machines compare; that of a result is measured right after it, as wide
instructions slow the core's clock down.

On a GPU the median counts, by the device's own clock; beside each figure stands
what share it is of the bandwidth of a copy and of a large float32 product on the
same device. Without --shapes a software renderer gets small ones. --tune measures
the variants of the kernels anew and keeps which were best, for later runs on this
device and driver; without it that happens once, on hardware.`,
		Example: `  gputrain bench
  gputrain bench --backend cpu --shapes 64x576x4096 --bits 8 --threads 1,2 --json
  gputrain bench --backend gpu --shapes 64x576x65536,12x197x64x197,depthwise`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.where.check(); err != nil {
				return err
			}
			shapes, err := b.check()
			if err != nil {
				return err
			}
			if b.tune {
				b.where.tune = gpu.TuneAgain
			}
			opened, closeBackend, err := b.where.open(a)
			if err != nil {
				return err
			}
			defer closeBackend()
			doc := benchJSON{Device: opened.Name(), CycleNS: kernel.CycleNanoseconds(), Results: []benchResult{}}
			if d, ok := opened.(*gpu.Device); ok {
				for _, flag := range []string{"threads", "levels"} {
					if cmd.Flags().Changed(flag) {
						return usagef("--%s is for the CPU: add --backend cpu, or leave it out", flag)
					}
				}
				doc.Software = d.Info().Software
				err = a.benchGPU(cmd.Context(), d, &b, shapes, &doc)
			} else if b.tune {
				return usagef("--tune is for a GPU: add --backend gpu, or leave it out")
			} else {
				err = a.benchCPU(&b, shapes, &doc)
			}
			if err == nil && a.json {
				err = a.printJSON(doc)
			}
			return err
		},
	}
	b.where.register(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&b.shapes, "shapes", nil, "products `MxKxN` to measure, or GxMxKxN, a batch of G; on a GPU also depthwise, a convolution (default those of docs/benchmarks.md)")
	f.IntSliceVar(&b.bits, "bits", []int{8, 7, 6}, "widths `N` of the operands")
	f.IntSliceVar(&b.threads, "threads", []int{1}, "numbers `N` of threads of the CPU")
	f.StringSliceVar(&b.levels, "levels", nil, "CPU `LEVELS`, as doctor lists them (default all)")
	f.IntVar(&b.rounds, "rounds", 9, "`N` times that an operation is done; of the CPU the best counts, of a GPU the median")
	f.BoolVar(&b.tune, "tune", false, "choose the fastest variants of a GPU's kernels anew, also on a software renderer")
	return cmd
}

// check checks the flags and returns the shapes; nil stands for the default.
func (b *benchFlags) check() ([]benchShape, error) {
	var shapes []benchShape
	for _, s := range b.shapes {
		shape, err := parseShape(s)
		if err != nil {
			return nil, err
		}
		shapes = append(shapes, shape)
	}
	for _, bits := range b.bits {
		if bits < 2 || bits > 8 {
			return nil, usagef("--bits %d, want 2 to 8", bits)
		}
	}
	for _, n := range b.threads {
		if n < 1 || n > 1024 {
			return nil, usagef("--threads %d, want 1 to 1024", n)
		}
	}
	for _, name := range b.levels {
		if _, err := kernel.ParseLevel(name); err != nil {
			return nil, usagef("--levels: %w", err)
		}
	}
	if b.rounds < 1 || b.rounds > 1000 {
		return nil, usagef("--rounds %d, want 1 to 1000", b.rounds)
	}
	return shapes, nil
}

// A benchShape is a product of so many pairs of matrices W[M,K] and X[K,N], or,
// if depthwise, a convolution whose channels they are.
type benchShape struct {
	groups, m, k, n int
	depthwise       bool
}

// benchSide bounds an edge of a benchmark's matrices, and so its memory.
const benchSide = 1 << 16

// parseShape reads "64x576x4096", M×K×N, or "12x197x64x197" with the number of
// products before it, or "depthwise".
func parseShape(s string) (benchShape, error) {
	if s == "depthwise" {
		return depthwise, nil
	}
	fault := usagef("--shapes %q, want MxKxN such as 64x576x4096, each 1 to %d, K at most 30000, or GxMxKxN, or depthwise", s, benchSide)
	parts := strings.Split(strings.ReplaceAll(s, "×", "x"), "x")
	if len(parts) == 3 {
		parts = append([]string{"1"}, parts...)
	}
	if len(parts) != 4 {
		return benchShape{}, fault
	}
	var v [4]int
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > benchSide {
			return benchShape{}, fault
		}
		v[i] = n
	}
	if v[2] > 30000 {
		return benchShape{}, fault
	}
	return benchShape{groups: v[0], m: v[1], k: v[2], n: v[3]}, nil
}

// benchCPU measures the kernels of the CPU.
func (a *app) benchCPU(b *benchFlags, shapes []benchShape, doc *benchJSON) error {
	o := cpuref.BenchOptions{Bits: b.bits, Threads: b.threads, Rounds: b.rounds}
	for _, s := range shapes {
		if s.depthwise {
			return usagef("--shapes: depthwise is for a GPU: add --backend gpu")
		}
		o.Shapes = append(o.Shapes, cpuref.BenchShape{M: s.m, K: s.k, N: s.n, Groups: s.groups})
	}
	for _, name := range b.levels {
		level, err := kernel.ParseLevel(name)
		if err != nil {
			return usagef("--levels: %w", err)
		}
		o.Levels = append(o.Levels, level)
	}
	if !a.json {
		a.printf("%s, %s/%s, cycle %.3f ns\n", doc.Device, runtime.GOOS, runtime.GOARCH, doc.CycleNS)
		a.printf("%-11s %-10s %-16s %4s %-10s %7s %9s %9s\n", "kernel", "level", "M×K×N", "bits", "form", "threads", "G/s", "a cycle")
	}
	o.Done = func(r cpuref.BenchResult) {
		result := ofCPU(r)
		doc.Results = append(doc.Results, result)
		if !a.json {
			a.printf("%s %7d %9.2f %9.2f\n", result.label(), r.Threads, r.Lookups+r.MACs, (r.Lookups+r.MACs)*r.CycleNS)
		}
	}
	cpuref.Bench(o)
	return nil
}

// label returns the columns that say what was measured.
func (r benchResult) label() string {
	form, level, bits := cmp.Or(r.Form, "–"), cmp.Or(r.Level, "–"), fmt.Sprint(r.Bits)
	if r.Bits == 0 { // real numbers
		bits = "f32"
	}
	shape := fmt.Sprintf("%d×%d×%d", r.M, r.K, r.N)
	if r.Groups > 1 {
		shape = fmt.Sprintf("%d×%s", r.Groups, shape)
	}
	return fmt.Sprintf("%-11s %-10s %-16s %4s %-10s", r.Kernel, level, shape, bits, form)
}
