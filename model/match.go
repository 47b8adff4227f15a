package model

import (
	"gputrain/model/backend"
	"gputrain/model/weights"
)

// Match says how the names of a file and of the network of c differ, without
// making a tensor. It fails as [Build] would, and as [Network.LoadState] where a
// tensor has another shape or type than the network's.
func Match(c Config, f *weights.File) (Report, error) {
	n, err := Build(paper{}, c)
	if err != nil {
		return Report{}, err
	}
	return n.LoadState(f, false)
}

func (paper) Write(backend.Tensor, any) {}
