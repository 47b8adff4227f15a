package trainer

import (
	"fmt"
	"strings"

	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// optimizerPrefix begins the names of moments in a checkpoint.
const optimizerPrefix = "optimizer."

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
	switch {
	case o.Name != "sgd":
		opt.moments = []moment{{name: "exp_avg"}, {name: "exp_avg_sq"}}
	case o.Momentum != 0:
		opt.moments = []moment{{name: "momentum_buffer"}}
	}
	for i := range opt.moments {
		for _, p := range params {
			opt.moments[i].tensors = append(opt.moments[i].tensors, b.NewTensor(backend.F32, p.Value.Shape()))
		}
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
		if o.Name == "sgd" {
			var v backend.Tensor
			if len(opt.moments) > 0 {
				v = opt.moments[0].tensors[i]
			}
			opt.b.SGDStep(p.Value, p.Grad, v, backend.SGD{LR: lr, Momentum: o.Momentum, Dampening: o.Dampening,
				WeightDecay: o.WeightDecay, Nesterov: o.Nesterov, First: opt.step == 1})
			continue
		}
		opt.b.AdamStep(p.Value, p.Grad, opt.moments[0].tensors[i], opt.moments[1].tensors[i], backend.Adam{
			LR: lr, Beta1: o.Betas[0], Beta2: o.Betas[1], Eps: o.Eps, WeightDecay: o.WeightDecay,
			Decoupled: o.Name == "adamw", Step: opt.step})
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
func (opt *optimizer) state() (list []weights.Tensor, err error) {
	err = opt.each(func(name string, t backend.Tensor) error {
		v := make([]float32, t.Shape().Len())
		list = append(list, weights.Tensor{})
		if err := opt.b.Read(v, t); err != nil {
			return fmt.Errorf("trainer: read %s: %w", name, err)
		}
		list[len(list)-1] = weights.FromFloat32(name, t.Shape(), v)
		return nil
	})
	return list, err
}

// load writes the moments of a file, after step steps.
func (opt *optimizer) load(f *weights.File, step int) error {
	opt.step = step
	return opt.each(func(name string, t backend.Tensor) error {
		stored, ok := f.Get(name)
		if !ok {
			return fmt.Errorf("no tensor %s", name)
		}
		v, err := stored.Float32()
		if err != nil {
			return err
		}
		if !t.Shape().Equal(stored.Shape) {
			return fmt.Errorf("tensor %s is %v, want %v", name, backend.Shape(stored.Shape), t.Shape())
		}
		opt.b.Write(t, v)
		return nil
	})
}

// withoutMoments returns f less the tensors that belong to an optimizer.
func withoutMoments(f *weights.File) *weights.File {
	out := &weights.File{Metadata: f.Metadata}
	for _, t := range f.Tensors {
		if !strings.HasPrefix(t.Name, optimizerPrefix) {
			out.Tensors = append(out.Tensors, t)
		}
	}
	return out
}
