package trainer

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/weights"
	"gputrain/trainer/dataset"
)

// plainRecipe is one without anything that makes images differ from batch to
// batch: float32, no normalisation by batches, no augmentation.
func plainRecipe(images string) *Recipe {
	return &Recipe{
		Model:      Model{Name: "mlp"},
		Data:       Data{Name: "idx", Path: images},
		Multiplier: Multiplier{Default: "float"},
		Optimizer:  Optimizer{Name: "sgd", LR: 0.1, Momentum: 0.9},
		Train:      Train{Epochs: 1, Batch: 6},
	}
}

// run makes a run that keeps nothing.
func run(t *testing.T, r *Recipe, o Options) *Result {
	t.Helper()
	res, err := Run(context.Background(), cpuref.New(), planFor(t, r), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestAccumulate compares steps of one batch with steps of three batches of a
// third of its images: the same sums of gradients, in another order.
func TestAccumulate(t *testing.T) {
	images := writeImages(t)
	whole, parts := plainRecipe(images), plainRecipe(images)
	whole.Data.TrainImages, parts.Data.TrainImages = 24, 24
	parts.Train.Batch, parts.Train.Accumulate = 2, 3
	want, got := run(t, whole, Options{}), run(t, parts, Options{})
	for i, x := range want.State.Tensors {
		a, _ := x.Float32()
		b, _ := got.State.Tensors[i].Float32()
		for k := range a {
			if math.Abs(float64(a[k]-b[k])) > 1e-5 {
				t.Fatalf("%s[%d] = %v after steps of three batches, want %v", x.Name, k, b[k], a[k])
			}
		}
	}
	if math.Abs(got.Last.Loss-want.Last.Loss) > 1e-5 {
		t.Errorf("loss %v, want %v", got.Last.Loss, want.Last.Loss)
	}

	// The last step of an epoch is made of what is left: the mean of that. Without
	// momentum and with one epoch of 5 batches, 2+2+1, the last step is that of a
	// run which makes it alone.
	short := plainRecipe(images)
	short.Data.TrainImages, short.Train.Batch, short.Train.Accumulate = 10, 2, 2
	p := planFor(t, short)
	if p.steps() != 3 {
		t.Errorf("%d steps, want 3", p.steps())
	}
	for batch, want := range [][2]int{{0, 2}, {1, 2}, {0, 2}, {1, 2}, {0, 1}} {
		if i, of := p.turn(1, batch); i != want[0] || of != want[1] {
			t.Errorf("batch %d is the %d. of %d, want the %d. of %d", batch, i, of, want[0], want[1])
		}
		if i, of := p.turn(0, batch); i != 0 || of != 1 {
			t.Errorf("in calibration batch %d is the %d. of %d", batch, i, of)
		}
	}
}

// TestClipNorm clips two parameters together.
func TestClipNorm(t *testing.T) {
	b := cpuref.NewPlain()
	tensor := func(v ...float32) backend.Tensor {
		x := b.NewTensor(backend.F32, backend.Shape{len(v)})
		b.Write(x, v)
		return x
	}
	for _, tt := range []struct {
		limit float64
		want  []float32 // of gradients 3, 0 and −4
	}{{1, []float32{-0.6, 0, 0.8}}, {10, []float32{-3, 0, 4}}, {0, []float32{-3, 0, 4}}} {
		params := []model.Param{{Name: "a", Value: tensor(0, 0), Grad: tensor(3, 0), Shape: backend.Shape{2}},
			{Name: "b", Value: tensor(0), Grad: tensor(-4), Shape: backend.Shape{1}}}
		s := &stepper{b: b, params: params, opt: newOptimizer(b, Optimizer{Name: "sgd"}, params), limit: tt.limit, norm: tensor(7)}
		s.step(1)
		got := make([]float32, 3)
		if err := b.Read(got[:2], params[0].Value); err != nil {
			t.Fatal(err)
		}
		if err := b.Read(got[2:], params[1].Value); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if math.Abs(float64(got[i]-tt.want[i])) > 1e-5 {
				t.Errorf("limit %v: weights %v after a step of rate 1, want %v", tt.limit, got, tt.want)
				break
			}
		}
	}
}

// TestFreeze compares what the second epoch leaves of ranges and statistics with
// what the first does.
func TestFreeze(t *testing.T) {
	images := writeImages(t)
	after := func(epochs int, f Freeze) map[string]string {
		r := recipeFor(images)
		r.Schedule = Schedule{}
		r.Train.Epochs = epochs
		r.Quantization.Freeze = f
		out := map[string]string{}
		for _, x := range run(t, r, Options{}).State.Tensors {
			out[x.Name] = string(x.Data)
		}
		return out
	}
	one, none := 1, 0
	first := after(1, Freeze{})
	for _, tt := range []struct {
		name            string
		f               Freeze
		ranges, moments bool // stand still
	}{
		{"nothing", Freeze{}, false, false},
		{"observers", Freeze{Observers: &one}, true, false},
		{"statistics", Freeze{BatchNorm: &one}, false, true},
		{"both", Freeze{Observers: &one, BatchNorm: &one}, true, true},
	} {
		second := after(2, tt.f)
		for name, same := range map[string]bool{
			"layer1.0.conv1.input_quantizer.range": tt.ranges, "fc.input_quantizer.range": tt.ranges,
			"layer1.0.bn1.running_mean": tt.moments, "layer3.0.bn2.running_var": tt.moments,
			"layer1.0.conv1.weight": false, "layer1.0.bn1.weight": false,
		} {
			if (first[name] == second[name]) != same {
				t.Errorf("%s frozen: %s unchanged by the second epoch is %v, want %v", tt.name, name, !same, same)
			}
		}
	}

	// From the first step on, with ranges of the calibration and without.
	r := recipeFor(images)
	r.Train.Epochs, r.Quantization.Freeze = 1, Freeze{Observers: &none}
	run(t, r, Options{})
	no := false
	r.Train.Calibrate = &no
	_, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{})
	if err == nil || !IsInput(err) || !strings.Contains(err.Error(), "quantization.freeze.observers: 0 epochs, but the range of ") {
		t.Errorf("error %v, want one that says that ranges have seen nothing", err)
	}
}

