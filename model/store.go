package model

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// A Param is a tensor that training changes.
type Param struct {
	Name        string
	Value, Grad backend.Tensor // F32
	Shape       backend.Shape
}

// A stateEntry is a tensor of the network's state: a parameter, a statistic of
// batch normalisation, or the range of a quantizer.
type stateEntry struct {
	name      string
	shape     backend.Shape
	t         backend.Tensor // F32; nil for a counter
	counter   *int64         // lives on the host: no operation reads it
	param     bool
	quantizer bool // of a quantizer; a float checkpoint has none
}

// A store makes and owns the tensors that live as long as the network.
type store struct {
	b    backend.Backend
	seed uint64
	step uint64 // of dropout

	frozenObservers, frozenNorm bool

	host []float32 // initial values on their way to the backend

	params []Param
	state  []stateEntry
	owned  []backend.Tensor
	tables map[tablesKey]backend.Tables
	bytes  map[string]int64 // by what the tensors hold
}

type tablesKey struct {
	table *lut.Table
	g     lut.Gradients
}

// tensor makes a tensor that is counted under what.
func (s *store) tensor(what string, dt backend.DType, shape backend.Shape) backend.Tensor {
	t := s.b.NewTensor(dt, shape)
	s.owned = append(s.owned, t)
	s.bytes[what] += int64(shape.Len()) * int64(dt.Size())
	return t
}

// start gives a tensor its first values.
func (s *store) start(t backend.Tensor, name string, initial initializer) {
	if _, ok := s.b.(paper); ok {
		return
	}
	n := t.Shape().Len()
	if len(s.host) < n {
		s.host = make([]float32, n)
	}
	initial(s.host[:n], s.seed, name)
	s.b.Write(t, s.host[:n])
}

// param makes a parameter with its gradient and initial values.
func (s *store) param(name string, shape backend.Shape, initial initializer) Param {
	p := Param{Name: name, Shape: shape,
		Value: s.tensor("parameters", backend.F32, shape),
		Grad:  s.tensor("gradients", backend.F32, shape)}
	s.start(p.Value, name, initial)
	s.params = append(s.params, p)
	s.state = append(s.state, stateEntry{name: name, shape: shape, t: p.Value, param: true})
	return p
}

// buffer makes a tensor of the state that no optimizer changes.
func (s *store) buffer(name string, shape backend.Shape, initial float32) backend.Tensor {
	t := s.tensor("state", backend.F32, shape)
	s.start(t, name, constant(initial))
	s.state = append(s.state, stateEntry{name: name, shape: shape, t: t})
	return t
}

// rangeOf makes the range of a quantizer, which has seen nothing.
func (s *store) rangeOf(name string, shape backend.Shape) backend.Tensor {
	t := s.tensor("state", backend.F32, shape)
	s.state = append(s.state, stateEntry{name: name, shape: shape, t: t, quantizer: true})
	return t
}

// counter enters an integer of the host into the state.
func (s *store) counter(name string, c *int64) {
	s.state = append(s.state, stateEntry{name: name, counter: c})
}

// resident returns the tables of m, which layers of one multiplier share.
func (s *store) resident(m Multiplier) backend.Tables {
	key := tablesKey{m.Table, m.Gradients}
	if t, ok := s.tables[key]; ok {
		return t
	}
	t := s.b.NewTables(m.Table, m.Gradients)
	s.tables[key] = t
	s.bytes["tables"] += 4*int64(len(m.Table.Products())) + gradientBytes(m.Gradients.DW) + gradientBytes(m.Gradients.DX)
	return t
}

// gradientBytes returns the bytes of g as package lut defines it; a backend
// may keep it in others.
func gradientBytes(g *lut.Gradient) int64 {
	if g == nil {
		return 0
	}
	if q, _ := g.Stored(); q != nil {
		return 2 * int64(len(q))
	}
	_, u, v := g.Factors()
	return 4 * int64(len(g.Values())+len(u)+len(v))
}
