package backendtest

import (
	"fmt"
	"math"

	"gputrain/model/backend"
)

type softmaxer interface {
	backend.Memory
	SoftmaxCrossEntropy(stats, dlogits, logits, labels backend.Tensor, scale float32)
}

// A softmaxCase is a batch of logits with the sums before it.
type softmaxCase struct {
	name       string
	N, classes int
	logits     []float32
	labels     []int32
	stats      []float32
	scale      float32
}

func softmaxCases() []softmaxCase {
	var all []softmaxCase
	for _, s := range [][2]int{{1, 1}, {1, 2}, {3, 10}, {17, 10}, {64, 100}, {63, 16}, {65, 17}, {5, 1000}, {300, 3}, {257, 65}} {
		N, classes := s[0], s[1]
		name := fmt.Sprintf("%dx%d", N, classes)
		rnd := seeded(name)
		add := func(kind string, spread float64, change func(c softmaxCase)) {
			c := softmaxCase{name + "/" + kind, N, classes, normals(rnd, N*classes, 0, spread), make([]int32, N), []float32{2.5, 3}, 1 / float32(N)}
			for i := range c.labels {
				c.labels[i] = int32(rnd.IntN(classes))
			}
			if change != nil {
				change(c)
			}
			all = append(all, c)
		}
		add("random", 2, nil)
		add("left out", 2, func(c softmaxCase) {
			for i := range c.labels {
				if i%3 != 1 {
					c.labels[i] = -1
				}
			}
		})
		add("all left out", 2, func(c softmaxCase) { copy(c.labels, fill[int32](N, -1)) })
		add("large", 3000, nil) // exp of any of these alone overflows or is 0
		add("shifted", 1, func(c softmaxCase) {
			for i := range c.logits {
				c.logits[i] += 1e4
			}
		})
		add("ties", 1, func(c softmaxCase) {
			for i := range c.logits {
				c.logits[i] = float32(math.Round(float64(c.logits[i])))
			}
		})
		add("equal", 1, func(c softmaxCase) {
			copy(c.logits, fill[float32](len(c.logits), -7))
			copy(c.labels, fill[int32](N, int32(N%classes)))
		})
	}
	return all
}

// want returns the sums, the number of hits and the gradient.
//
// A row's loss is log Σ e^z − z_label with z = x − max x, an exact difference
// rounded once. OpenGL lets exp be 3 + 2|z| units in the last place off and
// log three, or 2⁻²¹ where its argument is below 2 (GLSL 4.50 §4.7.1); the
// standard library of Go is far better. A unit in the last place is up to two
// of 2⁻²⁴. So e^z is off by (6 + 5|z|)·2⁻²⁴ relatively, the rounding of z
// counted; Σ e^z by the mean of that, each e^z weighing as much as its share p,
// and Bound(classes, 1); log Σ by the same absolutely, and its own error. A
// gradient is p − onehot times scale: p has the errors of its e^z and of the
// sum, and a quotient of 2.5 units; difference, scale and, if scale·p is
// formed first, one more are roundings of the terms, which Bound(2, …) holds.
// Where p is below 2⁻¹²⁶ a backend may say 0.
func (c softmaxCase) want() (loss Approx, hits float32, dlogits []Approx) {
	total, slack := sum{}, 0.0
	total.add(float64(c.stats[0]))
	hits = c.stats[1]
	dlogits = make([]Approx, len(c.logits))
	for n, label := range c.labels {
		if label < 0 {
			continue
		}
		x := c.logits[n*c.classes:][:c.classes]
		greatest := 0
		for i, v := range x {
			if v > x[greatest] {
				greatest = i
			}
		}
		if greatest == int(label) {
			hits++
		}

		e, sumOf, blur := make([]float64, c.classes), 0.0, 0.0
		expError := func(i int) float64 { return (6 + 5*math.Abs(float64(x[i])-float64(x[greatest]))) * unit }
		for i, v := range x {
			e[i] = math.Exp(float64(v) - float64(x[greatest]))
			sumOf += e[i]
			blur += e[i] * expError(i)
		}
		sumError := blur/sumOf + Bound(c.classes, 1)
		logSum, down := math.Log(sumOf), float64(x[label])-float64(x[greatest])
		total.add(logSum - down)
		slack += sumError + max(0x1p-21, 6*unit*logSum) + Bound(1, logSum-down)

		for i := range x {
			p := e[i] / sumOf
			z := sum{}
			z.add(p)
			if i == int(label) {
				z.add(-1)
			} else {
				z.add(0)
			}
			a := z.times(float64(c.scale))
			a.Bound += math.Abs(float64(c.scale)) * (p*(expError(i)+sumError+5*unit) + 0x1p-126)
			dlogits[n*c.classes+i] = a
		}
	}
	loss = total.approx()
	loss.Bound += slack
	return loss, hits, dlogits
}

// SoftmaxCrossEntropy tests loss, hits and gradient, on rows left out, ties
// and logits whose exponentials overflow.
func SoftmaxCrossEntropy(t T, b softmaxer) {
	for _, c := range softmaxCases() {
		t.Run(c.name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			shape := backend.Shape{c.N, c.classes}
			logits, labels := r.in("logits", shape, c.logits), r.in("labels", backend.Shape{c.N}, c.labels)
			stats, dlogits := r.inout("stats", backend.Shape{2}, c.stats), r.out("dlogits", backend.F32, shape)
			r.run(func() { b.SoftmaxCrossEntropy(stats.T, dlogits.T, logits.T, labels.T, c.scale) })
			loss, hits, want := c.want()
			within(t, "stats", backend.Shape{2}, stats.floats(), []Approx{loss, {Value: float64(hits)}})
			within(t, "dlogits", shape, dlogits.floats(), want)
		})
	}

	// A loss that is not finite must show.
	t.Run("NaN", func(t T) {
		r := newRig(t, b)
		defer r.free()
		x := normals(seeded("NaN"), 30, 0, 1)
		x[14] = float32(math.NaN())
		shape := backend.Shape{3, 10}
		logits, labels := r.in("logits", shape, x), r.in("labels", backend.Shape{3}, []int32{1, 2, 3})
		stats, dlogits := r.inout("stats", backend.Shape{2}, []float32{0, 0}), r.out("dlogits", backend.F32, shape)
		r.run(func() { b.SoftmaxCrossEntropy(stats.T, dlogits.T, logits.T, labels.T, 1) })
		if loss := stats.floats()[0]; loss == loss {
			t.Errorf("the loss of a row with NaN is %v, want NaN", loss)
		}
	})

	r := newRig(t, b)
	defer r.free()
	logits, labels := r.out("logits", backend.F32, backend.Shape{3, 4}).T, r.out("labels", backend.I32, backend.Shape{4}).T
	stats := r.out("stats", backend.F32, backend.Shape{2}).T
	faults(t, "SoftmaxCrossEntropy", "labels is 4, want 3", func() { b.SoftmaxCrossEntropy(stats, logits, logits, labels, 1) })
	faults(t, "SoftmaxCrossEntropy", "logits is 2, want [N, classes]", func() { b.SoftmaxCrossEntropy(stats, stats, stats, labels, 1) })
}
