package model

import (
	"gputrain/lut"
	"gputrain/model/backend"
)

// Describe returns the summary of the network of c without making a tensor. It
// fails as [Build] would on a backend with memory enough.
func Describe(c Config) (Summary, error) {
	n, err := Build(paper{}, c)
	if err != nil {
		return Summary{}, err
	}
	return n.Summary(), nil
}

// paper is a backend on which networks can be planned, and that is all: its
// tensors have no memory.
type paper struct{ backend.Backend }

type paperTensor struct {
	dtype backend.DType
	shape backend.Shape
}

func (t paperTensor) DType() backend.DType { return t.dtype }
func (t paperTensor) Shape() backend.Shape { return t.shape }

func (paper) NewTensor(dt backend.DType, s backend.Shape) backend.Tensor { return paperTensor{dt, s} }
func (paper) Free(backend.Tensor)                                        {}
func (paper) View(t backend.Tensor, s backend.Shape) backend.Tensor {
	backend.CheckView("model", t, s)
	return paperTensor{t.DType(), s}
}
func (paper) NewTables(*lut.Table, lut.Gradients) backend.Tables { return nil }
func (paper) FreeTables(backend.Tables)                          {}
func (paper) Sync() error                                        { return nil }
