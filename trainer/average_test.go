package trainer

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"gputrain/cpuref"
	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// TestAverage follows values by the recurrence in float64.
func TestAverage(t *testing.T) {
	b := cpuref.NewPlain()
	value := b.NewTensor(backend.F32, backend.Shape{2})
	b.Write(value, []float32{1, -2})
	a := newAverage(b, 0.8, []model.Param{{Name: "w", Value: value}})
	defer a.free()
	if err := a.start(); err != nil {
		t.Fatal(err)
	}
	want := []float64{1, -2}
	now := []float32{1, -2}
	for step := 1; step <= 60; step++ {
		for i := range now {
			now[i] = float32(math.Sin(float64(step*(i+1)))) * 3
		}
		b.Write(value, now)
		a.update(step)
		d := 0.8
		if early := float64(1+step) / float64(10+step); early < d { // to step 34
			d = early
		}
		for i := range want {
			want[i] = d*want[i] + (1-d)*float64(now[i])
		}
	}
	before := make([]float32, 2)
	if err := a.during(func() error { return b.Read(before, value) }); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(float64(before[i])-want[i]) > 1e-5 {
			t.Errorf("average %d is %v, want %v", i, before[i], want[i])
		}
	}
	after := make([]float32, 2)
	if err := b.Read(after, value); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(after, now) {
		t.Errorf("values are %v after the exchange, want %v", after, now)
	}
}

// TestEMA looks at what a run with averages measures and keeps.
func TestEMA(t *testing.T) {
	images := writeImages(t)
	out := filepath.Join(t.TempDir(), "run")
	r := recipeFor(images)
	r.Train.Epochs, r.Train.EMA = 1, 0.99
	var tests []Record
	res := run(t, r, Options{Out: out, Events: func(e Event) {
		if rec, ok := e.(Record); ok && rec.Split == "test" && rec.Epoch == 1 {
			tests = append(tests, rec)
		}
	}})
	if len(tests) != 2 || tests[0].Weights != "" || tests[1].Weights != "ema" || tests[0].Loss == tests[1].Loss {
		t.Fatalf("measured %+v, want the weights and, with another loss, their averages", tests)
	}
	if *res.Last != tests[1] || *res.Best != tests[1] {
		t.Errorf("last %+v, best %+v, want those of the averages, %+v", res.Last, res.Best, tests[1])
	}
	last, best := filepath.Join(out, "last.safetensors"), filepath.Join(out, "best.safetensors")
	state := &weights.File{Tensors: res.State.Tensors}
	for _, name := range []string{"layer1.0.conv1.weight", "fc.bias", "layer2.0.bn1.running_var"} {
		mean := tensor(t, last, "ema."+name)
		if !slices.Equal(tensor(t, best, name), mean) {
			t.Errorf("%s of the best checkpoint is not the average", name)
		}
		if slices.Equal(tensor(t, last, name), mean) {
			t.Errorf("%s of the last checkpoint is the average", name)
		}
		x, _ := state.Get(name)
		if v, err := x.Float32(); err != nil || !slices.Equal(v, mean) {
			t.Errorf("%s of the result is not the average, %v", name, err)
		}
	}

	// The best checkpoint measures as the averages did.
	again, err := FromCheckpoint(best)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(context.Background(), again, Eval, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(context.Background(), cpuref.New(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Accuracy != tests[1].Accuracy || math.Abs(e.Loss-tests[1].Loss) > 1e-6*e.Loss || e.Top5 != 1 {
		t.Errorf("accuracy %v, loss %v, top-5 %v of 4 classes; the run had %v, %v", e.Accuracy, e.Loss, e.Top5, tests[1].Accuracy, tests[1].Loss)
	}
}
