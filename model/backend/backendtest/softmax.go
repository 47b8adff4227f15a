package backendtest

import (
	"fmt"
	"math"
	"slices"

	"gputrain/model/backend"
)

type softmaxer interface {
	backend.Memory
	SoftmaxCrossEntropy(stats, dlogits, logits backend.Tensor, t backend.Targets, scale float32)
}

// A softmaxCase is a batch of logits with the sums before it.
type softmaxCase struct {
	name              string
	N, classes        int
	logits            []float32
	labels            []int32
	mixed             []int32 // nil where nothing is mixed in
	lambda, smoothing float32
	stats             []float32
	scale             float32
}

func softmaxCases() []softmaxCase {
	var all []softmaxCase
	for _, s := range [][2]int{{1, 1}, {1, 2}, {3, 10}, {17, 10}, {64, 100}, {63, 16}, {65, 17}, {5, 1000}, {300, 3}, {257, 65}} {
		N, classes := s[0], s[1]
		name := fmt.Sprintf("%dx%d", N, classes)
		rnd := seeded(name)
		add := func(kind string, spread float64, change func(c *softmaxCase)) {
			c := softmaxCase{name: name + "/" + kind, N: N, classes: classes, logits: normals(rnd, N*classes, 0, spread),
				labels: make([]int32, N), stats: []float32{2.5, 3, 4}, scale: 1 / float32(N)}
			for i := range c.labels {
				c.labels[i] = int32(rnd.IntN(classes))
			}
			if change != nil {
				change(&c)
			}
			all = append(all, c)
		}
		add("random", 2, nil)
		add("left out", 2, func(c *softmaxCase) {
			for i := range c.labels {
				if i%3 != 1 {
					c.labels[i] = -1
				}
			}
		})
		add("all left out", 2, func(c *softmaxCase) { copy(c.labels, fill[int32](N, -1)) })
		add("large", 3000, nil) // exp of any of these alone overflows or is 0
		add("shifted", 1, func(c *softmaxCase) {
			for i := range c.logits {
				c.logits[i] += 1e4
			}
		})
		add("ties", 1, func(c *softmaxCase) {
			for i := range c.logits {
				c.logits[i] = float32(math.Round(float64(c.logits[i])))
			}
		})
		add("equal", 1, func(c *softmaxCase) {
			copy(c.logits, fill[float32](len(c.logits), -7))
			copy(c.labels, fill[int32](N, int32(N%classes)))
		})
		add("smooth", 2, func(c *softmaxCase) { c.smoothing = 0.1 })
		mix := func(c *softmaxCase) {
			c.mixed = make([]int32, N)
			for i := range c.labels {
				c.mixed[i] = int32(rnd.IntN(classes))
				if i%5 == 4 {
					c.labels[i], c.mixed[i] = -1, -1 // b of a row left out is not looked at
				}
			}
		}
		add("mixed", 2, func(c *softmaxCase) { mix(c); c.lambda = 0.3 })
		add("mixed, smooth", 2, func(c *softmaxCase) { mix(c); c.lambda, c.smoothing = 0.85, 0.2 })
		// Shares of 0 do not meet the −∞ of masked classes.
		add("masked", 2, func(c *softmaxCase) {
			mix(c)
			c.lambda = 0
			for i, b := range c.mixed {
				for k := range classes {
					if k%3 == 1 && k != int(b) {
						c.logits[i*classes+k] = float32(math.Inf(-1))
					}
				}
			}
		})
	}
	return all
}

// share returns q[n, c], the target of class c in row n.
func (c *softmaxCase) share(n, class int) float64 {
	lambda, smoothing := 1.0, float64(c.smoothing)
	if c.mixed != nil {
		lambda = float64(c.lambda)
	}
	q := smoothing / float64(c.classes)
	if class == int(c.labels[n]) {
		q += (1 - smoothing) * lambda
	}
	if c.mixed != nil && class == int(c.mixed[n]) {
		q += (1 - smoothing) * (1 - lambda)
	}
	return q
}

