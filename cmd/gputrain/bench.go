package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gputrain/cpuref"
	"gputrain/cpuref/kernel"
)

// benchJSON is the document of bench.
type benchJSON struct {
	Device  string               `json:"device"`
	CycleNS float64              `json:"cycle_ns"` // of a dependent addition: the clock as it runs now
	Results []cpuref.BenchResult `json:"results"`
}

// benchFlags choose what to measure.
type benchFlags struct {
	backend string
	shapes  []string
	bits    []int
	threads []int
	levels  []string
	rounds  int
}

func newBench(a *app) *cobra.Command {
	var b benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the throughput of the kernels on this machine",
		Long: `Measure the throughput of the kernels on this machine: look-up products forward,
both backward passes in both forms of gradient, and float32 products. The best
of several rounds counts, on uniform random operands; a figure is that of the
whole operation, packing included. cycle_ns, the time of an addition that waits
for the one before it, is the unit in which machines compare.`,
		Example: `  gputrain bench
  gputrain bench --shapes 64x576x4096 --bits 8 --threads 1,2 --json`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			o, err := b.options()
			if err != nil {
				return err
			}
			doc := benchJSON{Device: cpuref.New().Name(), CycleNS: kernel.CycleNanoseconds()}
			if !a.json {
				a.printf("%s, %s/%s, cycle %.3f ns\n", doc.Device, runtime.GOOS, runtime.GOARCH, doc.CycleNS)
				a.printf("%-11s %-10s %-16s %4s %-10s %7s %9s %9s\n", "kernel", "level", "M×K×N", "bits", "form", "threads", "G/s", "a cycle")
				o.Done = func(r cpuref.BenchResult) { a.printBench(r, doc.CycleNS) }
			}
			doc.Results = cpuref.Bench(o)
			if a.json {
				return a.printJSON(doc)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.backend, "backend", "cpu", "`WHOSE` kernels to measure: cpu")
	f.StringSliceVar(&b.shapes, "shapes", nil, "products `MxKxN` to measure (default 64x576x4096,128x1152x4096,512x4608x1024,128x512x512)")
	f.IntSliceVar(&b.bits, "bits", []int{8, 7, 6}, "widths `N` of the operands")
	f.IntSliceVar(&b.threads, "threads", []int{1}, "numbers `N` of threads")
	f.StringSliceVar(&b.levels, "levels", nil, "CPU `LEVELS`, as doctor lists them (default all)")
	f.IntVar(&b.rounds, "rounds", 9, "`N` times that a product is done; the best counts")
	return cmd
}

// options checks the flags.
func (b *benchFlags) options() (cpuref.BenchOptions, error) {
	o := cpuref.BenchOptions{Bits: b.bits, Threads: b.threads, Rounds: b.rounds}
	if b.backend != "cpu" {
		return o, usagef("--backend %q of bench, want cpu: the kernels of the GPU have no benchmark yet", b.backend)
	}
	for _, s := range b.shapes {
		shape, err := parseShape(s)
		if err != nil {
			return o, err
		}
		o.Shapes = append(o.Shapes, shape)
	}
	for _, bits := range b.bits {
		if bits < 2 || bits > 8 {
			return o, usagef("--bits %d, want 2 to 8", bits)
		}
	}
	for _, n := range b.threads {
		if n < 1 || n > 1024 {
			return o, usagef("--threads %d, want 1 to 1024", n)
		}
	}
	for _, name := range b.levels {
		l, err := kernel.ParseLevel(name)
		if err != nil {
			return o, usagef("--levels: %w", err)
		}
		o.Levels = append(o.Levels, l)
	}
	if b.rounds < 1 || b.rounds > 1000 {
		return o, usagef("--rounds %d, want 1 to 1000", b.rounds)
	}
	return o, nil
}

// benchSide bounds an edge of a benchmark's matrices, and so its memory.
const benchSide = 1 << 16

// parseShape reads "64x576x4096", M×K×N.
func parseShape(s string) (cpuref.BenchShape, error) {
	fault := func() (cpuref.BenchShape, error) {
		return cpuref.BenchShape{}, usagef("--shapes %q, want MxKxN such as 64x576x4096, each 1 to %d, K at most 30000", s, benchSide)
	}
	parts := strings.Split(strings.ReplaceAll(s, "×", "x"), "x")
	if len(parts) != 3 {
		return fault()
	}
	var v [3]int
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > benchSide {
			return fault()
		}
		v[i] = n
	}
	if v[1] > 30000 {
		return fault()
	}
	return cpuref.BenchShape{M: v[0], K: v[1], N: v[2]}, nil
}

func (a *app) printBench(r cpuref.BenchResult, cycle float64) {
	rate := r.Lookups + r.MACs // one of the two
	form, bits := r.Form, fmt.Sprint(r.Bits)
	if form == "" {
		form = "–"
	}
	if r.Bits == 0 { // a float32 product
		bits = "f32"
	}
	a.printf("%-11s %-10s %-16s %4s %-10s %7d %9.2f %9.2f\n", r.Kernel, r.Level,
		fmt.Sprintf("%d×%d×%d", r.M, r.K, r.N), bits, form, r.Threads, rate, rate*cycle)
}
