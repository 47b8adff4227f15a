package model

import "gputrain/model/backend"

// Input returns the images, F32 [B, C, H, W], for the caller to write.
func (n *Network) Input() backend.Tensor { return n.input.t }

// Labels returns the classes, I32 [B], for the caller to write. −1 leaves a
// row out.
func (n *Network) Labels() backend.Tensor { return n.labels.t }

// Mixed returns the second classes of a mixed batch (mixup, CutMix), I32 [B],
// for the caller to write; [Loss] says whether and how they count.
func (n *Network) Mixed() backend.Tensor { return n.mixed.t }

// Logits returns the result of Forward, F32 [B, classes].
func (n *Network) Logits() backend.Tensor { return n.logits.t }

// Stats returns what Loss adds to, F32 [3]: the sum of the losses, the number
// of hits, and that of labels among the five greatest logits. The caller sets
// it to zero.
func (n *Network) Stats() backend.Tensor { return n.stats }

// Params returns the parameters in the order of the layers. The optimizer
// changes their values in place.
func (n *Network) Params() []Param { return n.params }

// Forward computes Logits of Input. With train the observers of quantizers
// move before they are used, and batch normalisation uses and moves the
// statistics of the batch; without, neither moves.
func (n *Network) Forward(train bool) {
	for _, l := range n.layers {
		n.at(l.info().name)
		l.forward(train)
	}
	n.at("")
}

// SetStep says which step of training the next Forward(true) belongs to, from
// which and the network's seed it follows what dropout leaves out. A step that
// is repeated is the same; steps of one number leave out the same elements.
func (n *Network) SetStep(step uint64) { n.step = step }

// Freeze holds the ranges of quantizers, or the statistics of batch
// normalisation, where they are: Forward(true) then uses them as Forward(false)
// does, and Backward takes them for constants. Parameters go on to be trained.
// A quantizer that is frozen before it has seen anything rounds everything to
// 0; [Network.Uncalibrated] names those.
func (n *Network) Freeze(observers, batchNorm bool) {
	n.frozenObservers, n.frozenNorm = observers, batchNorm
}

// at tells a backend that profiles its work for which layer that is.
func (n *Network) at(layer string) {
	if a, ok := n.b.(backend.Annotator); ok {
		a.Annotate(layer)
	}
}

// A Loss says what Loss computes. The zero value is the cross-entropy of Labels,
// and Backward then finds gradients of 0.
type Loss struct {
	Scale     float32 // Backward begins with the gradient of Scale times the sum; PyTorch's mean is 1/B
	Smoothing float32 // of labels, as in [backend.Targets]
	Mixed     bool    // the classes of Mixed count 1 − Lambda, those of Labels Lambda
	Lambda    float32
}

// Loss adds the cross-entropy of each row of Logits with its targets, and the
// numbers of hits, to Stats.
func (n *Network) Loss(l Loss) {
	n.loss = l
	t := backend.Targets{Labels: n.labels.t, Smoothing: l.Smoothing}
	if l.Mixed {
		t.Mixed, t.Lambda = n.mixed.t, l.Lambda
	}
	n.b.SoftmaxCrossEntropy(n.stats, n.dlogits.t, n.logits.t, t, l.Scale)
}

// Backward sets the gradient of every parameter. It follows Forward(true) and
// Loss, and ends the life of what they computed but Logits and Stats.
func (n *Network) Backward() {
	for _, s := range n.steps {
		layer, _ := s.result()
		n.at(layer)
		s.backward()
	}
	n.at("")
}

// Close frees the tensors and tables of the network.
func (n *Network) Close() {
	for _, t := range n.owned {
		n.b.Free(t)
	}
	for _, t := range n.tables {
		n.b.FreeTables(t)
	}
	n.owned, n.tables = nil, nil
}

// Operands are the quantized operands of one approximate layer. It is a
// convolution, or a linear layer, which is one with 1×1 filters, or a batch of
// products of activations, where W moves with the images as X does.
type Operands struct {
	Layer      string
	Multiplier Multiplier
	W, X       backend.Tensor // U8 codes [Cout, Cin, KH, KW], [N, Cin, H, W], or [B, M, K], [B, K, N]
	QW, QX     backend.Tensor // their quantizers
	Geometry   backend.Conv2D // of a convolution
	Tables     backend.Tables
}

// Batched reports whether the layer is a batch of products, an equal share of
// it for each image.
func (o Operands) Batched() bool { return len(o.W.Shape()) == 3 }

// Operands returns the operands of the approximate layers, for histograms.
// Their codes are those of the last Forward, until Backward.
func (n *Network) Operands() []Operands {
	var list []Operands
	for _, l := range n.layers {
		switch l := l.(type) {
		case *lutConv:
			list = append(list, Operands{l.name, l.m, l.wcode, l.xcode.t, l.wq.q, l.xq.q, l.geo, l.tables})
		case *lutMatmul:
			list = append(list, Operands{l.name, l.m, l.wcode.t, l.xcode.t, l.wq.q, l.xq.q, backend.Conv2D{}, l.tables})
		}
	}
	return list
}
