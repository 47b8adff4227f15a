package model

import (
	"fmt"

	"gputrain/lut"
	"gputrain/model/backend"
)

// A quantizer follows the range of a tensor and rounds it to codes.
type quantizer struct {
	b         backend.Backend
	store     *store
	name      string // of the state: name.range
	op        lut.Operand
	symmetric bool
	observer  backend.Observer
	columns   int // 0 for one scale, else one for each output channel

	span backend.Tensor // F32 {lo, hi, seen}
	q    backend.Tensor // F32 {s, inv, Z}
}

func (z *quantizer) allocate(s *store) {
	z.store = s
	shape := backend.Shape{3}
	if z.columns > 0 {
		shape = backend.Shape{3, z.columns}
	}
	z.span = s.rangeOf(z.name+".range", shape)
	z.q = s.tensor("state", backend.F32, shape)
}

// quantize sets the codes of x; train lets the range follow x first, unless
// observers are frozen.
func (z *quantizer) quantize(code, x backend.Tensor, train bool) {
	if train && !z.store.frozenObservers {
		z.b.Observe(z.span, x, z.observer)
	}
	z.b.SetRange(z.q, z.span, z.op, z.symmetric)
	z.b.Quantize(code, x, z.q, z.op)
}

// mask sets the elements of dx to 0 where quantization clamped x.
func (z *quantizer) mask(dx, x backend.Tensor) {
	z.b.QuantizeBackward(dx, dx, x, z.q, z.op)
}

// with returns the codes with the quantizer.
func (z *quantizer) with(code backend.Tensor) backend.Quantized {
	return backend.Quantized{Code: code, Q: z.q}
}

// newQuantizer applies the rule that signed operands are symmetric.
func (p *planner) newQuantizer(name string, op lut.Operand, symmetric *bool, o backend.Observer) (quantizer, error) {
	z := quantizer{b: p.b, name: name, op: op, symmetric: op.Signed, observer: o}
	if symmetric != nil {
		z.symmetric = *symmetric
	}
	if z.symmetric && !op.Signed {
		return z, fmt.Errorf("symmetric quantization of the unsigned operand %v", op)
	}
	return z, nil
}

// validate reports settings that no layer could use.
func (q Quantization) validate() error {
	for _, o := range []struct {
		name string
		backend.Observer
	}{{"weight", q.WeightObserver}, {"activation", q.ActivationObserver}} {
		switch {
		case o.Kind > backend.ObservePercentile:
			return fmt.Errorf("%s observer of kind %d", o.name, o.Kind)
		case o.Kind != backend.ObserveMinMax && !(o.Momentum > 0 && o.Momentum <= 1):
			return fmt.Errorf("%s observer with momentum %v, want above 0 and at most 1", o.name, o.Momentum)
		case o.Kind == backend.ObservePercentile && !(o.Percentile > 0 && o.Percentile <= 100):
			return fmt.Errorf("%s observer of percentile %v, want above 0 and at most 100", o.name, o.Percentile)
		}
	}
	if q.WeightPerChannel && q.WeightObserver.Kind != backend.ObserveMinMax {
		return fmt.Errorf("weights quantized per channel go with the min/max observer only")
	}
	if q.Padding > backend.PadIntZero {
		return fmt.Errorf("padding %d", q.Padding)
	}
	if q.PoolInputs {
		if err := q.Pool.Valid(); err != nil {
			return fmt.Errorf("inputs of pooling: %w", err)
		}
	}
	return nil
}
