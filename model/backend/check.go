package backend

import (
	"fmt"

	"gputrain/lut"
)

// The checks below are called by every backend, so that a mistake reads the
// same on all of them. Each panics with a message that begins with who and the
// operation, and returns the dimensions that the operation needs.

// A checker collects the name under which faults are reported.
type checker struct{ who, op string }

func (c checker) failf(format string, args ...any) {
	panic(c.who + ": " + c.op + ": " + fmt.Sprintf(format, args...))
}

func (c checker) dtype(name string, t Tensor, dt DType) {
	if t == nil {
		c.failf("%s is nil", name)
	}
	if t.DType() != dt {
		c.failf("%s is %v %v, want %v", name, t.Shape(), t.DType(), dt)
	}
}

func (c checker) shape(name string, t Tensor, dt DType, want Shape) {
	c.dtype(name, t, dt)
	if !t.Shape().Equal(want) {
		c.failf("%s is %v, want %v", name, t.Shape(), want)
	}
}

// quantizer checks a [3] or [3, channels] tensor and reports whether it is per
// channel.
func (c checker) quantizer(name string, q Tensor, channels int, perChannel bool) bool {
	c.dtype(name, q, F32)
	s := q.Shape()
	switch {
	case len(s) == 1 && s[0] == 3:
		return false
	case perChannel && len(s) == 2 && s[0] == 3 && s[1] == channels:
		return true
	}
	if perChannel {
		c.failf("%s is %v, want 3 or 3×%d", name, s, channels)
	}
	c.failf("%s is %v, want 3", name, s)
	return false
}

// A MatMulDims holds the dimensions of a product. Batch is 1 for matrices.
type MatMulDims struct {
	Batch, M, N, K int
	PerChannel     bool // the weight quantizer has a column for each m
}

// CheckLUTMatMul checks a product or one of its backward passes. y, w and x
// are, of shapes [M, N], [M, K] and [K, N] or the batched ones, the result or
// its gradient (of type yType), the weights and the activations.
func CheckLUTMatMul(who, op string, y Tensor, yType DType, w, x Quantized, t Tables) MatMulDims {
	c := checker{who, op}
	c.dtype("y", y, yType)
	c.dtype("w", w.Code, U8)
	c.dtype("x", x.Code, U8)
	d := c.matMul(y, w.Code, x.Code)
	d.PerChannel = c.quantizer("the quantizer of w", w.Q, d.M, len(y.Shape()) == 2)
	c.quantizer("the quantizer of x", x.Q, 0, false)
	c.tables(t, d.K)
	return d
}

// matMul checks the shapes of y = w·x.
func (c checker) matMul(y, w, x Tensor) MatMulDims {
	ys, ws, xs := y.Shape(), w.Shape(), x.Shape()
	r := len(ys)
	if (r != 2 && r != 3) || len(ws) != r || len(xs) != r {
		c.failf("y %v = w %v · x %v, want three matrices or three batches of matrices", ys, ws, xs)
	}
	d := MatMulDims{Batch: 1, M: ws[r-2], K: ws[r-1], N: xs[r-1]}
	if r == 3 {
		d.Batch = ws[0]
	}
	if xs[r-2] != d.K || ys[r-2] != d.M || ys[r-1] != d.N || (r == 3 && (xs[0] != d.Batch || ys[0] != d.Batch)) {
		c.failf("y %v != w %v · x %v", ys, ws, xs)
	}
	return d
}

func (c checker) tables(t Tables, K int) {
	if t == nil {
		c.failf("tables are nil")
	}
	if p := t.Product(); K > p.MaxK() {
		c.failf("K = %d exceeds %d: sums of %s products overflow int32", K, p.MaxK(), p.Name())
	}
}

// CheckGradient checks that g, ∂AM/∂name, is there and suits the product of t.
func CheckGradient(who, op, name string, g *lut.Gradient, t Tables) {
	c := checker{who, op}
	if g == nil {
		c.failf("the tables of %s have no ∂AM/∂%s", t.Product().Name(), name)
	}
	if p := t.Product(); g.W() != p.W() || g.X() != p.X() {
		c.failf("∂AM/∂%s is for %v×%v operands, %s is %v×%v", name, g.W(), g.X(), p.Name(), p.W(), p.X())
	}
}

// A ConvDims holds the geometry of a convolution with defaults filled in.
type ConvDims struct {
	Conv2D
	Batch, Cin, H, W  int
	Cout, KH, KW      int
	OH, OW            int
	GroupIn, GroupOut int  // Cin/groups, Cout/groups
	K                 int  // taps of one output, GroupIn·KH·KW
	PerChannel        bool // the weight quantizer has a column for each output channel
}