// rank returns how many logits of row n count as greater than the label's.
func (c *softmaxCase) rank(n int) int {
	x := c.logits[n*c.classes:][:c.classes]
	order := make([]int, c.classes)
	for i := range order {
		order[i] = i
	}
	nan := func(v float32) bool { return v != v }
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case nan(x[i]) && nan(x[j]) || x[i] == x[j]:
			return 0
		case nan(x[i]) || x[i] > x[j]:
			return -1
		}
		return 1
	})
	return slices.Index(order, int(c.labels[n]))
}

// want returns the sums and the gradient.
//
// A row's loss is log Σ e^z − Σ q·z with z = x − max x, an exact difference
// rounded once. OpenGL lets exp be 3 + 2|z| units in the last place off and
// log three, or 2⁻²¹ where its argument is below 2 (GLSL 4.50 §4.7.1); the
// standard library of Go is far better. A unit in the last place is up to two
// of 2⁻²⁴. So e^z is off by (6 + 5|z|)·2⁻²⁴ relatively, the rounding of z
// counted; Σ e^z by the mean of that, each e^z weighing as much as its share p,
// and Bound(classes, 1); log Σ by the same absolutely, and its own error. The
// terms q·z do not cancel against log Σ; a plain label is one of them, whose
// factor is 1. A gradient is p − q times scale: p has the errors of its e^z and
// of the sum, and a quotient of 2.5 units; q is the sum of up to three rounded
// shares; these, the difference, scale and, if scale·p is formed first, one
// more are roundings of the terms, which Bound(2, …) holds. Where p is below
// 2⁻¹²⁶ a backend may say 0.
func (c *softmaxCase) want() (stats, dlogits []Approx) {
	total, slack := sum{}, 0.0
	total.add(float64(c.stats[0]))
	hits, five := float64(c.stats[1]), float64(c.stats[2])
	dlogits = make([]Approx, len(c.logits))
	for n, label := range c.labels {
		if label < 0 {
			continue
		}
		switch rank := c.rank(n); {
		case rank == 0:
			hits++
			fallthrough
		case rank < 5:
			five++
		}
		x := c.logits[n*c.classes:][:c.classes]
		greatest := float64(slices.Max(x))

		e, sumOf, blur := make([]float64, c.classes), 0.0, 0.0
		expError := func(i int) float64 {
			if e[i] == 0 { // of −∞, too
				return 0
			}
			return (6 + 5*math.Abs(float64(x[i])-greatest)) * unit
		}
		for i, v := range x {
			e[i] = math.Exp(float64(v) - greatest)
			sumOf += e[i]
			blur += e[i] * expError(i)
		}
		sumError := blur/sumOf + Bound(c.classes, 1)
		logSum := math.Log(sumOf)
		row, terms := logSum, 0
		for i, v := range x {
			if q := c.share(n, i); q != 0 {
				row -= q * (float64(v) - greatest)
				terms++
			}
		}
		if c.mixed != nil && c.lambda != 0 || c.smoothing != 0 {
			terms++
		}
		total.add(row)
		slack += sumError + max(0x1p-21, 6*unit*logSum) + Bound(terms, row)

		for i := range x {
			p := e[i] / sumOf
			z := sum{}
			z.add(p)
			z.add(-c.share(n, i))
			a := z.times(float64(c.scale))
			a.Bound += math.Abs(float64(c.scale)) * (p*(expError(i)+sumError+5*unit) + 0x1p-126)
			dlogits[n*c.classes+i] = a
		}
	}
	loss := total.approx()
	loss.Bound += slack
	return []Approx{loss, {Value: hits}, {Value: five}}, dlogits
}

