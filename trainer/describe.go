package trainer

import (
	"maps"

	"gputrain/model"
	"gputrain/model/backend"
)

// Describe says what a run needs, without making a tensor: the network's
// summary, whose bytes also count what training keeps besides it,
//
//	optimizer   moments of the parameters
//	ema         averages of weights and statistics
//	accumulate  sums of gradients
//	images      both splits, as far as they are held in memory
//	batches     the two that are prepared ahead
//	checkpoint  what is written of all this, while it is
//	scratch     about what the backend works in, where b says so; b may be nil
//
// Images, batches and checkpoint are in the memory of the host.
func (p *Plan) Describe(b backend.Scratching) (model.Summary, error) {
	s, err := model.Describe(p.Config)
	if err != nil {
		return s, &InputError{Field: "model", Err: err}
	}
	r := p.Recipe
	s.Bytes = maps.Clone(s.Bytes)
	add := func(kind string, n int64) {
		if n > 0 {
			s.Bytes[kind] = n
			s.TotalBytes += n
		}
	}
	state := s.Params
	var tensor, weight int
	for _, l := range s.Layers {
		tensor, weight = max(tensor, l.Output.Len()), max(weight, int(l.Params))
		if l.Kind == "batchnorm" {
			state += l.Params // its means and variances are as many as its scales and shifts
		}
	}
	add("optimizer", int64(len(r.Optimizer.moments()))*4*s.Params)
	if r.Train.EMA > 0 {
		add("ema", 4*state)
	}
	add("checkpoint", 4*state+s.Bytes["optimizer"]+s.Bytes["ema"])
	if r.Train.Accumulate > 1 {
		add("accumulate", 4*s.Params)
	}
	add("images", p.Train.Bytes()+p.Test.Bytes())
	image := int64(p.Train.C * p.Train.H * p.Train.W)
	add("batches", 2*int64(r.Train.Batch)*4*(image+1))
	if b != nil {
		add("scratch", b.Expect(tensor, weight))
	}
	return s, nil
}