func checkConv(c checker, y Tensor, yType DType, w Tensor, wType DType, x Tensor, xType DType, geo Conv2D) ConvDims {
	c.dtype("y", y, yType)
	c.dtype("w", w, wType)
	c.dtype("x", x, xType)
	out, err := geo.Output(w.Shape(), x.Shape())
	if err != nil {
		c.failf("%v", err)
	}
	if !y.Shape().Equal(out) {
		c.failf("y is %v, want %v for x %v, w %v, %+v", y.Shape(), out, x.Shape(), w.Shape(), geo)
	}
	geo = geo.withDefaults()
	ws, xs := w.Shape(), x.Shape()
	return ConvDims{
		Conv2D: geo, Batch: xs[0], Cin: xs[1], H: xs[2], W: xs[3],
		Cout: ws[0], KH: ws[2], KW: ws[3], OH: out[2], OW: out[3],
		GroupIn: ws[1], GroupOut: ws[0] / geo.Groups, K: ws[1] * ws[2] * ws[3],
	}
}

// CheckConv2D checks a float convolution or one of its backward passes; w and
// x stand for the weight and the image, or their gradients.
func CheckConv2D(who, op string, y, w, x Tensor, geo Conv2D) ConvDims {
	return checkConv(checker{who, op}, y, F32, w, F32, x, F32, geo)
}

// CheckLUTConv2D checks a convolution of codes or one of its backward passes.
func CheckLUTConv2D(who, op string, y Tensor, yType DType, w, x Quantized, geo Conv2D, t Tables) ConvDims {
	c := checker{who, op}
	d := checkConv(c, y, yType, w.Code, U8, x.Code, U8, geo)
	d.PerChannel = c.quantizer("the quantizer of w", w.Q, d.Cout, true)
	c.quantizer("the quantizer of x", x.Q, 0, false)
	c.tables(t, d.K)
	return d
}

// CheckHost checks that host, the Go slice of a [Memory] Write or Read, fits t.
func CheckHost(who, op string, t Tensor, host any) {
	c := checker{who, op}
	if t == nil {
		c.failf("tensor is nil")
	}
	fits, n := false, 0
	switch h := host.(type) {
	case []float32:
		fits, n = t.DType() == F32, len(h)
	case []int32:
		fits, n = t.DType() == I32, len(h)
	case []uint8:
		fits, n = t.DType() == U8, len(h)
	}
	if want := t.Shape().Len(); !fits || n != want {
		c.failf("%T of length %d does not fit %v %v, which has %d elements", host, n, t.Shape(), t.DType(), want)
	}
}

// CheckView checks the arguments of [Memory] View.
func CheckView(who string, t Tensor, s Shape) {
	c := checker{who, "View"}
	if t == nil {
		c.failf("tensor is nil")
	}
	if s.Len() != t.Shape().Len() {
		c.failf("%v has %d elements, %v has %d", s, s.Len(), t.Shape(), t.Shape().Len())
	}
}

// CheckSame checks that tensors a and b have one shape, of the types given.
func CheckSame(who, op string, nameA string, a Tensor, ta DType, nameB string, b Tensor, tb DType) {
	c := checker{who, op}
	c.dtype(nameB, b, tb)
	c.shape(nameA, a, ta, b.Shape())
}

// CheckQuantizer checks a [3] or [3, C] tensor against the data x, whose first
// dimension is C. It returns the number of columns and the elements of x that
// each governs: 1 and all, or C and the rest.
func CheckQuantizer(who, op, name string, q, x Tensor) (columns, each int) {
	c := checker{who, op}
	first := 1
	if len(x.Shape()) > 0 {
		first = x.Shape()[0]
	}
	if c.quantizer(name, q, first, true) {
		return first, x.Shape().Len() / first
	}
	return 1, x.Shape().Len()
}

// CheckObserve checks the arguments of [Quantizer] Observe.
func CheckObserve(who string, r, x Tensor, o Observer) (columns, each int) {
	c := checker{who, "Observe"}
	c.dtype("x", x, F32)
	columns, each = CheckQuantizer(who, "Observe", "the range", r, x)
	if x.Shape().Len() == 0 {
		c.failf("x is empty")
	}
	switch {
	case o.Kind > ObservePercentile:
		c.failf("observer kind %d", o.Kind)
	case o.Kind != ObserveMinMax && len(r.Shape()) != 1:
		c.failf("the range is %v: per channel there is only the min/max observer", r.Shape())
	case o.Kind != ObserveMinMax && !(o.Momentum > 0 && o.Momentum <= 1):
		c.failf("momentum %v outside (0, 1]", o.Momentum)
	case o.Kind == ObservePercentile && !(o.Percentile > 0 && o.Percentile <= 100):
		c.failf("percentile %v outside (0, 100]", o.Percentile)
	}
	return columns, each
}

