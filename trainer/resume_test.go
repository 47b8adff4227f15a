package trainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/weights"
)

// TestResume stops runs of three epochs after five random steps, three times by
// cancelling and twice by killing them where they stand, and compares what comes
// out in the end with runs that were left alone: the same bits.
func TestResume(t *testing.T) {
	images := writeImages(t)
	t.Run("plain", func(t *testing.T) {
		whole, want, got := stopAndGo(t, recipeFor(images), testSteps, 1)
		if len(whole) != 8 {
			t.Fatalf("%d lines of metrics, want 8", len(whole))
		}
		for epoch, rate := range []float64{0, 5. / 6, (1 + math.Cos(0.4*math.Pi)) / 2, (1 + math.Cos(0.9*math.Pi)) / 2} {
			if part := fmt.Sprintf("LR:%.6g", 0.01*rate); !strings.Contains(whole[2*epoch], part[:len(part)-1]) {
				t.Errorf("epoch %d: %s, want %s", epoch, whole[2*epoch], part)
			}
		}
		for name, pair := range map[string][2]*Record{
			"calibrated": {want.Calibrated, got.Calibrated}, "last": {want.Last, got.Last}, "best": {want.Best, got.Best},
		} {
			if pair[0] == nil || pair[1] == nil || pair[0].Loss != pair[1].Loss || pair[0].Epoch != pair[1].Epoch {
				t.Errorf("%s: %+v, of the whole run %+v", name, pair[1], pair[0])
			}
		}
	})
	t.Run("all", func(t *testing.T) {
		whole, want, got := stopAndGo(t, everything(images), testTrainImages/2, 2)
		if len(whole) != 11 {
			t.Fatalf("%d lines of metrics, want 2 of calibration and 3 of each epoch", len(whole))
		}
		if want.Last.Weights != "ema" || got.Last.Loss != want.Last.Loss || got.Best.Loss != want.Best.Loss {
			t.Errorf("last and best %+v, %+v, of the whole run %+v, %+v, want those of the averages", got.Last, got.Best, want.Last, want.Best)
		}
		for i := range want.State.Tensors {
			if a, b := want.State.Tensors[i], got.State.Tensors[i]; !bytes.Equal(a.Data, b.Data) {
				t.Fatalf("%s differs", a.Name)
			}
		}
	})
}

// everything is a recipe with all that a run can be asked for besides: steps of
// several batches, of which the last of an epoch has fewer, clipped, by a rule of
// four moments that spares norms; averages; mixed images and smoothed labels;
// statistics and ranges that stand still after one epoch; layers with estimators
// and ends of their own.
func everything(images string) *Recipe {
	one, no := 1, false
	r := recipeFor(images)
	r.Data.Augment = []string{"flip", "rotate"}
	r.Data.Mixup, r.Data.CutMix = 0.8, 1
	r.Quantization.Freeze = Freeze{Observers: &one, BatchNorm: &one}
	r.Multiplier.Ends, r.Multiplier.Layers = "float", LayerRules{{"layer3.*", "exact"}}
	r.Gradient.Layers = EstimatorRules{{"layer1.*", Estimator{Method: "lut1d", Reading: "slope"}}}
	r.Optimizer = Optimizer{Name: "adan", LR: 0.01, DecayNorms: &no}
	r.Train.Batch = 2
	r.Train.Accumulate, r.Train.ClipNorm, r.Train.EMA, r.Train.LabelSmoothing = 3, 0.5, 0.9, 0.1
	r.Train.Patience = 5
	return r
}

