package trainer

import (
	"context"
	"errors"
	"slices"
	"testing"

	"gputrain/cpuref"
)

// probeRecipe is small enough to train seven times.
func probeRecipe() *Recipe {
	return &Recipe{
		Model:      Model{Name: "mlp"},
		Data:       Data{Name: "synthetic", TrainImages: 64, TestImages: 16},
		Multiplier: Multiplier{Default: "trunc:6u,cols=5"},
		Gradient:   Gradient{Estimator: Estimator{Method: "lut2d", HWS: HWSProbe}},
		Train:      Train{Epochs: 5, Batch: 16},
	}
}

// TestProbe repeats each short training by hand: the chosen window is that of
// the least training loss, and everything else of the recipe stays.
func TestProbe(t *testing.T) {
	b := cpuref.New()
	defer b.Close()
	r := probeRecipe()
	chosen, all, err := Probe(context.Background(), b, r, Pretrain, nil)
	if err != nil {
		t.Fatal(err)
	}
	var windows []HWS
	var losses []float64
	for _, p := range all {
		windows = append(windows, p.HWS)
		losses = append(losses, p.Loss)

		one := probeRecipe()
		one.Gradient.HWS = p.HWS
		one.Train.Epochs = 1
		var want float64
		if _, err := Run(context.Background(), b, planFor(t, one), Options{Events: func(e Event) {
			if rec, ok := e.(Record); ok && rec.Split == "train" && rec.Phase == Pretrain {
				want = rec.Loss
			}
		}}); err != nil {
			t.Fatal(err)
		}
		if p.Loss != want {
			t.Errorf("hws %d: loss %v, a run of one epoch has %v", p.HWS, p.Loss, want)
		}
	}
	if !slices.Equal(windows, []HWS{1, 2, 4, 8, 16, 32, 64}) {
		t.Errorf("windows %v", windows)
	}
	if slices.Max(losses) == slices.Min(losses) {
		t.Errorf("all losses are %v: the window had no effect", losses[0])
	}
	if least := windows[slices.Index(losses, slices.Min(losses))]; chosen.Gradient.HWS != least {
		t.Errorf("chose %d of %v with losses %v, want %d", chosen.Gradient.HWS, windows, losses, least)
	}
	if r.Gradient.HWS != HWSProbe || chosen.Train.Epochs != 5 {
		t.Errorf("the recipe was changed: %+v, chosen %+v", r.Gradient, chosen.Train)
	}
}

func TestProbeOnlyWhereAsked(t *testing.T) {
	for _, g := range []Estimator{{Method: "lut2d", HWS: 8}, {Method: "ste", HWS: HWSProbe}, {Method: "lut1d", Reading: "range", HWS: HWSProbe}} {
		r := probeRecipe()
		r.Gradient.Estimator = g
		chosen, all, err := Probe(context.Background(), nil, r, Pretrain, nil)
		if chosen != r || all != nil || err != nil {
			t.Errorf("%+v gave %v, %v, %v", g, chosen, all, err)
		}
	}
}

func TestProbeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := cpuref.New()
	defer b.Close()
	if _, _, err := Probe(ctx, b, probeRecipe(), Pretrain, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}
