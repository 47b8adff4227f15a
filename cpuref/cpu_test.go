package cpuref

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// A bench holds the tensors of one operation on one backend.
type bench struct {
	b    backend.Backend
	rng  *rand.Rand
	outs []backend.Tensor
}

// in makes an operand of normal numbers; a few are NaN, infinite, zero or
// negative zero if wild.
func (t *bench) in(wild bool, s ...int) backend.Tensor {
	x := make([]float32, backend.Shape(s).Len())
	for i := range x {
		x[i] = float32(t.rng.NormFloat64())
		if wild && t.rng.IntN(50) == 0 {
			strange := []float64{math.NaN(), math.Copysign(math.NaN(), -1), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1e30, -1e30, 1e-42}
			x[i] = float32(strange[t.rng.IntN(len(strange))])
		}
	}
	y := t.b.NewTensor(backend.F32, s)
	t.b.Write(y, x)
	return y
}

// codes makes an operand of codes.
func (t *bench) codes(s ...int) backend.Tensor {
	x := make([]uint8, backend.Shape(s).Len())
	for i := range x {
		x[i] = uint8(t.rng.IntN(256))
	}
	y := t.b.NewTensor(backend.U8, s)
	t.b.Write(y, x)
	return y
}

// out makes a destination, or an operand that is one as well.
func (t *bench) out(dt backend.DType, s ...int) backend.Tensor {
	y := t.b.NewTensor(dt, s)
	t.outs = append(t.outs, y)
	return y
}

func (t *bench) inout(s ...int) backend.Tensor {
	y := t.in(false, s...)
	t.outs = append(t.outs, y)
	return y
}

// constants makes a tensor with the values v.
func (t *bench) constants(v ...float32) backend.Tensor {
	y := t.b.NewTensor(backend.F32, backend.Shape{len(v)})
	t.b.Write(y, v)
	return y
}

// Sizes that neither 4 nor [piece] divides, of several pieces and one, and of
// channels that fill less than a piece or more.
var cpuShapes = []backend.Shape{{3, 5, 41, 43}, {2, 3, 97, 101}, {7, 11, 3, 3}, {130, 70, 1, 1}, {2, 1, 1, 1}}

