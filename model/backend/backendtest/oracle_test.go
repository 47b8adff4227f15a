package backendtest

import (
	"math"
	"testing"

	"gputrain/lut"
	"gputrain/model/backend"
)

// The oracles are checked against examples worked out on paper. The
// multiplier of these is W·X + W + 1, on operands of 3 bits.

func plusOne(W, X int) int { return W*X + W + 1 }

var plus = lut.New("plus", lut.Unsigned(3), lut.Unsigned(3), plusOne)

func values(a []Approx) []float64 {
	v := make([]float64, len(a))
	for i := range a {
		v[i] = a[i].Value
	}
	return v
}

func same[E comparable](t *testing.T, name string, got, want []E) {
	t.Helper()
	if len(got) != len(want) || firstDifference(got, want) >= 0 {
		t.Errorf("%s = %v, want %v", name, got, want)
	}
}

func TestMatMulByHand(t *testing.T) {
	p := MatMulShape{M: 2, K: 2, N: 2}.product(seeded("hand"), plus, gradientKind{"ste", ste, ste}.gradients(plus), options{perChannel: true})
	p.w, p.x = []uint8{1, 2, 3, 0}, []uint8{4, 5, 6, 7}
	p.qw = quantizer{s: []float32{0.5, 2}, inv: []float32{2, 0.5}, z: []float32{1, 3}}
	p.qx = quantizer{s: []float32{0.25}, inv: []float32{4}, z: []float32{2}}

	same(t, "Y", p.sums(), []int32{21, 24, 17, 20})
	same(t, "y", p.dequantized(p.sums()), []float32{1.125, 1.25, -3.5, -5})
	dy := []float32{1, 2, 3, 4}
	same(t, "dw", values(p.backwardW(dy)), []float64{2, 3.5, 4.5, 8})
	dx := p.backwardX(dy)
	same(t, "dx", values(dx), []float64{0, 0, -17.5, -23})

	// dx[0,0] = ½·(1 − 1) + 6·(3 − 3): four terms of 37 in all.
	if want := 2 * 5 * 0x1p-24 * 37; dx[0].Bound != want {
		t.Errorf("bound of dx[0,0] = %v, want %v", dx[0].Bound, want)
	}
}

func TestConv2DByHand(t *testing.T) {
	twice := make([]float32, 8) // ∂AM/∂W = 2X + 10
	for i := range twice {
		twice[i] = float32(2*i + 10)
	}
	g := gradientKind{"ste", ste, ste}.gradients(plus)
	var err error
	if g.DW, err = lut.NewFactored(plus.W(), plus.X(), 1, fill[float32](8, 1), twice); err != nil {
		t.Fatal(err)
	}
	// One row of two pixels under a filter of two, one column of padding on
	// either side: three outputs.
	s := conv(1, 1, 1, 2, 1, 1, 2, backend.Conv2D{Pad: [2]int{0, 1}})
	for _, c := range []struct {
		padding backend.Padding
		sums    []int32
		dw      []float64
	}{
		{backend.PadZeroPoint, []int32{13, 18, 14}, []float64{1952, 1394}},
		{backend.PadIntZero, []int32{11, 18, 10}, []float64{1950, 1194}},
	} {
		p := s.product(seeded("hand"), plus, g, options{padding: c.padding})
		p.w, p.x = []uint8{1, 2}, []uint8{3, 5}
		p.qw = quantizer{s: []float32{1}, inv: []float32{1}, z: []float32{1}}
		p.qx = quantizer{s: []float32{1}, inv: []float32{1}, z: []float32{2}}
		name := c.padding.String() + " "
		same(t, name+"Y", p.sums(), c.sums)
		same(t, name+"y", p.dequantized(p.sums()), []float32{6, 8, 5})
		same(t, name+"dw", values(p.backwardW([]float32{1, 10, 100})), c.dw)
		same(t, name+"dx", values(p.backwardX([]float32{1, 10, 100})), []float64{1, 10})
	}
}

