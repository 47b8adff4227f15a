package model

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// A value is an intermediate result of a step, known by its shape before it
// has memory: an activation, the gradient of one, or scratch.
//
// A step is a sequence of events, each a layer's forward or backward pass. A
// value lives from the first event that touches it to the last, and values
// whose lives do not meet may share memory.
type value struct {
	dtype backend.DType
	shape backend.Shape

	of      *value   // the value whose elements these are, under another shape
	inPlace []*value // values whose memory this one takes if they die as it is born

	first, last int // events, −1 before any
	needsGrad   bool
	grad        *value // ∂L/∂value, once differentiated

	mem *memory
	t   backend.Tensor // what operations are given, once allocated
}

// memory is a tensor that one or more values occupy in turn.
type memory struct {
	t backend.Tensor
}

// root returns the value that owns v's elements.
func (v *value) root() *value {
	for v.of != nil {
		v = v.of
	}
	return v
}

// forever is later than every event.
const forever = math.MaxInt

// maxElements bounds a tensor, so that indices fit an int32 on every backend.
const maxElements = math.MaxInt32

// A planner collects the layers of a network and the lives of their values.
type planner struct {
	b      backend.Backend
	config Config
	layers []layer
	steps  []backwardStep // the backward pass, in order

	values  []*value
	events  int
	split   int      // first event of the backward pass
	matched []bool   // for each rule: whether a layer's name matches
	ends    []string // layers of config.Ends
	chosen  string   // stem; "" where the network has none to choose

	err error // the first fault; later calls do nothing
}

// fail records a fault of a layer.
func (p *planner) fail(layer, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("model: %s: %w", layer, fmt.Errorf(format, args...))
	}
}

// value returns a value of its own. The name is the one to blame for its size.
func (p *planner) value(layer string, dt backend.DType, s backend.Shape) *value {
	n := 1
	for _, d := range s {
		if d < 1 || n > maxElements/d {
			p.fail(layer, "a tensor of %v elements, want each dimension at least 1 and at most %d elements", s, maxElements)
			break
		}
		n *= d
	}
	v := &value{dtype: dt, shape: s, first: -1, last: -1}
	p.values = append(p.values, v)
	return v
}

// view returns v under another shape of as many elements.
func (p *planner) view(v *value, s backend.Shape) *value {
	u := &value{dtype: v.dtype, shape: s, of: v}
	p.values = append(p.values, u)
	return u
}

// event records that one pass of a layer touches these values; nil is skipped.
func (p *planner) event(touched ...*value) {
	for _, v := range touched {
		if v == nil {
			continue
		}
		v = v.root()
		if v.first < 0 {
			v.first = p.events
		}
		v.last = max(v.last, p.events)
	}
	p.events++
}

// keep gives v memory that nothing else occupies.
func (p *planner) keep(v *value) {
	v.first, v.last = 0, forever
}

// add appends a layer, whose forward pass touches x, y and the values given.
func (p *planner) add(l layer, others ...*value) *value {
	c := l.info()
	c.y.root().needsGrad = true
	p.layers = append(p.layers, l)
	p.event(append(others, c.x, c.y)...)
	return c.y
}

// gradient returns ∂L/∂v under the shape of v, nil if nobody contributed.
func (p *planner) gradient(v *value) *value {
	g := v.root().grad
	if g == nil || g.shape.Equal(v.shape) {
		return g
	}
	return p.view(g, v.shape)
}

// gradientFor returns a new value to hold ∂L/∂v, nil if v needs none.
func (p *planner) gradientFor(layer string, v *value) *value {
	if !v.root().needsGrad {
		return nil
	}
	return p.value(layer, backend.F32, v.shape)
}

// contribute adds dv, nil for none, to the gradient of v.
func (p *planner) contribute(layer string, v, dv *value) {
	r := v.root()
	if dv == nil || !r.needsGrad {
		return
	}
	if !dv.shape.Equal(r.shape) {
		dv = p.view(dv, r.shape)
	}
	if r.grad == nil {
		r.grad = dv
		return
	}
	sum := p.value(layer, backend.F32, r.shape)
	sum.inPlace = []*value{r.grad, dv}
	p.backward(&accumulate{b: p.b, name: layer, sum: sum, a: r.grad, c: dv}, sum, r.grad, dv)
	r.grad = sum
}

// backward appends a step of the backward pass that touches these values.
func (p *planner) backward(s backwardStep, touched ...*value) {
	p.steps = append(p.steps, s)
	p.event(touched...)
}

// A backwardStep is one entry of the backward pass.
type backwardStep interface {
	backward()
	result() (layer string, dx *value) // for CheckFinite; dx may be nil
}

// accumulate adds two gradients of one value, which two layers read.
type accumulate struct {
	b         backend.Backend
	name      string
	sum, a, c *value
}

func (s *accumulate) backward()                { s.b.Add(s.sum.t, s.a.t, s.c.t) }
func (s *accumulate) result() (string, *value) { return s.name, s.sum }

// largest returns the elements of the largest value.
func (p *planner) largest() int {
	n := 0
	for _, v := range p.values {
		n = max(n, v.shape.Len())
	}
	return n
}

// allocate gives every value its memory, in the order of events: that of a
// value in whose place it may stand, else any of its type and size that is
// free, else new one. Without share every value gets its own, which a test
// compares with. newTensor makes the tensor of a value born in the forward
// pass, or in the backward pass.
func (p *planner) allocate(share bool, newTensor func(backward bool, dt backend.DType, s backend.Shape) backend.Tensor) {
	type size struct {
		dtype backend.DType
		n     int
	}
	free := make(map[size][]*memory)
	born := make([][]*value, p.events)
	dying := make([][]*value, p.events)
	for _, v := range p.values {
		if v.of != nil || v.first < 0 {
			continue
		}
		born[v.first] = append(born[v.first], v)
		if v.last < p.events {
			dying[v.last] = append(dying[v.last], v)
		}
	}
	taken := make(map[*value]bool) // dies, but its memory lives on in place
	for e := range p.events {
		for _, v := range born[e] {
			key := size{v.dtype, v.shape.Len()}
			for _, u := range v.inPlace {
				u = u.root()
				if share && u.last == e && !taken[u] {
					v.mem, taken[u] = u.mem, true
					break
				}
			}
			if list := free[key]; v.mem == nil && share && len(list) > 0 {
				v.mem = list[len(list)-1]
				free[key] = list[:len(list)-1]
			}
			if v.mem == nil {
				v.mem = &memory{newTensor(e >= p.split, v.dtype, v.shape)}
			}
		}
		for _, v := range dying[e] {
			if !taken[v] {
				key := size{v.dtype, v.shape.Len()}
				free[key] = append(free[key], v.mem)
			}
		}
	}
	for _, v := range p.values {
		m := v.root().mem
		switch {
		case m == nil: // touched by no event
		case m.t.Shape().Equal(v.shape):
			v.t = m.t
		default:
			v.t = p.b.View(m.t, v.shape)
		}
	}
}
