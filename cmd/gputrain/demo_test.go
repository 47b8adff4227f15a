package main

import (
	"bytes"
	"strings"
	"testing"

	"gputrain/trainer"
)

// TestDemoOutput holds what demo prints to its form. What the figures come to
// is a test of trainer.
func TestDemoOutput(t *testing.T) {
	r := &trainer.DemoResult{Float: 0.98, QAT: 0.97, Replaced: 0.17, Seconds: 41.7,
		Retrained: map[string]float64{"ste": 0.57, "lut1d": 0.97, "lut2d": 0.986}}

	var out bytes.Buffer
	a := &app{stdout: &out}
	if err := a.printJSON(r); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("float qat replaced retrained.ste retrained.lut1d retrained.lut2d seconds")
	if err := checkKeys(out.String(), want); err != nil {
		t.Errorf("%v in %s", err, &out)
	}

	out.Reset()
	a.printDemo(r)
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "%") {
			rows = append(rows, strings.Fields(line))
		}
	}
	for i, want := range []string{
		"float32 98.00 %",
		"quantized, exact products 97.00 %",
		"multipliers replaced 17.00 %",
		"retrained, gradients by ste 57.00 % 50 %", // of the 80 points that replacing cost
		"retrained, gradients by lut1d 97.00 % 100 %",
		"retrained, gradients by lut2d 98.60 % 102 %",
	} {
		if i >= len(rows) || strings.Join(rows[i], " ") != want {
			t.Errorf("line %d is not %q in\n%s", i, want, &out)
		}
	}
}
