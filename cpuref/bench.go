package cpuref

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// A BenchShape is a product of W[M,K] and X[K,N], or of so many such pairs at once.
type BenchShape struct {
	M, K, N int
	Groups  int // 0 counts as 1
}

// BenchOptions say what to measure. Zero values stand for the defaults.
type BenchOptions struct {
	Levels  []kernel.Level // all of this machine
	Threads []int          // 1
	Bits    []int          // 8, 7 and 6
	Shapes  []BenchShape   // a convolution of ResNet, two of VGG, one of few columns, and two of attention

	// Rounds is the number of times that a product is done, 9 if 0; the best
	// counts. A product that takes long is done at least three times.
	Rounds int

	// Done, if not nil, is called with each result.
	Done func(BenchResult)
}

// A BenchResult is the best time of one operation on uniform random operands.
type BenchResult struct {
	// Kernel is forward (LUTMatMul), plain (the same by [Plain]), backward-w,
	// backward-x, backward (both, one after the other), or product (Conv2D with
	// 1×1 filters: a float32 product of matrices).
	Kernel  string  `json:"kernel"`
	Groups  int     `json:"groups"` // products at once
	M       int     `json:"m"`
	K       int     `json:"k"`
	N       int     `json:"n"`
	Bits    int     `json:"bits,omitempty"`
	Form    string  `json:"form,omitempty"` // of the gradient
	Level   string  `json:"level"`
	Threads int     `json:"threads"`
	Lookups float64 `json:"glookups,omitempty"` // 10⁹ a second, of forward and plain
	MACs    float64 `json:"gmacs,omitempty"`    // 10⁹ a second, of the others
	Seconds float64 `json:"seconds"`
	CycleNS float64 `json:"cycle_ns"` // of a dependent addition right after it: the clock at which it ran
}

// Bench measures the operations that multiply matrices. One look-up, or one
// multiply-accumulate, is one k of one output; backward counts M·N·K once for
// both operands. The time is that of the whole operation, with all packing.
func Bench(o BenchOptions) []BenchResult {
	if o.Levels == nil {
		o.Levels = kernel.Levels()
	}
	if o.Threads == nil {
		o.Threads = []int{1}
	}
	if o.Bits == nil {
		o.Bits = []int{8, 7, 6}
	}
	if o.Shapes == nil {
		o.Shapes = []BenchShape{
			{M: 64, K: 576, N: 4096}, {M: 128, K: 1152, N: 4096}, {M: 512, K: 4608, N: 1024}, {M: 128, K: 512, N: 512},
			{M: 65, K: 32, N: 65, Groups: 192}, {M: 197, K: 64, N: 197, Groups: 12},
		}
	}
	if o.Rounds == 0 {
		o.Rounds = 9
	}
	var all []BenchResult
	report := func(r BenchResult) {
		all = append(all, r)
		if o.Done != nil {
			o.Done(r)
		}
	}
	for _, shape := range o.Shapes {
		for i, bits := range o.Bits {
			if bits == slices.Max(o.Bits) {
				benchOn(NewPlain(), BenchResult{Level: "plain", Threads: 1, Bits: bits}, shape, o, report, false, true)
			}
			for _, level := range o.Levels {
				for _, threads := range o.Threads {
					c := NewLevel(threads, level)
					benchOn(c, BenchResult{Level: level.String(), Threads: threads, Bits: bits}, shape, o, report, i == 0, false)
					c.Close()
				}
			}
		}
	}
	return all
}

