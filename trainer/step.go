package trainer

import (
	"gputrain/model"
	"gputrain/model/backend"
)

// A stepper makes of the gradients of one batch or more a step of the
// optimizer, and lets the average follow.
type stepper struct {
	b      backend.Backend
	params []model.Param
	opt    *optimizer
	ema    *average // nil: none is kept

	sums []backend.Tensor // of gradients, one a parameter; none where a step is one batch

	limit float64        // of the norm of all gradients; 0: none
	norm  backend.Tensor // F32 [1], its square; nil without limit
}

// newStepper makes what the steps of a plan need besides the network, whose
// statistics are followed by the average, too; nothing for one that evaluates.
// The caller frees it.
func newStepper(b backend.Backend, p *Plan, net *model.Network) *stepper {
	if p.Phase == Eval {
		return &stepper{b: b, opt: new(optimizer)}
	}
	r := p.Recipe
	s := &stepper{b: b, params: net.Params(), limit: r.Train.ClipNorm}
	s.opt = newOptimizer(b, r.Optimizer, s.params)
	if r.Train.EMA > 0 {
		s.ema = newAverage(b, r.Train.EMA, append(s.params[:len(s.params):len(s.params)], net.Statistics()...))
	}
	if r.Train.Accumulate > 1 {
		for _, p := range s.params {
			s.sums = append(s.sums, b.NewTensor(backend.F32, p.Grad.Shape()))
		}
	}
	if s.limit > 0 {
		s.norm = b.NewTensor(backend.F32, backend.Shape{1})
	}
	return s
}

func (s *stepper) free() {
	s.opt.free()
	if s.ema != nil {
		s.ema.free()
	}
	for _, t := range s.sums {
		s.b.Free(t)
	}
	if s.norm != nil {
		s.b.Free(s.norm)
	}
}

// add takes the gradients of the i-th of n batches of a step. After the last
// the parameters' own gradients are the sum.
func (s *stepper) add(i, n int) {
	if n == 1 {
		return
	}
	for k, p := range s.params {
		sum := s.sums[k]
		switch i {
		case 0:
			size := p.Grad.Shape().Len()
			row := backend.Layout{Stride: [4]int{3: 1}}
			s.b.Copy(sum, row, p.Grad, row, [4]int{1, 1, 1, size})
		case n - 1:
			s.b.Add(p.Grad, p.Grad, sum)
		default:
			s.b.Add(sum, sum, p.Grad)
		}
	}
}

// step makes a step at rate lr along the gradients.
func (s *stepper) step(lr float64) {
	if s.limit > 0 {
		s.b.Write(s.norm, []float32{0})
		for _, p := range s.params {
			s.b.AddSquares(s.norm, p.Grad)
		}
		for _, p := range s.params {
			s.b.ClipNorm(p.Grad, s.norm, float32(s.limit))
		}
	}
	s.opt.update(lr)
	if s.ema != nil {
		s.ema.update(s.opt.step)
	}
}
