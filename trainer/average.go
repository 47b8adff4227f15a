package trainer

import (
	"fmt"

	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// averagePrefix begins the names of averages in a checkpoint.
const averagePrefix = "ema."

// An average follows the parameters and statistics of a network by their
// exponential moving average, after step t of the optimizer
//
//	e = d·e + (1−d)·w, d = min(decay, (1+t)/(10+t))
//
// so that the first steps, which the average would else be long in forgetting,
// weigh little. A weight is the average of all that a quantizer's minmax
// observer has seen, and so within its range.
type average struct {
	b     backend.Backend
	decay float64
	of    []model.Param // what is followed: Value alone
	means []backend.Tensor
}

// newAverage makes the averages, which [average.start] sets. The caller frees
// them.
func newAverage(b backend.Backend, decay float64, of []model.Param) *average {
	a := &average{b: b, decay: decay, of: of}
	for _, p := range of {
		a.means = append(a.means, b.NewTensor(backend.F32, p.Value.Shape()))
	}
	return a
}

func (a *average) free() {
	for _, t := range a.means {
		a.b.Free(t)
	}
}

// start begins at the present values.
func (a *average) start() error {
	for i, p := range a.of {
		v := make([]float32, p.Value.Shape().Len())
		if err := a.b.Read(v, p.Value); err != nil {
			return fmt.Errorf("trainer: read %s: %w", p.Name, err)
		}
		a.b.Write(a.means[i], v)
	}
	return nil
}

// update follows the values after a step, counted from 1.
func (a *average) update(step int) {
	d := min(a.decay, float64(1+step)/float64(10+step))
	for i, p := range a.of {
		a.b.Average(a.means[i], p.Value, d)
	}
}

// swap exchanges values and averages, to the bit, so that the network is the
// averaged one until the next swap.
func (a *average) swap() error {
	for i, p := range a.of {
		n := p.Value.Shape().Len()
		value, mean := make([]float32, n), make([]float32, n)
		if err := a.b.Read(value, p.Value); err != nil {
			return fmt.Errorf("trainer: read %s: %w", p.Name, err)
		}
		if err := a.b.Read(mean, a.means[i]); err != nil {
			return fmt.Errorf("trainer: read %s%s: %w", averagePrefix, p.Name, err)
		}
		a.b.Write(p.Value, mean)
		a.b.Write(a.means[i], value)
	}
	return nil
}

// during calls f while the network is the averaged one.
func (a *average) during(f func() error) error {
	if err := a.swap(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return a.swap()
}

// each calls f for every average, with its name in a file.
func (a *average) each(f func(name string, t backend.Tensor) error) error {
	for i, p := range a.of {
		if err := f(averagePrefix+p.Name, a.means[i]); err != nil {
			return err
		}
	}
	return nil
}

// state reads the averages.
func (a *average) state() ([]weights.Tensor, error) { return readTensors(a.b, a.each) }

// load writes the averages of a file.
func (a *average) load(f *weights.File) error { return writeTensors(a.b, f, a.each) }