// TestGroupsByHand checks which channels meet in a grouped convolution.
func TestGroupsByHand(t *testing.T) {
	s := conv(1, 4, 1, 1, 6, 1, 1, backend.Conv2D{Groups: 2})
	var got []int
	s.terms()(func(y, w, x int) { got = append(got, y*100+w*10+x) })
	same(t, "terms", got, []int{0, 11, 120, 131, 240, 251, 362, 373, 482, 493, 602, 613})
}

// TestOutputs compares the count of filter positions with the formula of
// package backend.
func TestOutputs(t *testing.T) {
	for _, s := range append(append([]ConvShape(nil), ConvShapes...), BenchmarkConvShapes...) {
		y, w, x := s.shapes()
		if want, err := s.Geometry.Output(w, x); err != nil || !y.Equal(want) {
			t.Errorf("%v: output %v, want %v (%v)", s, y, want, err)
		}
	}
	for _, s := range poolShapes {
		if want, err := s.geometry.Output(s.x); err != nil || !s.output().Equal(want) {
			t.Errorf("%v: output %v, want %v (%v)", s, s.output(), want, err)
		}
	}
}

func TestMultipliers(t *testing.T) {
	for _, am := range Multipliers() {
		if am.Commutative() {
			t.Errorf("%s is commutative", am.Name())
		}
		if am.At(0, 0) == 0 {
			t.Errorf("%s(0, 0) = 0", am.Name())
		}
		for _, s := range MatMulShapes {
			if s.K > am.MaxK() {
				t.Errorf("%s holds %d terms, less than those of %v", am.Name(), am.MaxK(), s)
			}
		}
	}
}

func TestApprox(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		a    Approx
		got  float64
		want bool
	}{
		{Approx{1, 0}, 1, true},
		{Approx{1, 0.5}, 1.5, true},
		{Approx{1, 0.5}, 0.5, true},
		{Approx{1, 0.5}, 1.75, false},
		{Approx{1, inf}, nan, false},
		{Approx{1, inf}, inf, false},
		{Approx{nan, inf}, 1, false},
		{Approx{nan, 0}, nan, true},
		{Approx{inf, 1}, inf, true},
		{Approx{inf, inf}, -inf, false},
	} {
		if got := c.a.Holds(float32(c.got)); got != c.want {
			t.Errorf("%v holds %v: %v, want %v", c.a, c.got, got, c.want)
		}
	}
}

func TestRangesByHand(t *testing.T) {
	for _, c := range []struct {
		lo, hi    float32
		op        lut.Operand
		symmetric bool
		s, inv, z float32
	}{
		{-1, 3, lut.Unsigned(2), false, 4. / 3, 0.75, 1},
		{-0.5, 2.5, lut.Unsigned(2), false, 1, 1, 0}, // Z = roundEven(½)
		{-1.5, 1.5, lut.Unsigned(2), false, 1, 1, 2}, // Z = roundEven(1½)
		{-1.5, 1.5, lut.Signed(2), false, 1, 1, 0},
		{2, 6, lut.Signed(3), false, 6. / 7, 7. / 6, -4},
		{-6, 2, lut.Signed(3), true, 2, 0.5, 0},
		{0, 0, lut.Signed(8), false, 0x1p-23, 0x1p23, -128},
	} {
		if s, inv, z := quantizerOf(c.lo, c.hi, c.op, c.symmetric); s != c.s || inv != c.inv || z != c.z {
			t.Errorf("quantizer of [%v, %v] for %v = {%v, %v, %v}, want {%v, %v, %v}", c.lo, c.hi, c.op, s, inv, z, c.s, c.inv, c.z)
		}
	}

	x := []float32{1, 2, 2048, 3}
	for _, c := range []struct {
		name string
		o    backend.Observer
		r    []float32
		want []float32
	}{
		{"first", backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.5}, []float32{7, 7, 0}, []float32{1, 2048, 1}},
		{"EMA", backend.Observer{Kind: backend.ObserveEMA, Momentum: 0.5}, []float32{-1, 2, 1}, []float32{0, 1025, 1}},
		{"min/max", backend.Observer{}, []float32{-1, 2, 1}, []float32{-1, 2048, 1}},
		// Bins are one wide: three of four values lie below the edge at 4.
		{"percentile", backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.5, Percentile: 75}, []float32{0, 0, 0}, []float32{1, 4, 1}},
	} {
		same(t, c.name, observation{r: c.r, x: x, observer: c.o}.want(), c.want)
	}
}

