package trainer

import (
	"context"
	"fmt"
	"time"

	"gputrain/model/backend"
	"gputrain/model/weights"
)

// DemoMultiplier takes the place of every product of every layer of the
// demonstration. In the convolutions alone it would cost a point; in the fully
// connected layers, whose sums are long, it costs tens.
const DemoMultiplier = "trunc:8u,cols=9"

// The demonstration trains LeNet-5 on digits drawn at run time.
const (
	demoTrain = 4000 // images
	demoTest  = 1000
	demoBatch = 32
	demoRate  = 2e-3 // of Adam, at the beginning

	// Epochs of the parts. The multiplier takes three to learn around.
	floatEpochs, qatEpochs, retrainEpochs = 4, 1, 3
)

// DemoMethods returns the estimators that the demonstration compares, in the
// order in which it does.
func DemoMethods() []string { return []string{"ste", "lut1d", "lut2d"} }

// A DemoResult holds what the demonstration came to: accuracies on the test
// split, as fractions.
type DemoResult struct {
	Float     float64            `json:"float"`     // in float32
	QAT       float64            `json:"qat"`       // quantized to 8 bits, exact products, trained on
	Replaced  float64            `json:"replaced"`  // those products replaced by approximate ones, calibrated
	Retrained map[string]float64 `json:"retrained"` // and trained on, by estimator of the gradient
	Seconds   float64            `json:"seconds"`
}

// Stage is told at the beginning of each part of the demonstration.
type Stage struct{ Name string }

func (Stage) event() {}

// DemoOptions say how to run the demonstration.
type DemoOptions struct {
	Seed   uint64      // of images, weights and order; default 1
	Events func(Event) // as in [Options]
}

// Demo shows what gputrain is for on data drawn at run time, without a file: it
// trains a small network in float32, then quantization-aware with the exact
// multiplier, replaces every product by a truncated one, and lets the network
// recover under each of three estimators of the gradient, all from the same
// state.
func Demo(ctx context.Context, b backend.Backend, o DemoOptions) (*DemoResult, error) {
	start := time.Now()
	if o.Seed == 0 {
		o.Seed = 1
	}
	d := demo{ctx: ctx, b: b, o: o}
	defer func() {
		if d.plan != nil {
			d.plan.Close()
		}
	}()
	res := &DemoResult{Retrained: map[string]float64{}}

	float, err := d.run("float32", Pretrain, func(r *Recipe) {
		r.Multiplier.Default = floatName
		r.Train.Epochs = floatEpochs
	}, nil)
	if err != nil {
		return nil, err
	}
	res.Float = float.Last.Accuracy

	qat, err := d.run("quantization-aware", Pretrain, func(r *Recipe) {
		r.Multiplier.Default = exactName
		r.Train.Epochs = qatEpochs
	}, float.State)
	if err != nil {
		return nil, err
	}
	res.QAT = qat.Last.Accuracy

	replaced, err := d.run("replaced by "+DemoMultiplier, Retrain, func(r *Recipe) {
		r.Train.Epochs = 0
	}, qat.State)
	if err != nil {
		return nil, err
	}
	res.Replaced = replaced.Calibrated.Accuracy

	for _, method := range DemoMethods() {
		retrained, err := d.run("retrained under "+method, Retrain, func(r *Recipe) {
			no := false
			r.Train.Calibrate = &no // replaced already is
			r.Train.Epochs = retrainEpochs
			r.Gradient.Method = method
		}, replaced.State)
		if err != nil {
			return nil, err
		}
		res.Retrained[method] = retrained.Last.Accuracy
	}
	res.Seconds = time.Since(start).Seconds()
	return res, nil
}

// A demo is a demonstration in progress.
type demo struct {
	ctx  context.Context
	b    backend.Backend
	o    DemoOptions
	plan *Plan // of the first part, whose images the others share
}

// run makes one part of the demonstration: the common recipe with what change
// makes of it, from the state init, or from new weights.
func (d *demo) run(name string, phase Phase, change func(*Recipe), init *weights.File) (*Result, error) {
	if d.o.Events != nil {
		d.o.Events(Stage{name})
	}
	r := &Recipe{
		Model:      Model{Name: "lenet5"},
		Data:       Data{Name: "synthetic", TrainImages: demoTrain, TestImages: demoTest, Seed: d.o.Seed},
		Multiplier: Multiplier{Default: DemoMultiplier},
		Optimizer:  Optimizer{Name: "adam", LR: demoRate},
		Schedule:   Schedule{Name: "cosine"},
		Train:      Train{Batch: demoBatch, Seed: d.o.Seed},
		// Zero values of a recipe mean the default, unless they are given.
		place: map[string]place{"train.epochs": {}},
	}
	if init != nil {
		r.Init = "(the part before)"
	}
	change(r)
	p, err := prepare(d.ctx, r, phase, d.o.Events, d.plan)
	if err != nil {
		return nil, fmt.Errorf("trainer: demo: %s: %w", name, err)
	}
	if d.plan == nil {
		d.plan = p
	}
	res, err := Run(d.ctx, d.b, p, Options{Init: init, Events: d.o.Events})
	if err != nil {
		return nil, fmt.Errorf("trainer: demo: %s: %w", name, err)
	}
	return res, nil
}