// stopAndGo compares a run that is stopped with one that is not, and returns the
// metrics and the results of both. An epoch trains on steps batches; the stopped
// run saves every perSave steps.
func stopAndGo(t *testing.T, r *Recipe, steps, perSave int) (lines []string, want, got *Result) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole")
	want, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: whole})
	if err != nil {
		t.Fatal(err)
	}
	batches := steps + (testTestImages+r.Train.Batch-1)/r.Train.Batch // of an epoch, those of measuring included
	rng := rand.New(rand.NewPCG(7, 9))
	var stops []int
	for stops == nil || (stops[0]%batches >= steps) == (stops[2]%batches >= steps) {
		stops = rng.Perm(4 * batches)[:5] // until one is cancelled while training and one while measuring
		slices.Sort(stops)
	}
	out := filepath.Join(t.TempDir(), "stopped")
	stopped := *r
	stopped.Train.SaveSteps = perSave // or those that are killed in the first epoch begin again
	stopped.Data.Workers = 3
	for i := 0; i <= len(stops); i++ {
		killed := i%2 == 1
		stop := math.MaxInt
		if i < len(stops) {
			stop = stops[i]
		}
		got, err = runUntil(t, &stopped, Options{Out: out, Resume: i > 0}, stop, batches, steps, killed)
		if i < len(stops) && !killed && !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stop %d: error %v, want %v", i, err, ErrInterrupted)
		}
		if i < len(stops) { // as if killed between a line of the metrics and the checkpoint
			addLine(t, filepath.Join(out, "metrics.jsonl"))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"last.safetensors", "best.safetensors"} {
		if a, b := digest(t, filepath.Join(whole, name)), digest(t, filepath.Join(out, name)); a != b {
			t.Errorf("%s: tensors of the run stopped at %v have digest %s, of the whole run %s", name, stops, b, a)
		}
	}
	a, b := means(t, whole), means(t, out)
	if !slices.Equal(a, b) {
		t.Errorf("metrics of the stopped run\n%s\nof the whole run\n%s", strings.Join(b, "\n"), strings.Join(a, "\n"))
	}
	return a, want, got
}

