package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"gputrain/cpuref"
	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
)

// openGPU returns a device to hold against the CPU, or skips the test. Setting
// GPUTRAIN_REQUIRE_GPU=1 makes that a failure.
func openGPU(t *testing.T) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(gpu.Options{Debug: true, Device: gpuIndex(t), Tune: gpu.TuneNever})
	switch {
	case err == nil:
		t.Cleanup(d.Close)
		t.Log(d.Name())
		return d
	case !errors.Is(err, gpu.ErrUnavailable) || os.Getenv("GPUTRAIN_REQUIRE_GPU") == "1":
		t.Fatal(err)
	}
	t.Skip(err)
	return nil
}

// gpuIndex returns the index of the device under test, GPUTRAIN_TEST_DEVICE.
func gpuIndex(t *testing.T) int {
	t.Helper()
	index, err := strconv.Atoi(cmp.Or(os.Getenv("GPUTRAIN_TEST_DEVICE"), "0"))
	if err != nil {
		t.Fatalf("GPUTRAIN_TEST_DEVICE: %v", err)
	}
	return index
}

func newCPU(t *testing.T) *cpuref.CPU {
	c := cpuref.New()
	t.Cleanup(c.Close)
	return c
}

// TestCrossCheckOperations runs every operation on both backends, on shapes
// larger than those of the conformance suite.
func TestCrossCheckOperations(t *testing.T) {
	d := openGPU(t)
	size := 8
	if d.Info().Software {
		size = 2
	}
	p := backendtest.NewPair(backendtest.Wrap(t), newCPU(t), d)
	everyOperation(p, size)
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, p)
}

