package backendtest

import (
	"math"

	"gputrain/lut"
	"gputrain/model/backend"
)

type observer interface {
	backend.Memory
	Observe(r, x backend.Tensor, o backend.Observer)
}

// An observation is a batch and the range before it.
type observation struct {
	name     string
	shape    backend.Shape
	columns  int // 0: one range for all of x, of shape [3]
	r, x     []float32
	observer backend.Observer
}

// Observe tests the three observers, and the flag by which the first batch is
// taken as it is.
func Observe(t T, b observer) {
	for _, o := range observations() {
		t.Run(o.name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			shape := backend.Shape{3}
			if o.columns > 0 {
				shape = append(shape, o.columns)
			}
			x, rng := r.in("x", o.shape, o.x), r.inout("r", shape, o.r)
			r.run(func() { b.Observe(rng.T, x.T, o.observer) })
			equal(t, "r", shape, rng.floats(), o.want())
		})
	}
	observeFaults(t, b)
}

func observations() []observation {
	minMax := backend.Observer{Kind: backend.ObserveMinMax}
	ema := backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.1}
	percentile := func(p float64) backend.Observer {
		return backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.1, Percentile: p}
	}
	rnd := seeded("observe")
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	first, later := []float32{-70, 70, 0}, []float32{-1.5, 2.25, 1}

	var all []observation
	add := func(name string, s backend.Shape, r, x []float32, o backend.Observer) {
		all = append(all, observation{name, s, 0, r, x, o})
	}
	for _, s := range Lengths {
		x := normals(rnd, s.Len(), 0.5, 2)
		for _, o := range []struct {
			name string
			backend.Observer
		}{{"minmax", minMax}, {"ema", ema}, {"percentile", percentile(99.99)}, {"median", percentile(50)}} {
			add(o.name+"/first/"+s.String(), s, first, x, o.Observer)
			add(o.name+"/later/"+s.String(), s, later, x, o.Observer)
		}
	}
	s := backend.Shape{300}
	add("minmax/keeps a wider range", s, []float32{-99, 99, 1}, normals(rnd, 300, 0, 1), minMax)
	add("minmax/all positive", s, first, normals(rnd, 300, 90, 1), minMax)
	add("minmax/all negative", s, later, normals(rnd, 300, -90, 1), minMax)
	add("ema/all positive", s, first, normals(rnd, 300, 90, 1), ema)
	add("ema/momentum 1", s, later, normals(rnd, 300, 0, 1), backend.Observer{Kind: backend.ObserveEMA, Momentum: 1})
	add("ema/momentum 0.3", s, later, normals(rnd, 300, 0, 1), backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.3})
	add("ema/first after NaN", s, []float32{nan, nan, 0}, normals(rnd, 300, 0, 1), ema)
	add("percentile/all", s, first, normals(rnd, 300, 0, 1), percentile(100))
	add("percentile/least", s, first, normals(rnd, 300, 0, 1), percentile(1e-6))
	add("percentile/zeros", s, first, make([]float32, 300), percentile(99.99))
	add("percentile/zeros later", s, later, make([]float32, 300), percentile(99.99))
	add("percentile/one value", s, first, fill[float32](300, -0.7), percentile(99.99))
	add("percentile/momentum 0.3", s, later, normals(rnd, 300, 0, 1),
		backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.3, Percentile: 90})

	// An outlier is what a percentile is for. Its counts stay away from the
	// percentile itself, where the order of roundings would decide.
	outlier := normals(rnd, 12345, 0, 1)
	outlier[777] = 50
	add("percentile/outlier", backend.Shape{12345}, first, outlier, percentile(99.99))
	outlier[778] = -60
	add("percentile/negative outlier", backend.Shape{12345}, later, outlier, percentile(99.9))

	// Values on the edges of bins: multiples of a/2048, exact in float32.
	edges := make([]float32, 2049)
	for i := range edges {
		edges[i] = float32(i) / 256
		if i%3 == 0 {
			edges[i] = -edges[i]
		}
	}
	for _, p := range []float64{12.5, 25, 50, 75, 100} {
		add("percentile/edges of bins", backend.Shape{2049}, first, edges, percentile(p))
	}

	for _, o := range []struct {
		name string
		backend.Observer
	}{{"minmax", minMax}, {"ema", ema}, {"percentile", percentile(99.99)}} {
		for _, i := range []int{0, 150, 299} {
			x := normals(rnd, 300, 0, 1)
			x[i] = nan
			add(o.name+"/first with NaN", s, first, x, o.Observer)
			add(o.name+"/later with NaN", s, later, x, o.Observer)
		}
	}
	infinite := normals(rnd, 300, 0, 1)
	infinite[5], infinite[6] = inf, -inf
	add("minmax/infinite", s, later, infinite, minMax)
	add("ema/infinite", s, later, infinite, ema)

	for _, s := range []backend.Shape{{1, 3, 3, 3}, {4, 1}, {2, 7}, {16, 3, 5, 5}, {17, 64}, {65, 257}, {300, 2}, {3, 9001}} {
		c := s[0]
		r := append(normals(rnd, c, -1, 1), normals(rnd, c, 1, 1)...)
		for i := range c {
			r = append(r, float32(i%2))
		}
		x := normals(rnd, s.Len(), 0, 1)
		all = append(all, observation{"channels/" + s.String(), s, c, r, x, minMax})
		x = append([]float32(nil), x...)
		x[len(x)-1] = nan
		all = append(all, observation{"channels/NaN in the last/" + s.String(), s, c, r, x, minMax})
	}
	return all
}