// CheckSetRange checks the arguments of [Quantizer] SetRange and returns the
// number of columns.
func CheckSetRange(who string, q, r Tensor, op lut.Operand, symmetric bool) (columns int) {
	c := checker{who, "SetRange"}
	CheckSame(who, "SetRange", "q", q, F32, "r", r, F32)
	if s := q.Shape(); s[0] != 3 || len(s) > 2 {
		c.failf("q is %v, want 3 or 3×C", s)
	}
	if err := op.Valid(); err != nil {
		c.failf("%v", err)
	}
	if symmetric && !op.Signed {
		c.failf("symmetric quantization of an unsigned operand")
	}
	return q.Shape().Len() / 3
}

// A Named tensor is an argument under the name that a fault calls it by.
type Named struct {
	Name string
	T    Tensor
}

// CheckChannels checks that x is F32 [N, C, …] and each vector is F32 [C]. It
// returns N, C and the number of elements of one image's channel.
func CheckChannels(who, op string, x Tensor, vectors ...Named) (N, C, each int) {
	c := checker{who, op}
	c.dtype("x", x, F32)
	s := x.Shape()
	if len(s) < 2 {
		c.failf("x is %v, want [N, C, …]", s)
	}
	for _, v := range vectors {
		c.shape(v.Name, v.T, F32, s[1:2])
	}
	return s[0], s[1], Shape(s[2:]).Len()
}

// CheckBatchNorm checks a batch normalization in training or its backward
// pass: saved is [2, C], and a channel has more than one element.
func CheckBatchNorm(who, op string, x, saved Tensor, vectors ...Named) (N, C, each int) {
	N, C, each = CheckChannels(who, op, x, vectors...)
	c := checker{who, op}
	c.shape("saved", saved, F32, Shape{2, C})
	if N*each < 2 {
		c.failf("x is %v: the variance of a channel of %d elements is not defined", x.Shape(), N*each)
	}
	return N, C, each
}

// A PoolDims holds the geometry of a pooling with defaults filled in.
type PoolDims struct {
	Pool2D
	Planes, H, W, OH, OW int // Planes = N·C
}

// CheckPool2D checks a pooling or its backward pass; index may be nil.
func CheckPool2D(who, op string, y, index, x Tensor, p Pool2D) PoolDims {
	c := checker{who, op}
	c.dtype("x", x, F32)
	out, err := p.Output(x.Shape())
	if err != nil {
		c.failf("%v", err)
	}
	c.shape("y", y, F32, out)
	if index != nil {
		c.shape("index", index, I32, out)
	}
	return PoolDims{Pool2D: p.withDefaults(), Planes: out[0] * out[1], H: x.Shape()[2], W: x.Shape()[3], OH: out[2], OW: out[3]}
}

// A LossDims holds the rows and classes of a loss and the shares of a target
// distribution, each rounded to float32 once: q[c] is Label where c is a row's
// label, plus Mixed where it is the one mixed in, plus Rest everywhere.
type LossDims struct {
	N, Classes         int
	Label, Mixed, Rest float32 // (1−ε)·λ, (1−ε)·(1−λ), ε/classes
}

// CheckSoftmaxCrossEntropy checks a loss.
func CheckSoftmaxCrossEntropy(who string, stats, dlogits, logits Tensor, t Targets) LossDims {
	c := checker{who, "SoftmaxCrossEntropy"}
	c.dtype("logits", logits, F32)
	s := logits.Shape()
	if len(s) != 2 {
		c.failf("logits is %v, want [N, classes]", s)
	}
	c.shape("dlogits", dlogits, F32, s)
	c.shape("labels", t.Labels, I32, s[:1])
	c.shape("stats", stats, F32, Shape{3})
	if !(t.Smoothing >= 0 && t.Smoothing <= 1) {
		c.failf("smoothing is %v, want 0 ≤ ε ≤ 1", t.Smoothing)
	}
	sure := 1 - float64(t.Smoothing)
	d := LossDims{N: s[0], Classes: s[1], Label: float32(sure), Rest: float32(float64(t.Smoothing) / float64(s[1]))}
	if t.Mixed != nil {
		c.shape("mixed labels", t.Mixed, I32, s[:1])
		if !(t.Lambda >= 0 && t.Lambda <= 1) {
			c.failf("lambda is %v, want 0 ≤ λ ≤ 1", t.Lambda)
		}
		lambda := float64(t.Lambda)
		d.Label, d.Mixed = float32(sure*lambda), float32(sure*(1-lambda))
	}
	return d
}

// CheckStep checks that the tensors of an optimizer step have the shape of w.
func CheckStep(who, op string, w, dw Tensor, moments ...Tensor) {
	CheckSame(who, op, "dw", dw, F32, "w", w, F32)
	for _, m := range moments {
		CheckSame(who, op, "a moment", m, F32, "w", w, F32)
	}
}
