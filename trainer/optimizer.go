package trainer

import (
	"slices"
	"strings"

	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// optimizerPrefix begins the names of moments in a checkpoint.
const optimizerPrefix = "optimizer."

// momentNames are the tensors that each rule keeps for every parameter, in the
// order in which its operation takes them; those of torch.optim have their names.
var momentNames = map[string][]string{
	"adam":        {"exp_avg", "exp_avg_sq"},
	"adamw":       {"exp_avg", "exp_avg_sq"},
	"adan":        {"exp_avg", "exp_avg_diff", "exp_avg_sq", "previous_grad"},
	"adamomentum": {"exp_avg", "exp_avg_sq"},
	"sgd":         {"momentum_buffer"}, // with momentum only
}

// moments returns the names of the tensors that o keeps for every parameter.
func (o Optimizer) moments() []string {
	if o.Name == "sgd" && o.Momentum == 0 {
		return nil
	}
	return momentNames[o.Name]
}

// decay returns the weight decay of a parameter.
func (o Optimizer) decay(p model.Param) float64 {
	if o.DecayNorms == nil || *o.DecayNorms {
		return o.WeightDecay
	}
	longest := 0
	if len(p.Shape) > 0 {
		longest = slices.Max(p.Shape)
	}
	if p.Shape.Len() == longest || strings.Contains(p.Name, "pos_embed") {
		return 0 // a vector: a bias, a scale, a shift, a class token
	}
	return o.WeightDecay
}

// An optimizer owns the moments of a network's parameters, and makes steps by
// the fused operations of a backend.
type optimizer struct {
	b       backend.Backend
	o       Optimizer
	params  []model.Param
	moments []moment
	step    int // steps made
}

// A moment is one tensor of history for each parameter, under PyTorch's name.
type moment struct {
	name    string
	tensors []backend.Tensor
}

// newOptimizer makes zeroed moments for params. The caller frees them.
func newOptimizer(b backend.Backend, o Optimizer, params []model.Param) *optimizer {
	opt := &optimizer{b: b, o: o, params: params}
	for _, name := range o.moments() {
		m := moment{name: name}
		for _, p := range params {
			m.tensors = append(m.tensors, b.NewTensor(backend.F32, p.Value.Shape()))
		}
		opt.moments = append(opt.moments, m)
	}
	return opt
}

func (opt *optimizer) free() {
	for _, m := range opt.moments {
		for _, t := range m.tensors {
			opt.b.Free(t)
		}
	}
}

// update makes one step of every parameter along its gradient, at rate lr.
func (opt *optimizer) update(lr float64) {
	opt.step++
	o := opt.o
	for i, p := range opt.params {
		w, dw, decay := p.Value, p.Grad, o.decay(p)
		at := func(m int) backend.Tensor { return opt.moments[m].tensors[i] }
		switch o.Name {
		case "sgd":
			var v backend.Tensor
			if o.Momentum != 0 {
				v = at(0)
			}
			opt.b.SGDStep(w, dw, v, backend.SGD{LR: lr, Momentum: o.Momentum, Dampening: o.Dampening,
				WeightDecay: decay, Nesterov: o.Nesterov, First: opt.step == 1})
		case "adan":
			opt.b.AdanStep(w, dw, at(0), at(1), at(2), at(3), backend.Adan{LR: lr, Beta1: o.Betas[0], Beta2: o.Betas[1],
				Beta3: o.Betas[2], Eps: o.Eps, WeightDecay: decay, Step: opt.step})
		default:
			h := backend.Adam{LR: lr, Beta1: o.Betas[0], Beta2: o.Betas[1], Eps: o.Eps, WeightDecay: decay,
				Decoupled: o.Name == "adamw", Step: opt.step}
			if o.Name == "adamomentum" {
				opt.b.AdaMomentumStep(w, dw, at(0), at(1), h)
			} else {
				opt.b.AdamStep(w, dw, at(0), at(1), h)
			}
		}
	}
}

// each calls f for every moment of every parameter, with its name in a file.
func (opt *optimizer) each(f func(name string, t backend.Tensor) error) error {
	for _, m := range opt.moments {
		for i, t := range m.tensors {
			if err := f(optimizerPrefix+m.name+"."+opt.params[i].Name, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// state reads the moments.
func (opt *optimizer) state() ([]weights.Tensor, error) { return readTensors(opt.b, opt.each) }

// load writes the moments of a file, after step steps.
func (opt *optimizer) load(f *weights.File, step int) error {
	opt.step = step
	return writeTensors(opt.b, f, opt.each)
}