// benchOn measures one shape at one width: with gradients, if asked for, the
// backward passes and the float32 product as well.
func benchOn(b backend.Backend, r BenchResult, s BenchShape, o BenchOptions, report func(BenchResult), gradients, plain bool) {
	op := lut.Unsigned(r.Bits)
	exact := lut.New("exact", op, op, func(W, X int) int { return W * X })
	rng := rand.New(rand.NewPCG(1, 1))
	groups := max(1, s.Groups)
	codes := func(m, n int) backend.Quantized {
		shape := backend.Shape{groups, m, n}
		v := make([]uint8, shape.Len())
		for i := range v {
			v[i] = uint8(rng.IntN(op.Count()))
		}
		q := backend.Quantized{Code: b.NewTensor(backend.U8, shape), Q: b.NewTensor(backend.F32, backend.Shape{3})}
		b.Write(q.Code, v)
		b.Write(q.Q, []float32{0.01, 100, float32(op.Count() / 2)})
		return q
	}
	real := func(shape ...int) backend.Tensor {
		v := make([]float32, backend.Shape(shape).Len())
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		t := b.NewTensor(backend.F32, shape)
		b.Write(t, v)
		return t
	}
	r.Groups, r.M, r.K, r.N = groups, s.M, s.K, s.N
	work := float64(groups) * float64(s.M) * float64(s.K) * float64(s.N) / 1e9
	w, x := codes(s.M, s.K), codes(s.K, s.N)
	y := b.NewTensor(backend.I32, backend.Shape{groups, s.M, s.N})

	tables := b.NewTables(exact, lut.Gradients{})
	r.Kernel = "forward"
	if plain {
		r.Kernel = "plain"
	}
	r.time(o.Rounds, func() { b.LUTMatMul(y, w, x, tables) })
	r.Lookups = work / r.Seconds
	report(r)
	if !gradients {
		return
	}

	r.Lookups = 0
	dy, dw, dx := real(groups, s.M, s.N), real(groups, s.M, s.K), real(groups, s.K, s.N)
	full := benchFull(exact, rng)
	for _, g := range []lut.Gradients{{DW: full, DX: full}, benchSTE(op)} {
		tables := b.NewTables(exact, g)
		r.Form = g.DW.Form().String()
		both, cycles := 0.0, 0.0
		for _, kernel := range []string{"backward-w", "backward-x"} {
			r.Kernel = kernel
			r.time(o.Rounds, func() {
				if kernel == "backward-w" {
					b.LUTMatMulBackwardW(dw, dy, w, x, tables)
				} else {
					b.LUTMatMulBackwardX(dx, dy, w, x, tables)
				}
			})
			both, cycles = both+r.Seconds, cycles+r.Seconds/r.CycleNS
			r.MACs = work / r.Seconds
			report(r)
		}
		r.Kernel, r.Seconds, r.CycleNS, r.MACs = "backward", both, both/cycles, work/both
		report(r)
	}

	r.Kernel, r.Form, r.Bits = "product", "", 0
	fw, fx, fy := real(groups*s.M, s.K, 1, 1), real(1, groups*s.K, 1, s.N), real(1, groups*s.M, 1, s.N)
	r.time(o.Rounds, func() { b.Conv2D(fy, fw, fx, backend.Conv2D{Groups: groups}) })
	r.MACs = work / r.Seconds
	report(r)
}

// benchFull returns a gradient of random values.
func benchFull(t *lut.Table, rng *rand.Rand) *lut.Gradient {
	v := make([]float32, len(t.Products()))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	g, err := lut.NewFull(t.W(), t.X(), v, lut.Int16)
	if err != nil {
		panic(err) // the values are finite and as many as the products
	}
	return g
}

// benchSTE returns the straight-through gradients: ∂AM/∂W = X, ∂AM/∂X = W.
func benchSTE(op lut.Operand) lut.Gradients {
	value, one := make([]float32, op.Count()), make([]float32, op.Count())
	for i := range value {
		value[i], one[i] = float32(op.Value(i)), 1
	}
	dw, errW := lut.NewFactored(op, op, 1, one, value)
	dx, errX := lut.NewFactored(op, op, 1, value, one)
	if err := errors.Join(errW, errX); err != nil {
		panic(err) // of rank 1 and finite
	}
	return lut.Gradients{DW: dw, DX: dx}
}

// time does f so many times, or at least three times in half a second, and sets
// r to the fastest and the clock just after it.
func (r *BenchResult) time(rounds int, f func()) {
	f() // memory to work in grows here
	best := time.Duration(1<<63 - 1)
	begin := time.Now()
	for i := range rounds {
		if i >= 3 && time.Since(begin) > time.Second/2 {
			break
		}
		start := time.Now()
		f()
		if d := time.Since(start); d < best {
			best, r.CycleNS = d, kernel.CycleAfterwards()
		}
	}
	r.Seconds = best.Seconds()
}
