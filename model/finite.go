package model

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// CheckFinite looks for the layer at fault after a loss that is not finite.
//
// It repeats the step on what Input, Labels and Mixed hold, as training with
// forwardAndBackward and as evaluation without, looks at every result as it
// comes, and returns the name of the first layer that has a NaN or an infinity
// in its parameters, its state, its output, its gradients, with an error that
// says where; "" and nil if there is none. The state and Stats are left as
// they were. It waits for the backend after each layer.
func (n *Network) CheckFinite(forwardAndBackward bool) (culprit string, err error) {
	restore, err := n.snapshot()
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	defer restore()

	if err := n.finite("input", "input", n.input.t); err != nil {
		return "input", err
	}
	for _, l := range n.layers {
		c := l.info()
		for _, p := range c.params {
			if err := n.finite(c.name, "parameter "+p.Name, p.Value); err != nil {
				return c.name, err
			}
		}
		l.forward(forwardAndBackward)
		if err := n.finite(c.name, "output", c.y.t); err != nil {
			return c.name, err
		}
	}
	if !forwardAndBackward {
		return "", nil
	}
	l := n.loss
	l.Scale = 1 / float32(n.config.Batch)
	n.Loss(l)
	if err := n.finite("loss", "gradient of the logits", n.dlogits.t); err != nil {
		return "loss", err
	}
	for _, s := range n.steps {
		s.backward()
		name, dx := s.result()
		if dx != nil {
			if err := n.finite(name, "gradient of the input", dx.t); err != nil {
				return name, err
			}
		}
		if l, ok := s.(layer); ok {
			for _, p := range l.info().params {
				if err := n.finite(name, "gradient of "+p.Name, p.Grad); err != nil {
					return name, err
				}
			}
		}
	}
	return "", nil
}

// finite reports the first element of an F32 tensor that is NaN or infinite.
func (n *Network) finite(layer, what string, t backend.Tensor) error {
	v := make([]float32, t.Shape().Len())
	if err := n.b.Read(v, t); err != nil {
		return fmt.Errorf("model: %s: %w", layer, err)
	}
	for i, f := range v {
		if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			return fmt.Errorf("model: %s: %s: element %d of %d is %v", layer, what, i, len(v), f)
		}
	}
	return nil
}