// cpuOperations are all but the products that fast_test.go holds to Plain.
// exact ones give the bits of Plain; sums may be cut up otherwise.
var cpuOperations = []struct {
	name  string
	exact bool
	setUp func(t *bench, s backend.Shape) (operation func())
}{
	{"ReLU", true, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s...), t.in(true, s...)
		return func() { t.b.ReLU(y, x) }
	}},
	{"ReLUBackward", true, func(t *bench, s backend.Shape) func() {
		dx, dy, y := t.out(backend.F32, s...), t.in(true, s...), t.in(true, s...)
		return func() { t.b.ReLUBackward(dx, dy, y) }
	}},
	{"Add", true, func(t *bench, s backend.Shape) func() {
		y, a, b := t.out(backend.F32, s...), t.in(true, s...), t.in(true, s...)
		return func() { t.b.Add(y, a, b) }
	}},
	{"AddBias", true, func(t *bench, s backend.Shape) func() {
		y, b := t.inout(s...), t.in(false, s[1])
		return func() { t.b.AddBias(y, b) }
	}},
	{"BiasBackward", false, func(t *bench, s backend.Shape) func() {
		db, dy := t.out(backend.F32, s[1]), t.in(false, s...)
		return func() { t.b.BiasBackward(db, dy) }
	}},
	{"BatchNorm", false, func(t *bench, s backend.Shape) func() {
		y, x, saved := t.out(backend.F32, s...), t.in(false, s...), t.out(backend.F32, 2, s[1])
		p := backend.BatchNormParams{Gamma: t.in(false, s[1]), Beta: t.in(false, s[1]), Mean: t.inout(s[1]), Variance: t.inout(s[1])}
		return func() { t.b.BatchNorm(y, x, p, saved, backend.BatchNormHyper{Eps: 1e-5, Momentum: 0.1}) }
	}},
	{"BatchNormInference", true, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s...), t.in(false, s...)
		p := backend.BatchNormParams{Gamma: t.in(false, s[1]), Beta: t.in(false, s[1]), Mean: t.in(false, s[1]), Variance: t.in(false, s[1])}
		return func() { t.b.BatchNormInference(y, x, p, backend.BatchNormHyper{Eps: 5}) }
	}},
	{"BatchNormBackward", false, func(t *bench, s backend.Shape) func() {
		dx, dg, db := t.out(backend.F32, s...), t.out(backend.F32, s[1]), t.out(backend.F32, s[1])
		dy, x, gamma, saved := t.in(false, s...), t.in(false, s...), t.in(false, s[1]), t.in(false, 2, s[1])
		return func() { t.b.BatchNormBackward(dx, dg, db, dy, x, gamma, saved) }
	}},
	{"MaxPool2D", true, func(t *bench, s backend.Shape) func() {
		p := backend.Pool2D{Window: [2]int{min(3, s[2]), min(2, s[3])}, Stride: [2]int{2, 1}, Pad: [2]int{0, min(2, s[3]) / 2}}
		out, _ := p.Output(s)
		y, index, x := t.out(backend.F32, out...), t.out(backend.I32, out...), t.in(true, s...)
		dx, dy := t.out(backend.F32, s...), t.in(false, out...)
		return func() { t.b.MaxPool2D(y, index, x, p); t.b.MaxPool2DBackward(dx, dy, index, p) }
	}},
	{"MaxPool2D/2×2", true, func(t *bench, s backend.Shape) func() {
		p := backend.Pool2D{Window: [2]int{min(2, s[2]), min(2, s[3])}}
		out, _ := p.Output(s)
		y, index, x := t.out(backend.F32, out...), t.out(backend.I32, out...), t.in(false, s...)
		return func() { t.b.MaxPool2D(y, index, x, p) }
	}},
	{"MaxPool2DBackward/2×2", true, func(t *bench, s backend.Shape) func() {
		p := backend.Pool2D{Window: [2]int{min(2, s[2]), min(2, s[3])}}
		out, _ := p.Output(s)
		y, index, x := t.out(backend.F32, out...), t.out(backend.I32, out...), t.in(false, s...)
		dx, dy := t.out(backend.F32, s...), t.in(false, out...)
		t.b.MaxPool2D(y, index, x, p)
		return func() { t.b.MaxPool2DBackward(dx, dy, index, p) }
	}},
	{"AvgPool2D/2×2", true, func(t *bench, s backend.Shape) func() {
		p := backend.Pool2D{Window: [2]int{min(2, s[2]), min(2, s[3])}}
		out, _ := p.Output(s)
		y, x := t.out(backend.F32, out...), t.in(false, s...)
		return func() { t.b.AvgPool2D(y, x, p) }
	}},
	{"AvgPool2D", true, func(t *bench, s backend.Shape) func() {
		p := backend.Pool2D{Window: [2]int{min(3, s[2]), min(2, s[3])}, Stride: [2]int{2, 1}, Pad: [2]int{0, min(2, s[3]) / 2}}
		out, _ := p.Output(s)
		y, x, dx, dy := t.out(backend.F32, out...), t.in(false, s...), t.out(backend.F32, s...), t.in(false, out...)
		return func() { t.b.AvgPool2D(y, x, p); t.b.AvgPool2DBackward(dx, dy, p) }
	}},
	{"BatchNormFrozenBackward", false, func(t *bench, s backend.Shape) func() {
		dx, dg, db := t.out(backend.F32, s...), t.out(backend.F32, s[1]), t.out(backend.F32, s[1])
		dy, x := t.in(false, s...), t.in(false, s...)
		p := backend.BatchNormParams{Gamma: t.in(false, s[1]), Beta: t.in(false, s[1]), Mean: t.in(false, s[1]), Variance: t.in(false, s[1])}
		return func() { t.b.BatchNormFrozenBackward(dx, dg, db, dy, x, p, backend.BatchNormHyper{Eps: 5}) }
	}},
	{"ReLU6", true, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s...), t.in(true, s...)
		return func() { t.b.ReLU6(y, x) }
	}},
	{"ReLU6Backward", true, func(t *bench, s backend.Shape) func() {
		dx, dy, y := t.out(backend.F32, s...), t.in(true, s...), t.in(true, s...)
		return func() { t.b.ReLU6Backward(dx, dy, y) }
	}},
	{"Dropout", true, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s...), t.in(true, s...)
		return func() { t.b.Dropout(y, x, 0.3, 0xdeadbeef12345678) }
	}},
	{"Softmax", false, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s...), t.in(false, s...)
		return func() { t.b.Softmax(y, x, 0.125) }
	}},
	{"SoftmaxBackward", false, func(t *bench, s backend.Shape) func() {
		dx, dy, y := t.out(backend.F32, s...), t.in(false, s...), t.in(false, s...)
		return func() { t.b.SoftmaxBackward(dx, dy, y, 0.125) }
	}},
	{"LayerNorm", false, func(t *bench, s backend.Shape) func() {
		y, x, saved := t.out(backend.F32, s...), t.in(false, s...), t.out(backend.F32, 2, s[0], s[2]*s[3])
		gamma, beta := t.in(false, s[1]), t.in(false, s[1])
		return func() { t.b.LayerNorm(y, x, gamma, beta, saved, 1e-5) }
	}},
	{"LayerNormBackward", false, func(t *bench, s backend.Shape) func() {
		dx, dg, db := t.out(backend.F32, s...), t.out(backend.F32, s[1]), t.out(backend.F32, s[1])
		dy, x, gamma, saved := t.in(false, s...), t.in(false, s...), t.in(false, s[1]), t.in(false, 2, s[0], s[2]*s[3])
		return func() { t.b.LayerNormBackward(dx, dg, db, dy, x, gamma, saved) }
	}},
	{"GELU", false, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s...), t.in(true, s...)
		return func() { t.b.GELU(y, x) }
	}},
	{"GELUBackward", false, func(t *bench, s backend.Shape) func() {
		dx, dy, x := t.out(backend.F32, s...), t.in(true, s...), t.in(true, s...)
		return func() { t.b.GELUBackward(dx, dy, x) }
	}},
	{"Copy", true, func(t *bench, s backend.Shape) func() {
		y, x := t.out(backend.F32, s[0], s[2], s[3], s[1]), t.in(true, s...)
		last := s[1] * s[3]
		return func() {
			t.b.Copy(y, backend.Layout{Stride: [4]int{s[2] * last, 1, last, s[1]}}, x, backend.Layout{Stride: [4]int{s[1] * s[2] * s[3], s[2] * s[3], s[3], 1}}, [4]int(s))
		}
	}},
	{"Copy/slice", true, func(t *bench, s backend.Shape) func() {
		y, x := t.inout(s...), t.in(true, s...)
		l := backend.Layout{Offset: min(1, s[2]*s[3]-1), Stride: [4]int{s[1] * s[2] * s[3], s[2] * s[3], 1}}
		return func() { t.b.Copy(y, l, x, l, [4]int{s[0], s[1], max(1, s[2]*s[3]-1), 1}) }
	}},
	{"MatMul", false, func(t *bench, s backend.Shape) func() {
		y, dw, dx := t.out(backend.F32, s[0], s[1], s[3]), t.out(backend.F32, s[0], s[1], s[2]), t.out(backend.F32, s[0], s[2], s[3])
		w, x := t.in(false, s[0], s[1], s[2]), t.in(false, s[0], s[2], s[3])
		return func() { t.b.MatMul(y, w, x); t.b.MatMulBackwardW(dw, y, x); t.b.MatMulBackwardX(dx, y, w) }
	}},
	{"SoftmaxCrossEntropy", true, func(t *bench, s backend.Shape) func() {
		N, classes := s[0]*s[1], s[2]*s[3]
		stats, dl, l := t.inout(3), t.out(backend.F32, N, classes), t.in(true, N, classes)
		label := make([]int32, N)
		for i := range label {
			label[i] = int32(t.rng.IntN(classes+1)) - 1
		}
		labels, mixed := t.b.NewTensor(backend.I32, backend.Shape{N}), t.b.NewTensor(backend.I32, backend.Shape{N})
		t.b.Write(labels, label)
		t.b.Write(mixed, make([]int32, N))
		targets := backend.Targets{Labels: labels, Mixed: mixed, Lambda: 0.75, Smoothing: 0.1}
		return func() { t.b.SoftmaxCrossEntropy(stats, dl, l, targets, 0.125) }
	}},
	{"Observe/min-max", true, func(t *bench, s backend.Shape) func() {
		r, x := t.out(backend.F32, 3), t.in(false, s...)
		return func() { t.b.Observe(r, x, backend.Observer{}) }
	}},
	{"Observe/min-max of NaN and zeros", true, func(t *bench, s backend.Shape) func() {
		r, x := t.out(backend.F32, 3), t.in(true, s...)
		return func() { t.b.Observe(r, x, backend.Observer{}) }
	}},
	{"Observe/by channel", true, func(t *bench, s backend.Shape) func() {
		r, x := t.out(backend.F32, 3, s[0]), t.in(false, s...)
		return func() { t.b.Observe(r, x, backend.Observer{}) }
	}},
	{"Observe/percentile", true, func(t *bench, s backend.Shape) func() {
		r, x := t.inout(3), t.in(false, s...)
		return func() {
			t.b.Observe(r, x, backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.1, Percentile: 97})
		}
	}},
	{"Quantize", true, func(t *bench, s backend.Shape) func() {
		code, x, q := t.out(backend.U8, s...), t.in(true, s...), t.constants(0.015, 1/0.015, 7)
		return func() { t.b.Quantize(code, x, q, lut.Signed(8)) }
	}},
	{"Quantize/by channel", true, func(t *bench, s backend.Shape) func() {
		code, x, q := t.out(backend.U8, s...), t.in(true, s...), t.in(false, 3, s[0])
		return func() { t.b.Quantize(code, x, q, lut.Unsigned(3)) }
	}},
	{"Dequantize", true, func(t *bench, s backend.Shape) func() {
		y, code, q := t.out(backend.F32, s...), t.codes(s...), t.constants(0.3, 1/0.3, -8)
		return func() { t.b.Dequantize(y, code, q, lut.Signed(8)) }
	}},
	{"QuantizeBackward", true, func(t *bench, s backend.Shape) func() {
		dx, dy, x, q := t.out(backend.F32, s...), t.in(true, s...), t.in(true, s...), t.constants(0.015, 1/0.015, 140)
		return func() { t.b.QuantizeBackward(dx, dy, x, q, lut.Unsigned(8)) }
	}},
	{"SGDStep", true, func(t *bench, s backend.Shape) func() {
		w, dw, v := t.inout(s...), t.in(true, s...), t.inout(s...)
		return func() {
			t.b.SGDStep(w, dw, v, backend.SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4, Nesterov: true})
		}
	}},
	{"SGDStep/plain", true, func(t *bench, s backend.Shape) func() {
		w, dw := t.inout(s...), t.in(true, s...)
		return func() { t.b.SGDStep(w, dw, nil, backend.SGD{LR: 0.1}) }
	}},
	{"AdamStep", true, func(t *bench, s backend.Shape) func() {
		w, dw, m, v := t.inout(s...), t.in(false, s...), t.inout(s...), t.inout(s...)
		return func() {
			t.b.AdamStep(w, dw, m, v, backend.Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: 3})
		}
	}},
	{"AdanStep", true, func(t *bench, s backend.Shape) func() {
		w, dw, m, v, n, prev := t.inout(s...), t.in(false, s...), t.inout(s...), t.inout(s...), t.inout(s...), t.inout(s...)
		return func() {
			t.b.AdanStep(w, dw, m, v, n, prev, backend.Adan{LR: 1e-3, Beta1: 0.98, Beta2: 0.92, Beta3: 0.99, Eps: 1e-8, WeightDecay: 0.02, Step: 3})
		}
	}},
	{"AdaMomentumStep", true, func(t *bench, s backend.Shape) func() {
		w, dw, m, v := t.inout(s...), t.in(false, s...), t.inout(s...), t.inout(s...)
		return func() {
			t.b.AdaMomentumStep(w, dw, m, v, backend.Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: 3})
		}
	}},
	{"AddSquares", false, func(t *bench, s backend.Shape) func() {
		sum, x := t.inout(1), t.in(false, s...)
		return func() { t.b.AddSquares(sum, x) }
	}},
	{"ClipNorm", true, func(t *bench, s backend.Shape) func() {
		x, sum := t.inout(s...), t.constants(9)
		return func() { t.b.ClipNorm(x, sum, 2) }
	}},
	{"Average", true, func(t *bench, s backend.Shape) func() {
		e, w := t.inout(s...), t.in(true, s...)
		return func() { t.b.Average(e, w, 0.9999) }
	}},
}

