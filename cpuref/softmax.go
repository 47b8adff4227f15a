package cpuref

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

// SoftmaxCrossEntropy implements [backend.Layers]. Exponentials and the loss
// are float64; the probabilities are rounded to float32 once, the sum of the
// rows' losses before it is added to stats[0].
func (p *Plain) SoftmaxCrossEntropy(stats, dlogits, logits, labels backend.Tensor, scale float32) {
	N, classes := backend.CheckSoftmaxCrossEntropy(who, stats, dlogits, logits, labels)
	S, dL, L, labelOf := p.f32(stats), p.f32(dlogits), p.f32(logits), p.i32(labels)
	checkLabels(labelOf, classes)
	var loss float64
	hits := 0
	for n := range N {
		rowLoss, hit := softmaxRow(dL[n*classes:][:classes], L[n*classes:][:classes], int(labelOf[n]), scale)
		loss += rowLoss
		if hit {
			hits++
		}
	}
	S[0] += float32(loss)
	S[1] += float32(hits)
}

func checkLabels(labels []int32, classes int) {
	for n, label := range labels {
		if label < -1 || int(label) >= classes {
			panic(fmt.Sprintf("%s: SoftmaxCrossEntropy: label %d of row %d outside [-1, %d)", who, label, n, classes))
		}
	}
}

// softmaxRow computes one row: with top the greatest logit,
//
//	loss = log Σ exp(l−top) − (l[label]−top), dl = scale·(exp(l−top)/Σ − onehot)
func softmaxRow(dl, l []float32, label int, scale float32) (loss float64, hit bool) {
	if label < 0 {
		clear(dl)
		return 0, false
	}
	best := 0
	for i, v := range l {
		if v > l[best] {
			best = i
		}
	}
	top := float64(l[best])
	var sum float64
	for _, v := range l {
		sum += math.Exp(float64(v) - top)
	}
	for i, v := range l {
		p := float32(math.Exp(float64(v)-top) / sum)
		if i == label {
			p--
		}
		dl[i] = scale * p
	}
	return math.Log(sum) - (float64(l[label]) - top), best == label
}

type softmaxTask struct {
	classes  int
	dl, l    []float32
	labels   []int32
	scale    float32
	loss     []float64 // of each row
	hit      []uint8
	rowsEach int // of a part
}

func (t *softmaxTask) part(i, _ int) {
	for n := i * t.rowsEach; n < min((i+1)*t.rowsEach, len(t.labels)); n++ {
		var hit bool
		t.loss[n], hit = softmaxRow(t.dl[n*t.classes:][:t.classes], t.l[n*t.classes:][:t.classes], int(t.labels[n]), t.scale)
		t.hit[n] = 0
		if hit {
			t.hit[n] = 1
		}
	}
}

// SoftmaxCrossEntropy implements [backend.Layers], as
// [Plain.SoftmaxCrossEntropy] says.
func (c *CPU) SoftmaxCrossEntropy(stats, dlogits, logits, labels backend.Tensor, scale float32) {
	N, classes := backend.CheckSoftmaxCrossEntropy(who, stats, dlogits, logits, labels)
	S, labelOf := c.f32(stats), c.i32(labels)
	checkLabels(labelOf, classes)
	defer c.release()
	t := softmaxTask{classes, c.f32(dlogits), c.f32(logits), labelOf, scale,
		scratch[float64](c, N), scratch[uint8](c, N), max(1, piece/(16*max(1, classes)))} // an exponential costs as much as 16 sums
	run(c, (N+t.rowsEach-1)/t.rowsEach, t)
	var loss float64
	hits := 0
	for n := range N {
		loss += t.loss[n]
		hits += int(t.hit[n])
	}
	S[0] += float32(loss)
	S[1] += float32(hits)
}
