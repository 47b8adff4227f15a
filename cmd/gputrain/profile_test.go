package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gputrain/cpuref"
	"gputrain/model/backend"
)

// A scripted backend says the spans that a test gives it.
type scripted struct {
	backend.Backend
	record func(backend.Span)
}

func (*scripted) Name() string                          { return "scripted" }
func (s *scripted) Profile(record func(s backend.Span)) { s.record = record }

// TestProfileTotals checks trace, table and idle share against spans whose sums
// are known.
func TestProfileTotals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	s := &scripted{}
	b, p := (&profileFlags{path}).start(s)
	if b != backend.Backend(s) {
		t.Fatal("a backend that profiles itself has been wrapped")
	}
	at := time.Duration(0)
	say := func(op, part, layer string, took, gap time.Duration) {
		s.record(backend.Span{Op: op, Part: part, Layer: layer, Begin: at, End: at + took})
		at += took + gap
	}
	const steps = 50
	for i := range steps {
		gap := 10 * time.Microsecond // a quarter of a step, in the steps that count
		if i < 20 || i >= 40 {
			gap = time.Millisecond
		}
		say("Conv2D", "conv2d_fwd", "conv1", 10*time.Microsecond, 0)
		say("Conv2D", "conv2d_fwd", "conv2", 15*time.Microsecond, 0)
		say("SGDStep", "sgd_step", "", 2*time.Microsecond, 0)
		say("SGDStep", "sgd_step", "", 3*time.Microsecond, gap)
	}
	say("Read", "", "", time.Microsecond, 0)
	if err := p.stop(nil); err != nil {
		t.Fatal(err)
	}
	if s.record != nil {
		t.Error("the profile goes on")
	}

	// The gap behind the last step that counts lies outside of it.
	want := 1 - 20*30.0/(20*30+19*10)
	if idle, ok := p.steady.idle(); !ok || math.Abs(idle-want) > 1e-9 {
		t.Errorf("idle for %v (%v), want %v", idle, ok, want)
	}

	var out bytes.Buffer
	p.print(&app{stdout: &out})
	for _, line := range []string{
		"Conv2D                83.3 %     0.001      100      12.5  conv2\n",
		"SGDStep               16.7 %     0.000      100       2.5  \n",
		fmt.Sprintf("idle for %.1f %% of the time\n", 100*want),
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line %q in\n%s", line, &out)
		}
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		TraceEvents []traceEvent
		OtherData   struct{ Spans, Kept int }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if doc.OtherData.Spans != 4*steps+1 || doc.OtherData.Kept != 4*steps+1 {
		t.Errorf("other data %+v", doc.OtherData)
	}
	rows := map[int]int{}
	for _, e := range doc.TraceEvents {
		if e.Phase == "X" {
			rows[e.Thread]++
		}
	}
	if rows[rowOperations] != 4*steps+1 || rows[rowLayers] != 2*steps {
		t.Errorf("%d operations and %d layers in the trace, want %d and %d", rows[rowOperations], rows[rowLayers], 4*steps+1, 2*steps)
	}
	if e := doc.TraceEvents[3]; e.Name != "conv1" || e.Thread != rowLayers || e.At != 0 || e.Took != 10 {
		t.Errorf("event %+v, want the first layer", e)
	}
}

// TestProfileFailure checks that the fault of a run is the one that is
// reported, and that the trace is written all the same.
func TestProfileFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	_, p := (&profileFlags{path}).start(&scripted{})
	fault := fmt.Errorf("the device is lost")
	if err := p.stop(fault); err != fault {
		t.Errorf("error %v, want %v", err, fault)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	_, p = (&profileFlags{filepath.Join(path, "none")}).start(&scripted{})
	if err := p.stop(nil); err == nil {
		t.Error("no error of a trace that cannot be written")
	}
	var none *profile
	if err := none.stop(fault); err != fault {
		t.Errorf("error %v, want %v", err, fault)
	}
}

// TestTimed checks that a backend timed by the clock computes what it does
// without, and that each call has its span and layer.
func TestTimed(t *testing.T) {
	c := cpuref.NewThreads(1)
	defer c.Close()
	b, p := (&profileFlags{filepath.Join(t.TempDir(), "trace.json")}).start(c)
	if err := trainSteps(b, "mlp", "ste", 1); err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for i, s := range p.spans {
		calls[s.Op]++
		if s.End < s.Begin || (i > 0 && s.Begin < p.spans[i-1].End) {
			t.Errorf("span %d %+v begins before the one before it ends", i, s)
		}
		if strings.HasPrefix(s.Op, "LUT") && !strings.HasPrefix(s.Layer, "fc") {
			t.Errorf("%s has the layer %q", s.Op, s.Layer)
		}
	}
	layers := calls["LUTConv2D"]
	if layers < 2 || calls["LUTConv2DBackwardW"] != layers || calls["LUTConv2DBackwardX"] != layers-1 ||
		calls["AdamStep"] != 2*layers || calls["SoftmaxCrossEntropy"] != 1 {
		t.Errorf("calls %v", calls)
	}
}