// addLine adds a line of an epoch that never was to a metrics file.
func addLine(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"event":"epoch","phase":"train","epoch":99}` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// errKilled ends a run as a kill would: at once, without saving.
var errKilled = errors.New("killed")

// runUntil runs, and stops after the given batch, counted over all epochs.
func runUntil(t *testing.T, r *Recipe, o Options, stop, perEpoch, steps int, kill bool) (res *Result, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Events = func(e Event) {
		p, ok := e.(Progress)
		if !ok {
			return
		}
		done := p.Epoch*perEpoch + p.Batch - 1
		if p.Split == "test" {
			done += steps
		}
		if done < stop {
			return
		}
		if kill {
			panic(errKilled)
		}
		cancel()
	}
	defer func() {
		if v := recover(); v != nil && v != errKilled {
			panic(v)
		}
	}()
	return Run(ctx, cpuref.New(), planFor(t, r), o)
}

// TestInterrupted looks at what is on disk after an interruption.
func TestInterrupted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	const perEpoch = 100
	_, err := runUntil(t, recipeFor(writeImages(t)), Options{Out: out}, 1*perEpoch+2, perEpoch, testSteps, false)
	if !errors.Is(err, ErrInterrupted) || IsInput(err) {
		t.Fatalf("error %v, want %v", err, ErrInterrupted)
	}
	f, err := weights.ReadFile(filepath.Join(out, "last.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCheckpoint(f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Progress; p.Epoch != 1 || p.Batch != 3 || p.Step != 3 || p.Lines != 2 {
		t.Errorf("saved at %+v, want epoch 1, batch 3, step 3, after 2 lines", p)
	}
	for _, name := range []string{"conv1.weight", "bn1.running_mean", "bn1.num_batches_tracked", "fc.weight_quantizer.range",
		"fc.input_quantizer.range", "optimizer.exp_avg.conv1.weight", "optimizer.exp_avg_sq.fc.bias"} {
		if _, ok := f.Get(name); !ok {
			t.Errorf("no tensor %s", name)
		}
	}
	for _, name := range []string{"recipe.yaml", "manifest.json", "metrics.jsonl"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	leftovers, _ := filepath.Glob(filepath.Join(out, "*tmp*"))
	if len(leftovers) > 0 {
		t.Errorf("left behind: %v", leftovers)
	}
}

// finished makes a run of one epoch, for others to fail on.
func finished(t *testing.T, images string) (out string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "run")
	r := recipeFor(images)
	r.Train.Epochs = 1
	if _, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRefusals tries what must be refused, without a trace in the directory.
func TestRefusals(t *testing.T) {
	images := writeImages(t)
	out := finished(t, images)
	before := digest(t, filepath.Join(out, "last.safetensors"))
	last := filepath.Join(out, "last.safetensors")

	brighter := writeImages(t)
	path := filepath.Join(brighter, "t10k-images-idx3-ubyte")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1]++
	write(t, path, data)

	junk := filepath.Join(t.TempDir(), "junk.safetensors")
	write(t, junk, []byte("not weights"))
	other := filepath.Join(t.TempDir(), "other.safetensors")
	if err := weights.WriteFile(other, &weights.File{Tensors: []weights.Tensor{weights.FromFloat32("conv1.weight", []int{2}, []float32{1, 2})}}); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name   string
		change func(r *Recipe, p *Plan, o *Options)
		want   []string // parts of the message
	}{
		{"out is not empty", func(r *Recipe, p *Plan, o *Options) { o.Resume = false },
			[]string{out + ": the folder is not empty; give another --out, or --resume to go on"}},
		{"resume without out", func(r *Recipe, p *Plan, o *Options) { o.Out = "" }, []string{"--resume needs --out"}},
		{"resume of nothing", func(r *Recipe, p *Plan, o *Options) { o.Out = t.TempDir() }, []string{"resume:", "last.safetensors", "no such file"}},
		{"another recipe", func(r *Recipe, p *Plan, o *Options) {
			p.Recipe.Optimizer.LR = 0.02
			p.Recipe.Multiplier.Layers = nil
		}, []string{last, "multiplier.layers is none, the run's [{conv1 float} {fc exact}]", "optimizer.lr is 0.02, the run's 0.01"}},
		{"another phase", func(r *Recipe, p *Plan, o *Options) { p.Phase = Retrain }, []string{"the run's phase is train, not retrain"}},
		{"another table", func(r *Recipe, p *Plan, o *Options) {
			use := p.Tables["trunc:6u,cols=4"]
			use.SHA256 = "abc"
			p.Tables["trunc:6u,cols=4"] = use
		}, []string{"the table of multiplier trunc:6u,cols=4 has digest abc, the run's "}},
		{"other images", func(r *Recipe, p *Plan, o *Options) {
			r.Data.Path = brighter
			*p = *planFor(t, r)
		}, []string{"the test images have digest "}},
		{"init is not there", func(r *Recipe, p *Plan, o *Options) {
			p.Recipe.Init, o.Out, o.Resume = filepath.Join(out, "none"), "", false
		}, []string{"init:", "no such file"}},
		{"init is no file of weights", func(r *Recipe, p *Plan, o *Options) {
			p.Recipe.Init, o.Out, o.Resume = junk, "", false
		}, []string{junk}},
		{"init is of another network", func(r *Recipe, p *Plan, o *Options) {
			p.Recipe.Init, o.Out, o.Resume = other, filepath.Join(t.TempDir(), "new"), false
		}, []string{other, "conv1.weight is [2], want [16 1 3 3]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := recipeFor(images)
			r.Train.Epochs = 1
			p, o := planFor(t, r), Options{Out: out, Resume: true}
			tt.change(r, p, &o)
			_, err := Run(context.Background(), cpuref.New(), p, o)
			if err == nil || !IsInput(err) {
				t.Fatalf("error %v, want one of the input", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			if o.Out != out && o.Out != "" {
				if entries, _ := os.ReadDir(o.Out); len(entries) > 0 {
					t.Errorf("%s was half written: %v", o.Out, entries)
				}
			}
		})
	}
	if after := digest(t, last); after != before {
		t.Error("a refused run changed the checkpoint")
	}
}

// TestResumeFinished goes on with a run that has nothing left to do.
func TestResumeFinished(t *testing.T) {
	images := writeImages(t)
	out := finished(t, images)
	before := means(t, out)
	r := recipeFor(images)
	r.Train.Epochs = 1
	res, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: out, Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if after := means(t, out); !slices.Equal(before, after) {
		t.Errorf("metrics changed from %v to %v", before, after)
	}
	if res.Last == nil || res.Last.Epoch != 1 {
		t.Errorf("last = %+v, want that of epoch 1", res.Last)
	}
}