// A spy is a backend that notes the targets of every loss.
type spy struct {
	backend.Backend
	seen []string
}

func (s *spy) SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) {
	labels := make([]int32, t.Labels.Shape().Len())
	if err := s.Read(labels, t.Labels); err != nil {
		panic(err)
	}
	var mixed []int32
	if t.Mixed != nil {
		mixed = make([]int32, len(labels))
		if err := s.Read(mixed, t.Mixed); err != nil {
			panic(err)
		}
	}
	s.seen = append(s.seen, fmt.Sprint(labels, mixed, t.Lambda, t.Smoothing, scale))
	s.Backend.SoftmaxCrossEntropy(stats, dlogits, logits, t, scale)
}

// TestTargets compares the targets of the losses of an epoch with the batches of
// a loader.
func TestTargets(t *testing.T) {
	images := writeImages(t)
	r := plainRecipe(images)
	r.Data.Mixup, r.Train.LabelSmoothing, r.Train.Accumulate = 0.5, 0.125, 2
	p := planFor(t, r)
	s := &spy{Backend: cpuref.New()}
	if _, err := Run(context.Background(), s, p, Options{}); err != nil {
		t.Fatal(err)
	}
	var want []string
	each := func(set *dataset.Set, augment bool, o dataset.LoaderOptions, f func(b *dataset.Batch) string) {
		o.Batch, o.Seed = r.Train.Batch, p.Recipe.Train.Seed
		l, err := dataset.NewLoader(set, p.pipeline(augment), o)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for b, ok := l.Next(); ok; b, ok = l.Next() {
			want = append(want, f(b))
		}
	}
	each(p.Train, true, dataset.LoaderOptions{Shuffle: true, DropLast: true, Epoch: 1}, func(b *dataset.Batch) string {
		return fmt.Sprint(b.Labels, b.Mixed, b.Lambda, float32(0.125), 1/float32(12))
	})
	each(p.Test, false, dataset.LoaderOptions{}, func(b *dataset.Batch) string {
		return fmt.Sprint(b.Labels, b.Mixed, float32(0), float32(0), float32(0))
	})
	if !slices.Equal(s.seen, want) {
		t.Errorf("targets\n%s\nwant\n%s", strings.Join(s.seen, "\n"), strings.Join(want, "\n"))
	}
}