// SoftmaxCrossEntropy tests loss, hits and gradient, on rows left out, ties,
// logits whose exponentials overflow, mixed and smoothed targets.
func SoftmaxCrossEntropy(t T, b softmaxer) {
	for _, c := range softmaxCases() {
		t.Run(c.name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			stats, dlogits := c.run(r, b)
			wantStats, want := c.want()
			within(t, "stats", backend.Shape{3}, stats, wantStats)
			within(t, "dlogits", backend.Shape{c.N, c.classes}, dlogits, want)
		})
	}

	// A loss that is not finite must show, and NaN counts as the greatest.
	t.Run("NaN", func(t T) {
		r := newRig(t, b)
		defer r.free()
		c := softmaxCase{N: 3, classes: 10, logits: normals(seeded("NaN"), 30, 0, 1), labels: []int32{1, 4, 7}, stats: make([]float32, 3), scale: 1}
		c.logits[14], c.logits[23] = float32(math.NaN()), float32(math.NaN())
		c.logits[1], c.logits[27] = 9, 9
		stats, _ := c.run(r, b)
		equal(t, "stats", backend.Shape{3}, stats, []float32{float32(math.NaN()), 2, 3})
	})

	t.Run("PyTorch", func(t T) {
		for _, c := range pytorchLosses() {
			t.Run(c.name, func(t T) {
				r := newRig(t, b)
				defer r.free()
				c.stats = make([]float32, 3)
				stats, dlogits := c.run(r, b)
				// The figures have nine digits: half of the last adds to the bound.
				wantStats, want := c.want()
				wantStats[0] = Approx{c.loss, wantStats[0].Bound + 1e-8}
				for i, g := range c.gradient {
					want[i] = Approx{g, want[i].Bound + 1e-9}
				}
				within(t, "stats", backend.Shape{3}, stats, wantStats)
				within(t, "dlogits", backend.Shape{c.N, c.classes}, dlogits, want)
			})
		}
	})

	r := newRig(t, b)
	defer r.free()
	logits, labels := r.out("logits", backend.F32, backend.Shape{3, 4}).T, r.in("labels", backend.Shape{3}, []int32{0, 1, 2}).T
	stats, four := r.out("stats", backend.F32, backend.Shape{3}).T, r.out("labels", backend.I32, backend.Shape{4}).T
	faulty := func(want string, stats, logits backend.Tensor, targets backend.Targets) {
		faults(t, "SoftmaxCrossEntropy", want, func() { b.SoftmaxCrossEntropy(stats, logits, logits, targets, 1) })
	}
	faulty("labels is 4, want 3", stats, logits, backend.Targets{Labels: four})
	faulty("labels is nil", stats, logits, backend.Targets{})
	faulty("logits is 3, want [N, classes]", stats, stats, backend.Targets{Labels: labels})
	faulty("stats is 3×4, want 3", logits, logits, backend.Targets{Labels: labels})
	faulty("mixed labels is 4, want 3", stats, logits, backend.Targets{Labels: labels, Mixed: four, Lambda: 1})
	faulty("lambda is 1.5", stats, logits, backend.Targets{Labels: labels, Mixed: labels, Lambda: 1.5})
	faulty("smoothing is -0.1", stats, logits, backend.Targets{Labels: labels, Smoothing: -0.1})
}

// run runs the case in r and returns the results.
func (c *softmaxCase) run(r *rig, b softmaxer) (stats, dlogits []float32) {
	shape, rows := backend.Shape{c.N, c.classes}, backend.Shape{c.N}
	logits := r.in("logits", shape, c.logits)
	targets := backend.Targets{Labels: r.in("labels", rows, c.labels).T, Lambda: c.lambda, Smoothing: c.smoothing}
	if c.mixed != nil {
		targets.Mixed = r.in("mixed", rows, c.mixed).T
	}
	s, d := r.inout("stats", backend.Shape{3}, c.stats), r.out("dlogits", backend.F32, shape)
	r.run(func() { b.SoftmaxCrossEntropy(s.T, d.T, logits.T, targets, c.scale) })
	return s.floats(), d.floats()
}
