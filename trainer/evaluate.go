package trainer

import (
	"context"

	"gputrain/lut"
	"gputrain/model/backend"
)

// An Evaluation is what a network does on the test split.
type Evaluation struct {
	Accuracy   float64       `json:"accuracy"`
	Top5       float64       `json:"top5"` // share of images whose label is among the five greatest logits
	Loss       float64       `json:"loss"`
	Images     int           `json:"images"`
	Multiplier EvaluatedWith `json:"multiplier"`

	// Confusion[label][class] counts the images of a label that came out as a
	// class.
	Confusion [][]int `json:"confusion,omitempty"`

	// Logits of the images, [Images, classes], and their labels, where a
	// [Recording] asked for them.
	Logits []float32 `json:"-"`
	Labels []int64   `json:"-"`

	// Calibrated reports that the checkpoint held no ranges for these
	// multipliers, so that a pass over the training set found them first.
	Calibrated bool `json:"calibrated,omitempty"`
}

// EvaluatedWith is the default multiplier of an evaluation.
type EvaluatedWith struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256,omitempty"` // none for float
}

// Evaluate measures the checkpoint that the recipe's init names, under its
// multipliers. A checkpoint that was never quantized is calibrated first.
func Evaluate(ctx context.Context, b backend.Backend, p *Plan, events func(Event)) (*Evaluation, error) {
	e, _, err := evaluate(ctx, b, p, events, Recording{})
	return e, err
}

// A Recording is what an evaluation keeps beside its figures.
type Recording struct {
	// Histograms counts the operands of the layers that compute with a table,
	// over the test split. It takes about three times as long.
	Histograms bool

	// Logits keeps the logits of every image, in the order of the test split.
	Logits bool
}

// EvaluateRecording is [Evaluate] and records what r says. It fails if
// histograms are asked for and no layer has a table. The histograms are nil if
// they are not.
func EvaluateRecording(ctx context.Context, b backend.Backend, p *Plan, events func(Event), r Recording) (*Evaluation, *lut.Histograms, error) {
	if r.Histograms && len(p.Tables) == 0 {
		return nil, nil, p.Recipe.fault("multiplier.default", p.Recipe.Multiplier.Default, "a table or exact: float32 has no codes to count")
	}
	return evaluate(ctx, b, p, events, r)
}

func evaluate(ctx context.Context, b backend.Backend, p *Plan, events func(Event), r Recording) (*Evaluation, *lut.Histograms, error) {
	s, err := newSession(b, p, Options{Events: events})
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	if err := s.init(); err != nil {
		return nil, nil, err
	}
	s.tell(Began{Plan: p, Network: s.net.Summary(), Batches: p.batches()})
	missing, err := s.net.Uncalibrated()
	if err != nil {
		return nil, nil, err
	}
	s.at.Epoch = 0
	if len(missing) > 0 {
		if c := p.Recipe.Train.Calibrate; c != nil && !*c {
			return nil, nil, inputf(p.Recipe.Init, "no range for %s and %d more, and train.calibrate is false", missing[0], len(missing)-1)
		}
		if p.batches() == 0 {
			return nil, nil, p.Recipe.fault("train.batch", p.Recipe.Train.Batch, "at most the images to calibrate on")
		}
		if _, err := s.pass(ctx); err != nil {
			return nil, nil, err
		}
	}
	classes := p.Recipe.Model.Classes
	answers := answers{confusion: make([][]int, classes), keep: r.Logits}
	for i := range answers.confusion {
		answers.confusion[i] = make([]int, classes)
	}
	if r.Histograms {
		s.recorder = newRecorder(b, s.net)
		defer s.recorder.close()
	}
	rec, images, err := s.measure(ctx, Eval, &answers)
	if err != nil {
		return nil, nil, err
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	var histograms *lut.Histograms
	if r.Histograms {
		if histograms, err = s.recorder.histograms(); err != nil {
			return nil, nil, err
		}
	}
	name := p.Recipe.Multiplier.Default
	return &Evaluation{Accuracy: rec.Accuracy, Top5: rec.Top5, Loss: rec.Loss, Images: images,
		Confusion: answers.confusion, Logits: answers.logits, Labels: answers.labels,
		Multiplier: EvaluatedWith{name, p.Tables[name].SHA256}, Calibrated: len(missing) > 0}, histograms, nil
}
