package trainer

import (
	"fmt"
	"slices"
	"strings"

	"gputrain/model/backend"
	"gputrain/model/weights"
)

// named calls f for each tensor of a group, with its name in a file.
type named func(f func(name string, t backend.Tensor) error) error

// readTensors reads a group of tensors from the backend.
func readTensors(b backend.Backend, each named) (list []weights.Tensor, err error) {
	var buffer []float32
	err = each(func(name string, t backend.Tensor) error {
		n := t.Shape().Len()
		buffer = slices.Grow(buffer[:0], n)
		v := buffer[:n]
		if err := b.Read(v, t); err != nil {
			return fmt.Errorf("trainer: read %s: %w", name, err)
		}
		list = append(list, weights.FromFloat32(name, t.Shape(), v))
		return nil
	})
	return list, err
}

// writeTensors writes to a group of tensors those of a file.
func writeTensors(b backend.Backend, f *weights.File, each named) error {
	return each(func(name string, t backend.Tensor) error {
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
		b.Write(t, v)
		return nil
	})
}

// NetworkAlone returns a checkpoint less what only the run that saved it has a
// use for: the moments of its optimizer, and the averages that it kept besides
// the weights.
func NetworkAlone(f *weights.File) *weights.File {
	out := *f
	out.Tensors = nil
	for _, t := range f.Tensors {
		if !strings.HasPrefix(t.Name, optimizerPrefix) && !strings.HasPrefix(t.Name, averagePrefix) {
			out.Tensors = append(out.Tensors, t)
		}
	}
	return &out
}
