package trainer

import (
	"context"
	"fmt"

	"gputrain/model/backend"
)

// probeWindows are the half windows that [Probe] tries, those of Meng et al.,
// DATE 2025, Section V-A.
var probeWindows = []HWS{1, 2, 4, 8, 16, 32, 64}

// A Probed is one short training of [Probe].
type Probed struct {
	HWS      HWS
	Loss     float64 // of training, mean over the epoch
	Accuracy float64 // on the test split after it; it does not choose
}

// Probe chooses the half window of a recipe whose gradient.hws is probe: it
// trains one epoch under each of 1, 2, 4, …, 64, all from the same state, seed
// and order and at the recipe's first learning rate, and takes the one with the
// least training loss, of equals the least. It returns the recipe with that
// window, and the trainings in order. A recipe with another gradient.hws comes
// back as it is, and so does one whose method has no window, which [Prepare]
// refuses.
//
// Nothing is kept on disk: if ctx is cancelled, the probe begins again.
func Probe(ctx context.Context, b backend.Backend, r *Recipe, phase Phase, events func(Event)) (*Recipe, []Probed, error) {
	if r.Gradient.HWS != HWSProbe || !r.Gradient.smooths() {
		return r, nil, nil
	}
	var all []Probed
	var first *Plan // whose images the others share
	best := 0
	for i, hws := range probeWindows {
		short := *r
		short.Gradient.HWS = hws
		short.Schedule = Schedule{Name: "constant"}
		short.Train.Epochs = 1
		p, err := prepare(ctx, &short, phase, events, first)
		if err != nil {
			return nil, nil, err
		}
		if first == nil {
			first = p
			defer first.Close()
		}
		if events != nil {
			events(Stage{fmt.Sprintf("probe: one epoch with gradient.hws %d", hws)})
		}
		var loss float64
		res, err := Run(ctx, b, p, Options{Events: func(e Event) {
			if rec, ok := e.(Record); ok && rec.Split == "train" && rec.Phase != Calibrate {
				loss = rec.Loss
			}
			if events != nil {
				events(e)
			}
		}})
		if err != nil {
			return nil, nil, fmt.Errorf("trainer: probe of gradient.hws %d: %w", hws, err)
		}
		all = append(all, Probed{hws, loss, res.Last.Accuracy})
		if loss < all[best].Loss {
			best = i
		}
	}
	chosen := *r
	chosen.Gradient.HWS = all[best].HWS
	return &chosen, all, nil
}
