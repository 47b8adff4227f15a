package cpuref

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// SoftmaxCrossEntropy implements [backend.Layers]. Exponentials and the loss
// are float64; the probabilities are rounded to float32 once, the sum of the
// rows' losses before it is added to stats[0].
func (p *Plain) SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) {
	l := p.loss(stats, dlogits, logits, t, scale)
	var loss float64
	hits, five := 0, 0
	for n := range l.N {
		rowLoss, rank := l.row(n)
		loss += rowLoss
		if rank < 1 {
			hits++
		}
		if rank < 5 {
			five++
		}
	}
	l.add(loss, hits, five)
}

// A loss is what a softmax with cross-entropy works on.
type loss struct {
	backend.LossDims
	stats, dl, l  []float32
	labels, mixed []int32 // mixed is nil where nothing is
	scale         float32
}

func (p *Plain) loss(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) loss {
	d := backend.CheckSoftmaxCrossEntropy(who, stats, dlogits, logits, t)
	l := loss{d, p.f32(stats), p.f32(dlogits), p.f32(logits), p.i32(t.Labels), nil, scale}
	if t.Mixed != nil {
		l.mixed = p.i32(t.Mixed)
	}
	for n, label := range l.labels {
		if label < -1 || int(label) >= d.Classes {
			panic(fmt.Sprintf("%s: SoftmaxCrossEntropy: label %d of row %d outside [-1, %d)", who, label, n, d.Classes))
		}
		if l.mixed != nil && label >= 0 && (l.mixed[n] < 0 || int(l.mixed[n]) >= d.Classes) {
			panic(fmt.Sprintf("%s: SoftmaxCrossEntropy: mixed label %d of row %d outside [0, %d)", who, l.mixed[n], n, d.Classes))
		}
	}
	return l
}

// leftOut is the rank of a label that is none.
const leftOut = math.MaxInt

// row computes row n: with top the greatest logit and z = l − top,
//
//	loss = log Σ_c exp z[c] − Σ_c q[c]·z[c], dl = scale·(exp(z)/Σ − q)
//
// rank is the number of logits that count as greater than the label's.
func (l *loss) row(n int) (loss float64, rank int) {
	x, dx := l.l[n*l.Classes:][:l.Classes], l.dl[n*l.Classes:][:l.Classes]
	a, b := int(l.labels[n]), -1
	if a < 0 {
		clear(dx)
		return 0, leftOut
	}
	if l.mixed != nil {
		b = int(l.mixed[n])
	}
	top := x[0]
	for i, v := range x {
		top = max(top, v)
		if i != a && above(v, x[a], i < a) {
			rank++
		}
	}
	var sum, drop float64 // Σ exp z, Σ z
	for _, v := range x {
		z := float64(v) - float64(top)
		sum += math.Exp(z)
		drop += z
	}
	for i, v := range x {
		q := l.Rest
		if i == a {
			q += l.Label
		}
		if i == b {
			q += l.Mixed
		}
		dx[i] = l.scale * (float32(math.Exp(float64(v)-float64(top))/sum) - q)
	}

	// A share of 0 must not meet a logit of −∞.
	loss = math.Log(sum)
	if l.Label != 0 {
		loss -= float64(l.Label) * (float64(x[a]) - float64(top))
	}
	if l.Mixed != 0 {
		loss -= float64(l.Mixed) * (float64(x[b]) - float64(top))
	}
	if l.Rest != 0 {
		loss -= float64(l.Rest) * drop
	}
	return loss, rank
}

// above reports whether logit v counts as greater than w; first says that it
// comes first. NaN counts as greater than any number.
func above(v, w float32, first bool) bool {
	switch {
	case v != v || w != w:
		return v != v && (w == w || first)
	case v == w:
		return first
	}
	return v > w
}

// add adds to the sums so far.
func (l *loss) add(loss float64, hits, five int) {
	l.stats[0] += float32(loss)
	l.stats[1] += float32(hits)
	l.stats[2] += float32(five)
}

type softmaxTask struct {
	loss
	losses   []float64 // of each row
	ranks    []int32   // 5 stands for 5 and more
	rowsEach int       // of a part
}

func (t *softmaxTask) part(i, _ int) {
	for n := i * t.rowsEach; n < min((i+1)*t.rowsEach, t.N); n++ {
		loss, rank := t.row(n)
		t.losses[n], t.ranks[n] = loss, int32(min(rank, 5))
	}
}

// SoftmaxCrossEntropy implements [backend.Layers], as
// [Plain.SoftmaxCrossEntropy] says.
func (c *CPU) SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32) {
	l := c.loss(stats, dlogits, logits, t, scale)
	defer c.release()
	task := softmaxTask{l, scratch[float64](c, l.N), scratch[int32](c, l.N), max(1, piece/(16*max(1, l.Classes)))} // an exponential costs as much as 16 sums
	run(c, ceilDiv(l.N, task.rowsEach), task)
	var loss float64
	hits, five := 0, 0
	for n, v := range task.losses {
		loss += v
		if task.ranks[n] < 1 {
			hits++
		}
		if task.ranks[n] < 5 {
			five++
		}
	}
	l.add(loss, hits, five)
}
