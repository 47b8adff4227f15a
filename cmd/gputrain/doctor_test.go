package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
)

// A wrongAdd is a backend that gets one operation wrong.
type wrongAdd struct{ backend.Backend }

func (w wrongAdd) Add(y, a, _ backend.Tensor) { w.Backend.Add(y, a, a) }

// TestSelftestFails checks that a fault is found, shown and ends in failure,
// and that an interrupt ends the test after the group of operations at hand.
func TestSelftestFails(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of arithmetic")
	}
	c := cpuref.New()
	defer c.Close()
	var out, log bytes.Buffer
	a := &app{stdout: &out, stderr: &log, log: slog.New(newPlainHandler(&log, slog.LevelInfo))}
	s, err := a.test(context.Background(), wrongAdd{c})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Failures) == 0 || s.Cases < 3000 || !strings.Contains(log.String(), "AdamStep ") {
		t.Errorf("%d failures in %d cases:\n%s", len(s.Failures), s.Cases, &log)
	}
	for _, f := range s.Failures {
		if !strings.HasPrefix(f.Case, "Add/") {
			t.Errorf("failure %+v, want those of Add alone", f)
		}
	}
	for _, asJSON := range []bool{false, true} {
		out.Reset()
		a.json = asJSON
		err := a.concludeDoctor(doctorJSON{Selftest: s})
		if err == nil || a.report(err, asJSON) != exitFailed {
			t.Errorf("json %v: error %v, want exit code %d", asJSON, err, exitFailed)
		}
		if !asJSON {
			if text := out.String(); !strings.Contains(text, "first fault: Add/") || !strings.Contains(text, ", want ") {
				t.Errorf("output %q", text)
			}
			continue
		}
		var doc doctorJSON
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
			t.Fatalf("%v in %q", err, &out)
		}
		if !slices.Equal(doc.Selftest.Failures, s.Failures) {
			t.Errorf("failures %v, want %v", doc.Selftest.Failures, s.Failures)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	log.Reset()
	if _, err := a.test(ctx, c); !errors.Is(err, context.Canceled) || strings.Contains(log.String(), "LUTMatMul") {
		t.Errorf("interrupted: %v, log %q", err, &log)
	}
}