// TestCrossCheckSteps makes ten steps of LeNet-5 on both backends, and one of
// ResNet-8, which has batch normalization. Free-running, one last bit that
// flips a code would spread; so each operation has the operands of the CPU.
func TestCrossCheckSteps(t *testing.T) {
	d := openGPU(t)
	for _, c := range []struct {
		network string
		method  string
		steps   int
	}{
		{"lenet5", "lut2d", 10},
		{"resnet8", "lut1d", 1},
	} {
		t.Run(c.network, func(t *testing.T) {
			p := backendtest.NewPair(backendtest.Wrap(t), newCPU(t), d)
			if err := trainSteps(p, c.network, c.method, c.steps); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestPair checks that a pair of the two backends of the CPU finds nothing, one
// of them timed by the clock, and that it finds an operation of either kind that
// one of them gets wrong.
func TestPair(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of arithmetic")
	}
	timed, spans := backend.NewTimed(newCPU(t)), map[string]int{}
	timed.Profile(func(s backend.Span) { spans[s.Op]++ })
	p := backendtest.NewPair(backendtest.Wrap(t), cpuref.NewPlain(), timed)
	everyOperation(p, 1)
	wantAll(t, p)
	for op, n := range p.Compared() {
		if spans[op] != n {
			t.Errorf("%d spans of %d calls of %s", spans[op], n, op)
		}
	}
	if err := trainSteps(p, "lenet5", "ste", 1); err != nil {
		t.Fatal(err)
	}

	faults := 0
	spoiled := backendtest.NewPair(countingT{&faults}, cpuref.NewPlain(), &spoiledBackend{Backend: newCPU(t)})
	everyOperation(spoiled, 1)
	if faults != 2 {
		t.Errorf("%d faults found, want 2: of AddBias and of BiasBackward", faults)
	}
}

// A spoiledBackend gets a sum and an operation on elements wrong.
type spoiledBackend struct{ backend.Backend }

func (s *spoiledBackend) AddBias(y, b backend.Tensor) {}

func (s *spoiledBackend) BiasBackward(db, dy backend.Tensor) {
	s.Backend.BiasBackward(db, dy)
	s.Backend.Add(db, db, db)
}

// A countingT is a backendtest.T that counts failures.
type countingT struct{ faults *int }

func (c countingT) Helper()                                  {}
func (c countingT) Errorf(string, ...any)                    { *c.faults++ }
func (c countingT) Fatalf(string, ...any)                    { *c.faults++; runtime.Goexit() }
func (c countingT) Run(_ string, f func(backendtest.T)) bool { f(c); return true }

// wantAll fails unless every operation of the contract has been compared.
func wantAll(t *testing.T, p *backendtest.Pair) {
	t.Helper()
	compared := p.Compared()
	for _, group := range []reflect.Type{
		reflect.TypeFor[backend.Multiplier](), reflect.TypeFor[backend.Quantizer](),
		reflect.TypeFor[backend.Layers](), reflect.TypeFor[backend.Tokens](), reflect.TypeFor[backend.Optimizer](),
	} {
		for i := range group.NumMethod() {
			name := group.Method(i).Name
			if compared[name] == 0 && name != "NewTables" && name != "FreeTables" {
				t.Errorf("%s has not been compared", name)
			}
		}
	}
}

// A tensors makes the operands of everyOperation.
type tensors struct {
	backend.Backend
	rnd *rand.Rand
}

func (m tensors) zeros(dt backend.DType, s ...int) backend.Tensor { return m.NewTensor(dt, s) }

// real returns normal variates around mean.
func (m tensors) real(mean float64, s ...int) backend.Tensor {
	v := make([]float32, backend.Shape(s).Len())
	for i := range v {
		v[i] = float32(mean + m.rnd.NormFloat64())
	}
	t := m.NewTensor(backend.F32, s)
	m.Write(t, v)
	return t
}

// positive returns variates of at least 0.01.
func (m tensors) positive(s ...int) backend.Tensor {
	v := make([]float32, backend.Shape(s).Len())
	for i := range v {
		v[i] = float32(0.01 + m.rnd.Float64())
	}
	t := m.NewTensor(backend.F32, s)
	m.Write(t, v)
	return t
}

// codes returns codes of op under a quantizer of so many columns.
func (m tensors) codes(op lut.Operand, columns int, s ...int) backend.Quantized {
	v := make([]uint8, backend.Shape(s).Len())
	for i := range v {
		v[i] = uint8(m.rnd.IntN(op.Count()))
	}
	shape := backend.Shape{3, columns}
	if columns == 1 {
		shape = backend.Shape{3}
	}
	q := backend.Quantized{Code: m.NewTensor(backend.U8, s), Q: m.NewTensor(backend.F32, shape)}
	m.Write(q.Code, v)
	w := make([]float32, 3*columns)
	for c := range columns {
		scale := 0.001 + 0.02*m.rnd.Float64()
		w[c], w[columns+c], w[2*columns+c] = float32(scale), float32(1/scale), float32(op.Value(m.rnd.IntN(op.Count())))
	}
	m.Write(q.Q, w)
	return q
}

// everyOperation calls every operation of b, on seeded data. The work grows
// with size.
func everyOperation(b backend.Backend, size int) {
	m := tensors{b, rand.New(rand.NewPCG(7, uint64(size)))}
	F, I, U := backend.F32, backend.I32, backend.U8
	op, sop := lut.Unsigned(8), lut.Signed(8)
	bent := func(W, X int) int { return W*X ^ (1 | W&2) }
	am, signed := lut.New("bent8u", op, op, bent), lut.New("bent8s", sop, sop, bent)

	// Convolutions of codes: plain and grouped, per tensor and per channel,
	// both paddings, gradients in both forms.
	n := 2 * size
	for i, c := range []struct {
		am       *lut.Table
		estimate lut.Estimator
		columns  int
		geometry backend.Conv2D
	}{
		{am, lut.Estimator{Method: "lut2d", HWS: 4}, 1, backend.Conv2D{Pad: [2]int{1, 1}}},
		{signed, lut.Estimator{Method: "lut1d", HWS: 4}, 24, backend.Conv2D{Pad: [2]int{1, 2}, Stride: [2]int{2, 1}, Groups: 2, Padding: backend.PadIntZero}},
	} {
		g, err := c.estimate.Gradients(c.am)
		if err != nil {
			panic(err)
		}
		tables := b.NewTables(c.am, g)
		groups := max(1, c.geometry.Groups)
		x, w := m.codes(c.am.X(), 1, n, 16, 19, 17), m.codes(c.am.W(), c.columns, 24, 16/groups, 3, 3)
		shape, err := c.geometry.Output(w.Code.Shape(), x.Code.Shape())
		if err != nil {
			panic(err)
		}
		acc, y := m.zeros(I, shape...), m.zeros(F, shape...)
		b.LUTConv2D(acc, w, x, c.geometry, tables)
		b.DequantizeConv2D(y, acc, w, x, c.geometry, tables)
		dy := m.real(0, shape...)
		b.LUTConv2DBackwardW(m.zeros(F, w.Code.Shape()...), dy, w, x, c.geometry, tables)
		b.LUTConv2DBackwardX(m.zeros(F, x.Code.Shape()...), dy, w, x, c.geometry, tables)

		// The same tables in products of matrices, batched the second time.
		batch := [][]int{nil, {4}}[i]
		of := func(rows, columns int) []int { return append(slices.Clone(batch), rows, columns) }
		wm, xm := m.codes(c.am.W(), 1, of(37, 200)...), m.codes(c.am.X(), 1, of(200, 65*size)...)
		accM, yM := m.zeros(I, of(37, 65*size)...), m.zeros(F, of(37, 65*size)...)
		b.LUTMatMul(accM, wm, xm, tables)
		b.DequantizeMatMul(yM, accM, wm, xm, tables)
		dyM := m.real(0, of(37, 65*size)...)
		b.LUTMatMulBackwardW(m.zeros(F, of(37, 200)...), dyM, wm, xm, tables)
		b.LUTMatMulBackwardX(m.zeros(F, of(200, 65*size)...), dyM, wm, xm, tables)
		b.FreeTables(tables)
	}

	// Quantizers.
	image := []int{n, 16, 32, 33}
	x, code := m.real(0.3, image...), m.zeros(U, image...)
	for _, o := range []backend.Observer{
		{Kind: backend.ObserveMinMax},
		{Kind: backend.ObserveEMA, Momentum: 0.1},
		{Kind: backend.ObservePercentile, Momentum: 0.1, Percentile: 99.9},
	} {
		r, q := m.zeros(F, 3), m.zeros(F, 3)
		for range 2 {
			b.Observe(r, x, o)
		}
		b.SetRange(q, r, op, false)
		b.Quantize(code, x, q, op)
		b.Dequantize(m.zeros(F, image...), code, q, op)
		b.QuantizeBackward(m.zeros(F, image...), m.real(0, image...), x, q, op)
	}

	// Layers.
	w, geometry := m.real(0, 24, 16, 3, 3), backend.Conv2D{Pad: [2]int{1, 1}, Stride: [2]int{2, 2}}
	y := m.zeros(F, n, 24, 16, 17)
	b.Conv2D(y, w, x, geometry)
	dy := m.real(0, n, 24, 16, 17)
	b.Conv2DBackwardW(m.zeros(F, 24, 16, 3, 3), dy, x, geometry)
	b.Conv2DBackwardX(m.zeros(F, image...), dy, w, geometry)
	b.AddBias(y, m.real(0, 24))
	b.BiasBackward(m.zeros(F, 24), dy)
	params := backend.BatchNormParams{Gamma: m.real(1, 16), Beta: m.real(0, 16), Mean: m.real(0, 16), Variance: m.positive(16)}
	hyper, saved := backend.BatchNormHyper{Eps: 1e-5, Momentum: 0.1}, m.zeros(F, 2, 16)
	b.BatchNorm(m.zeros(F, image...), x, params, saved, hyper)
	b.BatchNormInference(m.zeros(F, image...), x, params, hyper)
	b.BatchNormBackward(m.zeros(F, image...), m.zeros(F, 16), m.zeros(F, 16), m.real(0, image...), x, params.Gamma, saved)
	b.BatchNormFrozenBackward(m.zeros(F, image...), m.zeros(F, 16), m.zeros(F, 16), m.real(0, image...), x, params, hyper)
	relu := m.zeros(F, image...)
	b.ReLU6(relu, m.real(3, image...))
	b.ReLU6Backward(m.zeros(F, image...), m.real(0, image...), relu)
	b.Dropout(m.zeros(F, image...), x, 0.3, 0x123456789abcdef)
	b.ReLU(relu, x)
	b.ReLUBackward(m.zeros(F, image...), m.real(0, image...), relu)
	b.Add(m.zeros(F, image...), x, relu)
	pool := backend.Pool2D{Window: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [2]int{1, 1}}
	pooled, err := pool.Output(image)
	if err != nil {
		panic(err)
	}
	index := m.zeros(I, pooled...)
	b.MaxPool2D(m.zeros(F, pooled...), index, x, pool)
	b.MaxPool2DBackward(m.zeros(F, image...), m.real(0, pooled...), index, pool)
	b.AvgPool2D(m.zeros(F, pooled...), x, pool)
	b.AvgPool2DBackward(m.zeros(F, image...), m.real(0, pooled...), pool)
	labels := make([]int32, 64*size)
	for i := range labels {
		labels[i] = int32(m.rnd.IntN(101) - 1)
	}
	tl, mixed := m.zeros(I, len(labels)), m.zeros(I, len(labels))
	b.Write(tl, labels)
	for _, targets := range []backend.Targets{{Labels: tl}, {Labels: tl, Mixed: mixed, Lambda: 0.3, Smoothing: 0.1}} {
		b.SoftmaxCrossEntropy(m.zeros(F, 3), m.zeros(F, len(labels), 100), m.real(0, len(labels), 100), targets, 1/float32(len(labels)))
	}

	// Tokens: attention of three heads an image, and what stands around it.
	heads := 3 * n
	q, k := m.real(0, heads, 65, 32), m.real(0, heads, 32, 65)
	scores, weights := m.zeros(F, heads, 65, 65), m.zeros(F, heads, 65, 65)
	b.MatMul(scores, q, k)
	b.Softmax(weights, scores, 0.17677669)
	dweights := m.real(0, heads, 65, 65)
	b.SoftmaxBackward(m.zeros(F, heads, 65, 65), dweights, weights, 0.17677669)
	b.MatMulBackwardW(m.zeros(F, heads, 65, 32), dweights, k)
	b.MatMulBackwardX(m.zeros(F, heads, 32, 65), dweights, q)
	sequence := backend.Shape{n, 96, 65}
	seq, gamma, stats := m.real(0.3, sequence...), m.real(1, 96), m.zeros(F, 2, n, 65)
	b.LayerNorm(m.zeros(F, sequence...), seq, gamma, m.real(0, 96), stats, 1e-5)
	b.LayerNormBackward(m.zeros(F, sequence...), m.zeros(F, 96), m.zeros(F, 96), m.real(0, sequence...), seq, gamma, stats)
	b.GELU(m.zeros(F, sequence...), seq)
	b.GELUBackward(m.zeros(F, sequence...), m.real(0, sequence...), seq)
	b.Copy(m.zeros(F, n, 65, 96), backend.Layout{Stride: [4]int{65 * 96, 1, 96}}, seq, backend.Layout{Stride: [4]int{96 * 65, 65, 1}}, [4]int{n, 96, 65, 1})

	// Optimizers.
	p, dp := m.real(0, 10007*size), m.real(0, 10007*size)
	b.SGDStep(p, dp, m.real(0, 10007*size), backend.SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4, Nesterov: true})
	adam := backend.Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: 1}
	b.AdamStep(p, dp, m.zeros(F, 10007*size), m.zeros(F, 10007*size), adam)
	b.AdaMomentumStep(p, dp, m.zeros(F, 10007*size), m.zeros(F, 10007*size), adam)
	b.AdanStep(p, dp, m.real(0, 10007*size), m.real(0, 10007*size), m.positive(10007*size), m.real(0, 10007*size),
		backend.Adan{LR: 1e-3, Beta1: 0.98, Beta2: 0.92, Beta3: 0.99, Eps: 1e-8, WeightDecay: 0.02, Step: 2})
	norm := m.zeros(F, 1)
	b.AddSquares(norm, dp)
	b.ClipNorm(dp, norm, 1)
	b.Average(m.real(0, 10007*size), p, 0.999)
}

// trainSteps trains a network under a truncated multiplier on noise, as the
// trainer would.
func trainSteps(b backend.Backend, network, method string, steps int) error {
	spec, err := lut.ParseSpec("trunc:8u,cols=8")
	if err != nil {
		return err
	}
	am, err := spec.Table()
	if err != nil {
		return err
	}
	g, err := lut.Estimator{Method: method, HWS: 16}.Gradients(am)
	if err != nil {
		return err
	}
	const batch = 4
	quantization := model.DefaultQuantization()
	quantization.Padding = backend.PadIntZero
	net, err := model.Build(b, model.Config{
		Name: network, Input: [3]int{3, 32, 32}, Classes: 10, Batch: batch,
		Quantization: quantization, Default: model.Multiplier{Table: am, Gradients: g}, Seed: 3,
	})
	if err != nil {
		return err
	}
	defer net.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	x, labels := make([]float32, batch*3*32*32), make([]int32, batch)
	var moments [2][]backend.Tensor
	for _, p := range net.Params() {
		for i := range moments {
			moments[i] = append(moments[i], b.NewTensor(backend.F32, p.Shape))
		}
	}
	stats := make([]float32, 3)
	for step := range steps {
		for i := range x {
			x[i] = float32(rnd.NormFloat64())
		}
		for i := range labels {
			labels[i] = int32(rnd.IntN(10))
		}
		b.Write(net.Input(), x)
		b.Write(net.Labels(), labels)
		net.Forward(true)
		net.Loss(model.Loss{Scale: 1.0 / batch})
		net.Backward()
		for i, p := range net.Params() {
			b.AdamStep(p.Value, p.Grad, moments[0][i], moments[1][i], backend.Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: step + 1})
		}
		if err := b.Read(stats, net.Stats()); err != nil {
			return err
		}
		if stats[0] != stats[0] {
			return fmt.Errorf("step %d: the loss is %v", step, stats[0])
		}
	}
	return b.Sync()
}