// want returns the range after the batch.
func (o observation) want() []float32 {
	columns := max(1, o.columns)
	each := len(o.x) / columns
	r := append([]float32(nil), o.r...)
	for c := range columns {
		lo, hi := &r[c], &r[columns+c]
		newLo, newHi := batchRange(o.x[c*each:][:each], o.observer)
		keep, m := 1-o.observer.Momentum, o.observer.Momentum
		switch seen := &r[2*columns+c]; {
		case *seen == 0:
			*lo, *hi, *seen = newLo, newHi, 1
		case o.observer.Kind == backend.ObserveMinMax:
			*lo, *hi = min(*lo, newLo), max(*hi, newHi)
		default:
			*lo = float32(keep**lo) + float32(m*newLo)
			*hi = float32(keep**hi) + float32(m*newHi)
		}
	}
	return r
}

// batchRange returns what a batch says of the range: Go's min and max return
// NaN where there is one.
func batchRange(x []float32, o backend.Observer) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	if a := max(-lo, hi); o.Kind == backend.ObservePercentile && a > 0 {
		var bins [2048]int
		perUnit := 2048 / a
		for _, v := range x {
			bins[min(2047, int(float32(max(v, -v)*perUnit)))]++
		}
		counted := 0
		for b, n := range bins {
			counted += n
			if float64(counted) >= o.Percentile/100*float64(len(x)) {
				p := float32(b+1) * (a / 2048)
				return max(lo, -p), min(hi, p)
			}
		}
	}
	return lo, hi
}

func observeFaults(t T, b observer) {
	r := newRig(t, b)
	defer r.free()
	x, rng, perChannel := r.out("x", backend.F32, backend.Shape{4, 2}).T, r.out("r", backend.F32, backend.Shape{3}).T, r.out("r", backend.F32, backend.Shape{3, 4}).T
	faults(t, "Observe", "the range is 3×4: per channel there is only the min/max observer", func() {
		b.Observe(perChannel, x, backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.1})
	})
	faults(t, "Observe", "observer kind 7", func() { b.Observe(rng, x, backend.Observer{Kind: 7}) })
	faults(t, "Observe", "momentum 0 outside (0, 1]", func() { b.Observe(rng, x, backend.Observer{Kind: backend.ObserveEMA}) })
	faults(t, "Observe", "percentile 101 outside (0, 100]", func() {
		b.Observe(rng, x, backend.Observer{Kind: backend.ObservePercentile, Momentum: 1, Percentile: 101})
	})
	faults(t, "Observe", "the range is 4×2, want 3 or 3×4", func() { b.Observe(x, x, backend.Observer{}) })
}

type ranger interface {
	backend.Memory
	SetRange(q, r backend.Tensor, op lut.Operand, symmetric bool)
}

// Ranges is the number of ranges on which [Run] tests SetRange.
const Ranges = 1_000_000