func TestQuantizeByHand(t *testing.T) {
	c := quantization{op: lut.Unsigned(3), x: []float32{0.25, 0.75, -10, 1e30, float32(math.NaN())}, q: quantizer{[]float32{0.5}, []float32{2}, []float32{3}}}
	for i, want := range []int{3, 5, -17, 1<<24 + 3} {
		if v, ok := c.integer(i); !ok || v != want {
			t.Errorf("integer of %v = %v, want %v", c.x[i], v, want)
		}
	}
	if _, ok := c.integer(4); ok {
		t.Error("NaN has an integer")
	}
}

func TestStatisticsByHand(t *testing.T) {
	c := statistics([]float64{1, 2, 3, 4}, 2.75)
	if c.mean.Value != 2.5 || c.variance.Value != 1.25 || c.r.Value != 0.5 {
		t.Errorf("μ, σ², r = %v, %v, %v, want 2.5, 1.25, 0.5", c.mean.Value, c.variance.Value, c.r.Value)
	}
	if want := Bound(4, 2.5); c.mean.Bound != want {
		t.Errorf("bound of μ = %v, want %v", c.mean.Bound, want)
	}
	same(t, "channels", byChannel(backend.Shape{2, 2, 2}, []float32{0, 1, 2, 3, 4, 5, 6, 7})[1], []float64{2, 3, 6, 7})
}

func TestSoftmaxByHand(t *testing.T) {
	c := softmaxCase{N: 3, classes: 2, logits: []float32{5, 5, 0, 9, 1e4, -1e4}, labels: []int32{0, -1, 1}, stats: []float32{1, 4, 5}, scale: 2}
	stats, dlogits := c.want()
	if want := 1 + math.Ln2 + 2e4; math.Abs(stats[0].Value-want) > 1e-9 || stats[1].Value != 5 || stats[2].Value != 7 {
		t.Errorf("stats = %v, want %v, 5, 7", stats, want)
	}
	same(t, "dlogits", values(dlogits), []float64{-1, 1, 0, 0, 2, -2})
}

func TestStepsByHand(t *testing.T) {
	w, v := sgd([]float32{8}, []float32{2}, []float32{4}, backend.SGD{LR: 0.5, Momentum: 0.5, Dampening: 0.25, WeightDecay: 0.25, Nesterov: true})
	// g = 2 + 8/4 = 4, v = 4/2 + ¾·4 = 5, g = 4 + 5/2 = 6½, w = 8 − 6½/2.
	same(t, "v", v, []float32{5})
	same(t, "w", w, []float32{4.75})

	// g = 2, m = ½·2 + ½·2 = 2, v = ¾·4 + ¼·4 = 4; 1 − ½² = ¾, 1 − ¾² = 7/16;
	// w = 8·(1 − ½·¼) − (½/¾)·2/(2/√(7/16) + ¼).
	a, m, moment := adam([]float32{8}, []float32{2}, []float32{2}, []float32{4},
		backend.Adam{LR: 0.5, Beta1: 0.5, Beta2: 0.75, Eps: 0.25, WeightDecay: 0.25, Decoupled: true, Step: 2})
	same(t, "m", m, []float32{2})
	same(t, "v", moment, []float32{4})
	if want := 7 - 4./3/(8/math.Sqrt(7)+0.25); math.Abs(a[0].Value-want) > 1e-12 {
		t.Errorf("w = %v, want %v", a[0].Value, want)
	}
}