// results returns the bits of all destinations after operation i.
func results(t *testing.T, b backend.Backend, i int, s backend.Shape) []byte {
	bench := &bench{b: b, rng: rand.New(rand.NewPCG(uint64(i), 1))}
	cpuOperations[i].setUp(bench, s)()
	var bits bytes.Buffer
	for _, out := range bench.outs {
		var host any
		switch n := out.Shape().Len(); out.DType() {
		case backend.F32:
			host = make([]float32, n)
		case backend.I32:
			host = make([]int32, n)
		case backend.U8:
			host = make([]uint8, n)
		}
		if err := b.Read(host, out); err != nil {
			t.Fatal(err)
		}
		if f, ok := host.([]float32); ok {
			for i, v := range f {
				if v != v { // which of many NaN it is says nothing
					f[i] = float32(math.NaN())
				}
			}
		}
		if err := binary.Write(&bits, binary.LittleEndian, host); err != nil {
			t.Fatal(err)
		}
	}
	return bits.Bytes()
}

func TestThreadsChangeNothing(t *testing.T) {
	var levels [][]*CPU // the first of each has one thread
	all := kernel.Levels()
	if testing.Short() {
		all = all[len(all)-1:]
	}
	for _, level := range all {
		cpus := []*CPU{NewLevel(1, level), NewLevel(3, level)}
		if level == kernel.Go {
			cpus = append(cpus, NewLevel(2, level), NewLevel(7, level))
		}
		for _, c := range cpus {
			defer c.Close()
		}
		levels = append(levels, cpus)
	}
	for i, op := range cpuOperations {
		for _, s := range cpuShapes {
			t.Run(fmt.Sprintf("%s/%v", op.name, s), func(t *testing.T) {
				var plain []byte
				if op.exact {
					plain = results(t, NewPlain(), i, s)
				}
				for _, cpus := range levels {
					want := results(t, cpus[0], i, s)
					if op.exact && !bytes.Equal(want, plain) {
						t.Errorf("%s differs from Plain", cpus[0].Name())
					}
					for _, c := range cpus[1:] {
						if !bytes.Equal(want, results(t, c, i, s)) {
							t.Errorf("%s differs from %s", c.Name(), cpus[0].Name())
						}
					}
				}
			})
		}
	}
}