// SetRange tests SetRange on so many ranges, to the last bit, for operands of
// every width and sign.
func SetRange(t T, b ranger, ranges int) {
	type variant struct {
		op        lut.Operand
		symmetric bool
	}
	var variants []variant
	for bits := lut.MinBits; bits <= lut.MaxBits; bits++ {
		variants = append(variants, variant{lut.Unsigned(bits), false}, variant{lut.Signed(bits), false}, variant{lut.Signed(bits), true})
	}
	for _, v := range variants {
		name := v.op.String()
		if v.symmetric {
			name += ",symmetric"
		}
		t.Run(name, func(t T) {
			lo, hi := rangesFor(name, v.op, (ranges+len(variants)-1)/len(variants))
			setRange(t, b, v.op, v.symmetric, backend.Shape{3, len(lo)}, lo, hi)
		})
		for i := range 3 {
			t.Run(name+"/per tensor", func(t T) {
				lo, hi := rangesFor(name, v.op, 3)
				setRange(t, b, v.op, v.symmetric, backend.Shape{3}, lo[i:i+1], hi[i:i+1])
			})
		}
	}
	setRangeFaults(t, b)
}

// rangesFor returns n ranges: the degenerate ones, ones that put Z on a tie,
// and random ones of all magnitudes and signs.
func rangesFor(name string, op lut.Operand, n int) (lo, hi []float32) {
	rnd := seeded(name)
	lo, hi = []float32{-1, -3, 0, 0, 2, -5, -1e-9, 1e30, -1e37}, []float32{1, 1, 0, 7, 5, -2, 1e-9, 1e37, 1e37}
	for k := range op.Count() - 1 {
		// −lo·(n−1)/(hi−lo) = k + ½: hi − lo is n − 1.
		lo, hi = append(lo, -float32(k)-0.5), append(hi, float32(op.Count()-1-k)-0.5)
	}
	magnitude := func() float64 {
		v := math.Exp(rnd.NormFloat64() * 4)
		if rnd.IntN(2) == 0 {
			return -v
		}
		return v
	}
	for len(lo) < n {
		a, b := float32(magnitude()), float32(magnitude())
		lo, hi = append(lo, min(a, b)), append(hi, max(a, b))
	}
	return lo, hi
}

func setRange(t T, b ranger, op lut.Operand, symmetric bool, s backend.Shape, lo, hi []float32) {
	n := len(lo)
	data, want := make([]float32, 3*n), make([]float32, 3*n)
	for i := range n {
		data[i], data[n+i], data[2*n+i] = lo[i], hi[i], 1
		want[i], want[n+i], want[2*n+i] = quantizerOf(lo[i], hi[i], op, symmetric)
	}
	r := newRig(t, b)
	defer r.free()
	rng, q := r.in("r", s, data), r.out("q", backend.F32, s)
	r.run(func() { b.SetRange(q.T, rng.T, op, symmetric) })
	equal(t, "q", s, q.floats(), want)
}

// quantizerOf returns {s, inv, Z} of a range, as the contract has it.
func quantizerOf(rangeLo, rangeHi float32, op lut.Operand, symmetric bool) (s, inv, z float32) {
	lo, hi := min(0, float64(rangeLo)), max(0, float64(rangeHi))
	n := float64(op.Count())
	var scale, zero float64
	if symmetric {
		scale = max(max(-lo, hi)/(n/2-1), 0x1p-23)
	} else {
		scale = max((hi-lo)/(n-1), 0x1p-23)
		zero = float64(op.Min())
		if hi > lo {
			zero += min(max(math.RoundToEven(-lo*(n-1)/(hi-lo)), 0), n-1)
		}
	}
	return float32(scale), float32(1 / scale), float32(zero)
}

func setRangeFaults(t T, b ranger) {
	r := newRig(t, b)
	defer r.free()
	three, two := r.out("q", backend.F32, backend.Shape{3}).T, r.out("q", backend.F32, backend.Shape{3, 2}).T
	pair := r.out("q", backend.F32, backend.Shape{2}).T
	faults(t, "SetRange", "q is 3×2, want 3", func() { b.SetRange(two, three, lut.Unsigned(8), false) })
	faults(t, "SetRange", "q is 2, want 3 or 3×C", func() { b.SetRange(pair, pair, lut.Unsigned(8), false) })
	faults(t, "SetRange", "symmetric quantization of an unsigned operand", func() { b.SetRange(three, three, lut.Unsigned(8), true) })
	faults(t, "SetRange", "operand of 9 bits, want 2 to 8", func() { b.SetRange(two, two, lut.Unsigned(9), false) })
}
