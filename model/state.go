package model

import (
	"fmt"
	"slices"
	"strings"

	"gputrain/model/backend"
	"gputrain/model/weights"
)

// A Report says how the names of a file and of a network differ.
type Report struct {
	Missing    []string // tensors of the network that the file lacks
	Unexpected []string // tensors of the file that the network lacks
}

// State reads the state of the network from its backend: parameters,
// statistics of batch normalisation, ranges of quantizers, in the order of the
// layers. It returns the backend's failure, if there was one.
func (n *Network) State() ([]weights.Tensor, error) {
	var buffer []float32
	var list []weights.Tensor
	for _, e := range n.state {
		if e.counter != nil {
			list = append(list, weights.FromInt64(e.name, nil, []int64{*e.counter}))
			continue
		}
		buffer = slices.Grow(buffer[:0], e.shape.Len())
		v := buffer[:e.shape.Len()]
		if err := n.b.Read(v, e.t); err != nil {
			return nil, fmt.Errorf("model: %s: %w", e.name, err)
		}
		list = append(list, weights.FromFloat32(e.name, e.shape, v))
	}
	return list, nil
}

// LoadState sets the state from a file, all of it or, on an error, nothing.
//
// A tensor of another shape is an error. So is, if strict, a name that only
// the file or only the network has, save that quantizers may be missing or
// too many, for networks differ in them that differ only in multipliers: a
// quantizer that the file lacks has seen nothing. Without strict other tensors
// that the file lacks stay as they are.
func (n *Network) LoadState(f *weights.File, strict bool) (Report, error) {
	var report Report
	type write struct {
		stateEntry
		v     []float32
		count int64
	}
	var writes []write
	var faults []string
	known := make(map[string]bool)
	for _, e := range n.state {
		known[e.name] = true
		t, ok := f.Get(e.name)
		switch {
		case !ok:
			report.Missing = append(report.Missing, e.name)
			if e.quantizer {
				writes = append(writes, write{e, make([]float32, e.shape.Len()), 0})
			}
		case !slices.Equal(t.Shape, []int(e.shape)):
			faults = append(faults, fmt.Sprintf("%s is %v, want %v", e.name, t.Shape, []int(e.shape)))
		case e.counter != nil:
			v, err := t.Int64()
			if err != nil {
				faults = append(faults, err.Error())
				continue
			}
			writes = append(writes, write{e, nil, v[0]})
		default:
			v, err := t.Float32()
			if err != nil {
				faults = append(faults, err.Error())
				continue
			}
			writes = append(writes, write{e, v, 0})
		}
	}
	for _, t := range f.Tensors {
		if !known[t.Name] {
			report.Unexpected = append(report.Unexpected, t.Name)
		}
	}
	if strict {
		if names := withoutQuantizers(report.Missing); len(names) > 0 {
			faults = append(faults, "missing "+first(names))
		}
		if names := withoutQuantizers(report.Unexpected); len(names) > 0 {
			faults = append(faults, "unexpected "+first(names))
		}
	}
	if len(faults) > 0 {
		const shown = 3
		text := strings.Join(faults[:min(shown, len(faults))], "; ")
		if more := len(faults) - shown; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
		return report, fmt.Errorf("model: the tensors are not those of this %s: %s", n.config.Name, text)
	}
	for _, w := range writes {
		if w.counter != nil {
			*w.counter = w.count
		} else {
			n.b.Write(w.t, w.v)
		}
	}
	return report, nil
}

// withoutQuantizers leaves out the names of quantizer state.
func withoutQuantizers(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool {
		return strings.HasSuffix(s, "_quantizer.range")
	})
}

// first lists a few names.
func first(names []string) string {
	const shown = 3
	if more := len(names) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Uncalibrated returns the names of the quantizers whose range has seen
// nothing. Until a Forward(true) they round everything to 0.
func (n *Network) Uncalibrated() ([]string, error) {
	var names []string
	for _, e := range n.state {
		if !e.quantizer {
			continue
		}
		v := make([]float32, e.shape.Len())
		if err := n.b.Read(v, e.t); err != nil {
			return nil, fmt.Errorf("model: %s: %w", e.name, err)
		}
		// The third row holds the flags, which are all the same.
		if v[len(v)/3*2] == 0 {
			names = append(names, strings.TrimSuffix(e.name, ".range"))
		}
	}
	return names, nil
}

// snapshot reads every tensor that a step moves but parameters and gradients,
// and returns a function that puts it all back.
func (n *Network) snapshot() (restore func(), err error) {
	var undo []func()
	keep := func(t backend.Tensor) error {
		v := make([]float32, t.Shape().Len())
		undo = append(undo, func() { n.b.Write(t, v) })
		return n.b.Read(v, t)
	}
	for _, e := range n.state {
		switch {
		case e.counter != nil:
			c := *e.counter
			undo = append(undo, func() { *e.counter = c })
		case !e.param:
			if err := keep(e.t); err != nil {
				return nil, err
			}
		}
	}
	if err := keep(n.stats); err != nil {
		return nil, err
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}, nil
}
