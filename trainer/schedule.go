package trainer

import "math"

// Rate returns the learning rate of a step, counted from 0 over the whole run,
// of epochs that have perEpoch steps each. With e = ⌊step/perEpoch⌋ it is
//
//	constant  lr
//	step      lr·γ^d, d the drops so far: ⌊e/every⌋, or the number of milestones ≤ e
//	cosine    min + (lr − min)·(1 + cos(π·(step − w)/(T − w)))/2
//
// where w = round(warmup·perEpoch) and T = epochs·perEpoch. The first w steps
// instead rise linearly: the rate that the schedule has at step w, times
// (step+1)/(w+1).
func (s Schedule) Rate(lr float64, step, perEpoch, epochs int) float64 {
	warm := int(math.Round(s.Warmup * float64(perEpoch)))
	if step < warm {
		return s.after(lr, warm, warm, perEpoch, epochs) * float64(step+1) / float64(warm+1)
	}
	return s.after(lr, step, warm, perEpoch, epochs)
}

// after is the rate without the rise of its first steps.
func (s Schedule) after(lr float64, step, warm, perEpoch, epochs int) float64 {
	switch s.Name {
	case "step":
		epoch := step / perEpoch
		drops := 0
		if s.Every > 0 {
			drops = epoch / s.Every
		}
		for _, m := range s.Milestones {
			if m <= epoch {
				drops++
			}
		}
		return lr * math.Pow(s.Gamma, float64(drops))
	case "cosine":
		last := epochs*perEpoch - warm
		if last <= 0 {
			return lr
		}
		return s.MinLR + (lr-s.MinLR)*(1+math.Cos(math.Pi*float64(step-warm)/float64(last)))/2
	}
	return lr
}