// The sum by magic number must round as math.RoundToEven does wherever a code
// can come out, on ties above all.
func TestQuantizeRoundsToEven(t *testing.T) {
	const n = 1 << 14
	x, codes, plain := make([]float32, n), make([]uint8, n), make([]uint8, n)
	for i := range x {
		x[i] = (float32(i) - n/2) / 8 // exact: every eighth, so every tie
	}
	p, c := NewPlain(), NewThreads(1)
	for _, Z := range []float32{-128, -1, 0, 127} {
		for _, b := range []struct {
			backend backend.Backend
			codes   []uint8
		}{{p, plain}, {c, codes}} {
			code, xs, q := b.backend.NewTensor(backend.U8, backend.Shape{n}), b.backend.NewTensor(backend.F32, backend.Shape{n}), b.backend.NewTensor(backend.F32, backend.Shape{3})
			b.backend.Write(xs, x)
			b.backend.Write(q, []float32{1, 1, Z})
			b.backend.Quantize(code, xs, q, lut.Signed(8))
			if err := b.backend.Read(b.codes, code); err != nil {
				t.Fatal(err)
			}
		}
		for i := range x {
			if codes[i] != plain[i] {
				t.Fatalf("Z = %v: %v has code %d, want %d", Z, x[i], codes[i], plain[i])
			}
		}
	}
}

// A step of a network is some hundred operations and may allocate 64 KiB.
func TestOperationsMakeLittleGarbage(t *testing.T) {
	c := NewThreads(2)
	defer c.Close()
	for _, op := range cpuOperations {
		bench := &bench{b: c, rng: rand.New(rand.NewPCG(1, 1))}
		operation := op.setUp(bench, cpuShapes[0])
		if n := testing.AllocsPerRun(20, operation); n > 2 { // poolings make two shapes
			t.Errorf("%s: %v allocations, want at most 2", op.name, n)
		}
	}
}

func BenchmarkOperations(b *testing.B) {
	s := backend.Shape{16, 16, 32, 32}
	for _, backend := range []backend.Backend{NewPlain(), NewThreads(1), New()} {
		for _, op := range cpuOperations {
			b.Run(op.name+"/"+backend.Name(), func(b *testing.B) {
				operation := op.setUp(&bench{b: backend, rng: rand.New(rand.NewPCG(1, 1))}, s)
				b.ReportAllocs()
				for b.Loop() {
					operation()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(s.Len()), "ns/element")
			})
		}
	}
}
