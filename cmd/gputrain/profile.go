package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gputrain/lut"
	"gputrain/model/backend"
)

// profileFlags say whether the time of every operation is recorded.
type profileFlags struct{ path string }

func (p *profileFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.path, "profile", "", "record the time of every operation in the trace `FILE` (JSON, for ui.perfetto.dev or chrome://tracing), and list the dearest")
}

// check reports a path at which no trace can be written, before the run.
func (p *profileFlags) check() error {
	switch {
	case p.path == "":
		return nil
	case isFolder(p.path):
		return usagef("--profile %s is a folder, want a file", p.path)
	case !isFolder(filepath.Dir(p.path)):
		return usagef("--profile %s: there is no folder %s", p.path, filepath.Dir(p.path))
	}
	return nil
}

// start begins a profile of b, if one is wanted; what it returns takes the
// place of b. A backend that computes before it returns, as that of the CPU, is
// timed by the clock.
func (p *profileFlags) start(b backend.Backend) (backend.Backend, *profile) {
	if p.path == "" {
		return b, nil
	}
	source, ok := b.(backend.Profiler)
	if !ok {
		timed := backend.NewTimed(b)
		b, source = timed, timed
	}
	r := &profile{path: p.path, device: b.Name(), source: source, totals: make(map[string]*opTotal)}
	source.Profile(r.add)
	return b, r
}

// A profile collects the spans of a run. nil collects none.
type profile struct {
	path   string
	device string
	source backend.Profiler

	spans   []backend.Span // the first of them
	count   int
	busy    time.Duration // of all
	totals  map[string]*opTotal
	steady  steadySteps
	stopped bool
}

// An opTotal is what one operation took in a run.
type opTotal struct {
	op     string
	parts  int
	time   time.Duration
	layers map[string]time.Duration
}

// mostSpans bounds a trace to what viewers take; totals count all.
const mostSpans = 200_000

// add is told each span, one at a time.
func (p *profile) add(s backend.Span) {
	if len(p.spans) < mostSpans {
		p.spans = append(p.spans, s)
	}
	p.count++
	took := s.End - s.Begin
	p.busy += took
	t := p.totals[s.Op]
	if t == nil {
		t = &opTotal{op: s.Op, layers: make(map[string]time.Duration)}
		p.totals[s.Op] = t
	}
	t.parts++
	t.time += took
	t.layers[s.Layer] += took
	p.steady.add(s)
}

// steadySteps measures how much of 20 steps of training, after the first 20,
// the device idles. A step ends with the last operation of an optimizer.
type steadySteps struct {
	steps      int
	optimizing bool
	begin, end time.Duration // of the steps that count
	busy       time.Duration // in them
}

// Steps that come before those that count, and those.
const (
	warmSteps     = 20
	measuredSteps = 20
)

func (m *steadySteps) add(s backend.Span) {
	optimizes := s.Op == "SGDStep" || s.Op == "AdamStep"
	if m.optimizing && !optimizes {
		m.steps++
		if m.steps == warmSteps {
			m.begin = s.Begin
		}
	}
	m.optimizing = optimizes
	if m.steps >= warmSteps && m.steps < warmSteps+measuredSteps {
		m.busy += s.End - s.Begin
		m.end = s.End
	}
}

// idle returns the share of the time in which nothing ran; false where there
// were too few steps.
func (m *steadySteps) idle() (share float64, ok bool) {
	if m.steps < warmSteps+measuredSteps {
		return 0, false
	}
	return 1 - m.busy.Seconds()/(m.end-m.begin).Seconds(), true
}

// stop ends the profile of a run that ended with err and writes the trace. It
// returns err, or else what went wrong in writing.
func (p *profile) stop(err error) error {
	if p == nil || p.stopped {
		return err
	}
	p.stopped = true
	p.source.Profile(nil)
	writing := lut.WriteFile(p.path, p.writeTrace)
	if err != nil {
		return err
	}
	return writing
}

