package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gputrain/cpuref"
	"gputrain/model/weights"
)

// TestMatch finds the same differences as loading into a network that is built.
func TestMatch(t *testing.T) {
	c := Config{Name: "lenet5", Input: [3]int{1, 28, 28}, Classes: 10, Batch: 1, Quantization: DefaultQuantization(), Default: Float()}
	n, err := Build(cpuref.New(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	state := mustState(t, n)
	if r, err := Match(c, &weights.File{Tensors: state}); err != nil || len(r.Missing)+len(r.Unexpected) > 0 {
		t.Errorf("its own state: %v, %v", r, err)
	}
	other := weights.FromFloat32("head.weight", nil, []float32{1})
	f := &weights.File{Tensors: append(state[1:len(state):len(state)], other)}
	got, err := Match(c, f)
	if err != nil {
		t.Fatal(err)
	}
	want := Report{Missing: []string{state[0].Name}, Unexpected: []string{other.Name}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	c.Classes = 11
	if _, err := Match(c, &weights.File{Tensors: state}); err == nil || !strings.Contains(err.Error(), "want [11 84]") {
		t.Errorf("of 11 classes: error %v", err)
	}
}
