package model

import (
	"maps"

	"gputrain/model/backend"
)

// A Summary describes a network and the memory that it takes.
type Summary struct {
	Stem   string // that was chosen; "" if the network has none to choose from
	Layers []LayerSummary

	Params int64 // elements that training changes
	MACs   int64 // multiplications with accumulation per image, forward

	// Bytes counts tensors by what they hold: parameters, gradients (of
	// parameters), state (statistics, ranges, codes of weights), activations
	// (values of the forward pass), codes (those of them that are U8), workspace
	// (what the backward pass needs beyond their memory), tables (as package lut
	// stores them), scratch (what the backend works in; a step may add to it).
	// What an optimizer keeps is not among them.
	Bytes      map[string]int64
	TotalBytes int64
}

// A LayerSummary describes one layer.
type LayerSummary struct {
	Name, Kind   string
	Output       backend.Shape
	Params, MACs int64
	Multiplier   string // "" where the layer has no products

	// Roles says which operand of the multiplier is which where W is no weight:
	// "W = keys, X = queries".
	Roles string
}

// Summary describes the network. The caller must not modify it.
func (n *Network) Summary() Summary {
	s := n.summary
	if b, ok := n.b.(backend.Scratching); ok && b.Scratch() > 0 {
		s.Bytes = maps.Clone(s.Bytes)
		s.Bytes["scratch"] = b.Scratch()
		s.TotalBytes += b.Scratch()
	}
	return s
}