// A traceEvent is one of the Trace Event Format, which Chrome and Perfetto
// read. Times are microseconds.
type traceEvent struct {
	Name     string            `json:"name"`
	Category string            `json:"cat,omitempty"`
	Phase    string            `json:"ph"`
	At       float64           `json:"ts"`
	Took     float64           `json:"dur,omitempty"`
	Process  int               `json:"pid"`
	Thread   int               `json:"tid"`
	Args     map[string]string `json:"args,omitempty"`
}

// Rows of the trace.
const (
	rowLayers = iota + 1
	rowOperations
)

// writeTrace writes the spans as JSON: a row of operations, each with its part
// and layer, and one of the layers that follow each other.
func (p *profile) writeTrace(w io.Writer) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if _, err := out.WriteString(`{"displayTimeUnit":"ms","otherData":`); err != nil {
		return err
	}
	if err := enc.Encode(map[string]any{"device": p.device, "version": version, "spans": p.count, "kept": len(p.spans)}); err != nil {
		return err
	}
	first := true
	put := func(e traceEvent) error {
		separator := ","
		if first {
			separator, first = `,"traceEvents":[`, false
		}
		if _, err := out.WriteString(separator); err != nil {
			return err
		}
		e.Process = 1
		return enc.Encode(e)
	}
	for i, name := range []string{"layers", "operations"} {
		if err := put(traceEvent{Name: "thread_name", Phase: "M", Thread: rowLayers + i, Args: map[string]string{"name": name}}); err != nil {
			return err
		}
	}
	µs := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	for i := 0; i < len(p.spans); {
		layer, j := p.spans[i], i
		for ; j < len(p.spans) && p.spans[j].Layer == layer.Layer; j++ {
			s := p.spans[j]
			e := traceEvent{Name: s.Op, Category: s.Part, Phase: "X", At: µs(s.Begin), Took: µs(s.End - s.Begin), Thread: rowOperations, Args: map[string]string{}}
			if s.Part != "" {
				e.Args["part"] = s.Part
			}
			if s.Layer != "" {
				e.Args["layer"] = s.Layer
			}
			if err := put(e); err != nil {
				return err
			}
		}
		if layer.Layer != "" {
			e := traceEvent{Name: layer.Layer, Phase: "X", At: µs(layer.Begin), Took: µs(p.spans[j-1].End - layer.Begin), Thread: rowLayers}
			if err := put(e); err != nil {
				return err
			}
		}
		i = j
	}
	if _, err := out.WriteString("]}\n"); err != nil {
		return err
	}
	return out.Flush()
}

// dearest returns the n operations that took most, the dearest first.
func (p *profile) dearest(n int) []*opTotal {
	all := slices.Collect(maps.Values(p.totals))
	slices.SortFunc(all, func(a, b *opTotal) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.op, b.op))
	})
	return all[:min(n, len(all))]
}

// print prints the table of the ten dearest operations.
func (p *profile) print(a *app) {
	if p == nil {
		return
	}
	a.printf("\nprofile of %s: %.2f s in %d parts of operations, the first %d in %s\n", p.device, p.busy.Seconds(), p.count, len(p.spans), p.path)
	a.printf("%-20s %7s %9s %8s %9s  %s\n", "operation", "share", "seconds", "parts", "mean µs", "most of it in")
	for _, t := range p.dearest(10) {
		layer := "" // what no layer asked for counts as one
		for _, name := range sortedKeys(t.layers) {
			if t.layers[name] > t.layers[layer] {
				layer = name
			}
		}
		a.printf("%-20s %5.1f %% %9.3f %8d %9.1f  %s\n", t.op, 100*t.time.Seconds()/p.busy.Seconds(), t.time.Seconds(), t.parts,
			t.time.Seconds()*1e6/float64(t.parts), layer)
	}
	if idle, ok := p.steady.idle(); ok {
		a.printf("steps %d to %d of training: idle for %.1f %% of the time\n", warmSteps+1, warmSteps+measuredSteps, 100*idle)
	}
}
