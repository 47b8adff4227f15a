package model

import "gputrain/model/backend"

// A layer is one operation of a network with its backward pass.
type layer interface {
	info() *common

	// allocate makes the tensors that live as long as the network.
	allocate(s *store)

	// forward computes y from x; train lets observers and statistics move.
	forward(train bool)

	// differentiate plans the backward pass, the gradient of y being complete,
	// and contributes to the gradient of x.
	differentiate(p *planner)
}

// common is what all layers have.
type common struct {
	b          backend.Backend
	name, kind string
	x, y       *value
	dx, dy     *value // dx is nil where no layer below needs it
	params     []Param
	macs       int64  // products per image
	multiplier string // "" where the layer has no products
	roles      string // of the operands of products, "" where W is the weight
}

func (c *common) info() *common            { return c }
func (c *common) allocate(*store)          {}
func (c *common) result() (string, *value) { return c.name, c.dx }
