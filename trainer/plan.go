package trainer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/trainer/dataset"
)

// A Plan is a recipe with everything that it names at hand: tables, gradients
// and images. It is made by [Prepare] and not changed by a run.
type Plan struct {
	Phase   Phase
	Recipe  *Recipe  // resolved: every default filled in
	Assumed []string // what the recipe left open; to be printed

	Config model.Config        // of the network
	Tables map[string]TableUse // by the multiplier's name in the recipe
	Layers []LayerUse          // those with products, in order

	Train, Test *dataset.Set
	DataSHA256  map[string]string // of the splits train and test
	shared      bool              // the images are another plan's
}

// Prepare resolves a recipe for a phase, and reads the multipliers and the
// images that it names. All faults of the recipe and of the multipliers are
// reported at once, as [Faults]; if there are none, those of the data.
//
// Images may take long to read: events, if not nil, is told of [Reading] and
// [Note], and a cancelled ctx ends it. The caller closes the plan.
func Prepare(ctx context.Context, r *Recipe, phase Phase, events func(Event)) (*Plan, error) {
	return prepare(ctx, r, phase, events, nil)
}

// prepare is Prepare; it takes the images of an earlier plan of the same data,
// if there is one, which then closes them.
func prepare(ctx context.Context, r *Recipe, phase Phase, events func(Event), earlier *Plan) (*Plan, error) {
	resolved, assumed, err := r.Resolve(phase)
	p := &Plan{Phase: phase, Recipe: resolved, Assumed: assumed, Tables: map[string]TableUse{}}
	var faults Faults
	errors.As(err, &faults)
	t := p.multipliers(resolved, phase != Eval)
	faults = append(faults, t.faults...)
	if phase == Retrain && len(faults) == 0 && len(p.Tables) == 0 {
		faults = append(faults, resolved.fault("multiplier.default", resolved.Multiplier.Default, "a table or exact: there is nothing to adapt to in float32"))
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	if earlier != nil {
		p.Train, p.Test, p.DataSHA256, p.shared = earlier.Train, earlier.Test, earlier.DataSHA256, true
	} else if err := p.read(ctx, events); err != nil {
		return nil, err
	}
	err = p.fit()
	if err == nil {
		p.network()
		err = t.layers()
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close lets go of the images.
func (p *Plan) Close() error {
	if p.shared {
		return nil
	}
	return errors.Join(p.Train.Close(), p.Test.Close())
}

// read reads the images.
func (p *Plan) read(ctx context.Context, events func(Event)) error {
	d := p.Recipe.Data
	tell := func(e Event) {
		if events != nil {
			events(e)
		}
	}
	var err error
	p.Train, p.Test, err = dataset.Open(dataset.Source{Name: d.Name, Path: d.Path, Coarse: d.Coarse,
		Size: d.Size, Resize: d.Resize, Channels: d.Channels, Store: d.Store, CacheDir: d.CacheDir, SkipBad: d.SkipBad,
		TrainImages: d.TrainImages, TestImages: d.TestImages, Seed: d.Seed,
		Note: func(line string) { tell(Note{line}) },
		Progress: func(split string, done, total int) error {
			tell(Reading{split, done, total})
			return context.Cause(ctx)
		}})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return dataFault(err)
	}
	p.DataSHA256 = map[string]string{"train": p.Train.SHA256(), "test": p.Test.SHA256()}
	return nil
}

// dataFault returns what package dataset found wrong as an InputError.
func dataFault(err error) error {
	e := &InputError{Err: err}
	var de *dataset.Error
	if errors.As(err, &de) {
		e.File, e.Err = de.Path, de.Err
		if de.Entry != "" {
			e.Err = fmt.Errorf("%s: %w", de.Entry, de.Err)
		}
	}
	return e
}

// fit holds the recipe against the images.
func (p *Plan) fit() error {
	if err := p.pipeline(true).Validate(p.Train.C); err != nil {
		e := p.Recipe.fault("data.normalize", p.Recipe.Data.Normalize, "")
		e.Err = err
		return e
	}
	classes := max(len(p.Train.Classes), len(p.Test.Classes))
	m := &p.Recipe.Model
	if m.Classes == 0 {
		m.Classes = classes
		p.Assumed = append(p.Assumed, fmt.Sprintf("model.classes not given: %d, those of the data", classes))
	}
	if m.Classes < classes {
		return p.Recipe.fault("model.classes", m.Classes, fmt.Sprintf("at least %d, the classes of the data", classes))
	}
	n, batch := p.Train.Len(), p.Recipe.Train.Batch
	if p.Phase != Eval {
		if batch > n {
			return p.Recipe.fault("train.batch", batch, fmt.Sprintf("at most %d, the images to train on", n))
		}
		if n%batch != 0 {
			p.Assumed = append(p.Assumed, fmt.Sprintf("batches are full: each epoch leaves out %d of %d images, others each time", n%batch, n))
		}
	}
	return nil
}

// pipeline says what happens to images on their way into the network.
func (p *Plan) pipeline(augment bool) dataset.Pipeline {
	d := p.Recipe.Data
	l := dataset.Pipeline{Augment: d.Augment, CropPad: d.CropPad, Degrees: d.Degrees, Brightness: d.Brightness, Contrast: d.Contrast,
		Saturation: d.Saturation, Hue: d.Hue, Mixup: d.Mixup, CutMix: d.CutMix, Normalize: d.Normalize}
	copy(l.Scale[:], d.Scale)
	copy(l.Ratio[:], d.Ratio)
	if !augment {
		return l.Plain()
	}
	return l
}

// network fills in the configuration of the network.
func (p *Plan) network() {
	r, c := p.Recipe, &p.Config
	c.Name = r.Model.Name
	if !slices.Contains(cifarOnly, c.Name) {
		c.Stem = r.Model.Stem
	}
	c.Input = [3]int{p.Train.C, p.Train.H, p.Train.W}
	c.Classes = r.Model.Classes
	c.Batch = r.Train.Batch
	c.Seed = r.Train.Seed

	q := &c.Quantization
	q.WeightPerChannel = r.Quantization.Weight.Granularity == "channel"
	w, a := r.Quantization.Weight, r.Quantization.Activation
	q.WeightObserver = observer(w.Observer, w.Momentum, w.Percentile)
	q.ActivationObserver = observer(a.Observer, a.Momentum, a.Percentile)
	q.WeightSymmetric, q.ActivationSymmetric = w.Symmetric, a.Symmetric
	if r.Quantization.Padding == "int-zero" {
		q.Padding = backend.PadIntZero
	}
	// In a network that is float32 throughout, pooling is too.
	q.PoolInputs = r.Quantization.PoolInputs && len(p.Tables) > 0
}

func observer(name string, momentum, percentile float64) backend.Observer {
	switch name {
	case "ema":
		return backend.Observer{Kind: backend.ObserveEMA, Momentum: float32(momentum)}
	case "percentile":
		return backend.Observer{Kind: backend.ObservePercentile, Momentum: float32(momentum), Percentile: percentile}
	}
	return backend.Observer{Kind: backend.ObserveMinMax}
}

// Build makes the network on a backend. The caller closes it.
func (p *Plan) Build(b backend.Backend) (*model.Network, error) {
	net, err := model.Build(b, p.Config)
	if err != nil {
		return nil, &InputError{Field: "model", Err: err}
	}
	return net, nil
}

// calibrates reports whether a run begins with a pass that moves observers
// only.
func (p *Plan) calibrates() bool {
	c := p.Recipe.Train.Calibrate
	return c != nil && *c && len(p.Tables) > 0
}

// batches returns the number of batches of an epoch.
func (p *Plan) batches() int {
	return dataset.Batches(p.Train.Len(), p.Recipe.Train.Batch, true)
}

// perStep returns of how many batches a step is made; in calibration each
// stands alone.
func (p *Plan) perStep(epoch int) int {
	if epoch == 0 {
		return 1
	}
	return max(1, p.Recipe.Train.Accumulate)
}

// steps returns the number of steps of an epoch.
func (p *Plan) steps() int {
	n := p.perStep(1)
	return (p.batches() + n - 1) / n
}

// turn returns which batch of its step a batch of an epoch is, from 0, and of
// how many.
func (p *Plan) turn(epoch, batch int) (i, of int) {
	n := p.perStep(epoch)
	i = batch % n
	return i, min(n, p.batches()-(batch-i))
}