// TestPatience lets a run that learns nothing end, and goes on with it.
func TestPatience(t *testing.T) {
	images := writeImages(t)
	out := filepath.Join(t.TempDir(), "run")
	r := plainRecipe(images)
	r.Optimizer.LR = 1e-20
	r.Train.Epochs, r.Train.Patience = 9, 2
	var stopped []Stopped
	o := Options{Out: out, Events: func(e Event) {
		if s, ok := e.(Stopped); ok {
			stopped = append(stopped, s)
		}
	}}
	res := run(t, r, o)
	if res.Last.Epoch != 3 || res.Best.Epoch != 1 || !slices.Equal(stopped, []Stopped{{Epoch: 3, Since: 1}}) {
		t.Errorf("last epoch %d, best %d, told %+v; want 3, 1, and that it stopped after 3, since 1", res.Last.Epoch, res.Best.Epoch, stopped)
	}
	done := false
	o.Resume, o.Events = true, func(e Event) {
		if b, ok := e.(Began); ok {
			done = b.Done
		}
	}
	if res := run(t, r, o); res.Last.Epoch != 3 || !done {
		t.Errorf("resumed to epoch %d, done %v; want nothing left to do after 3", res.Last.Epoch, done)
	}

	// Without patience, and with what does not count as a rise.
	s := &session{plan: &Plan{Recipe: &Recipe{Train: Train{Epochs: 9, Patience: 2, MinDelta: 0.1}}}, at: progress{Epoch: 1}}
	for epoch, accuracy := range []float64{0.5, 0.59, 0.61, 0.7, 0.705} {
		if s.done() {
			t.Fatalf("done before epoch %d", epoch+1)
		}
		s.judge(Record{Epoch: epoch + 1, Accuracy: accuracy})
	}
	if !s.done() || s.at.Risen.Epoch != 3 || s.at.Best.Epoch != 5 {
		t.Errorf("done %v, risen in epoch %d, best %d; want true, 3, 5", s.done(), s.at.Risen.Epoch, s.at.Best.Epoch)
	}
	s.plan.Recipe.Train.Patience = 0
	if s.done() {
		t.Error("done without patience")
	}
}

// TestHeapPerStep holds the garbage of a step with all that a recipe can ask for,
// made of three batches, under 64 KiB. The least of several counts; see the test
// of this name in package model.
func TestHeapPerStep(t *testing.T) {
	r := everything(writeImages(t))
	least, before := uint64(math.MaxUint64), uint64(0)
	run(t, r, Options{Events: func(e Event) {
		p, ok := e.(Progress)
		if !ok || p.Split != "train" || p.Phase == Calibrate || p.Batch%r.Train.Accumulate != 0 {
			return
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if p.Batch > r.Train.Accumulate { // else the step began before the loader did
			least = min(least, m.TotalAlloc-before)
		}
		before = m.TotalAlloc
	}})
	t.Logf("%d bytes a step", least)
	if least >= 64<<10 {
		t.Errorf("%d bytes of garbage a step, want under %d", least, 64<<10)
	}
}

// TestWaitShare holds the share of a steady epoch of LeNet-5 that waits for
// images under a twentieth. What else the machine does can only add to it, so
// the least of several epochs counts.
func TestWaitShare(t *testing.T) {
	r := &Recipe{
		Model:      Model{Name: "lenet5"},
		Data:       Data{Name: "synthetic", TrainImages: 640, TestImages: 10, Augment: []string{"crop", "flip"}},
		Multiplier: Multiplier{Default: "float"},
		Train:      Train{Epochs: 3, Batch: 64},
	}
	least := 1.0
	run(t, r, Options{Events: func(e Event) {
		if rec, ok := e.(Record); ok && rec.Split == "train" {
			least = min(least, rec.WaitShare)
		}
	}})
	if least > 0.05 {
		t.Errorf("an epoch waits for images for %.1f %% of its time, want at most 5", 100*least)
	}
}

// tensor returns the floats of a tensor of a file.
func tensor(t *testing.T, path, name string) []float32 {
	t.Helper()
	f, err := weights.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x, ok := f.Get(name)
	if !ok {
		t.Fatalf("%s: no tensor %s", path, name)
	}
	v, err := x.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
