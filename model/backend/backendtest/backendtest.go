// Package backendtest holds implementations of package backend to their
// contract.
//
// A backend's own test file holds little more than
//
//	func TestBackend(t *testing.T) { backendtest.Run(backendtest.Wrap(t), cpuref.New()) }
//
// Each operation is compared with an oracle written straight from the equation
// that defines it, in the plainest loops and the widest types: integers in
// int64, reals in float64. The oracle reads the same float32 tables and
// quantizers as the backend. Integers, codes and element-wise floats must
// match exactly; sums of floats within [Bound]. Shapes straddle the tile sizes
// of fast implementations and have 1 in every dimension; they are exported
// data, shared with the benchmarks.
//
// Every operation runs twice. Its destinations hold NaN or 0xA5 before the
// first run and other values before the second, and the two results must be
// the same bits. Operands must not change, and where the backend implements
// [backend.Guarded], neither must the words around any tensor.
//
// There is one exported function for each group of operations. It asks for no
// more methods than it calls, so that a backend can be brought up one kernel
// at a time. All report through the interface [T]: in a test that is [Wrap],
// in a program [Selftest].
package backendtest

import (
	"fmt"
	"runtime"
	"testing"

	"gputrain/model/backend"
)

// T is what the suite needs of *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)

	// Fatalf reports a failure and ends the case: it does not return.
	Fatalf(format string, args ...any)

	// Run runs f as a case of its own and reports whether it passed.
	Run(name string, f func(T)) bool
}

// Run holds b to the whole contract.
func Run(t T, b backend.Backend) {
	for _, g := range groups(b) {
		t.Run(g.name, g.run)
	}
}

type group struct {
	name string
	run  func(T)
}

func groups(b backend.Backend) []group {
	return []group{
		{"Memory", func(t T) { Memory(t, b) }},
		{"LUTMatMul", func(t T) { LUTMatMul(t, b) }},
		{"LUTConv2D", func(t T) { LUTConv2D(t, b) }},
		{"DequantizeMatMul", func(t T) { DequantizeMatMul(t, b) }},
		{"DequantizeConv2D", func(t T) { DequantizeConv2D(t, b) }},
		{"LUTMatMulBackwardW", func(t T) { LUTMatMulBackwardW(t, b) }},
		{"LUTMatMulBackwardX", func(t T) { LUTMatMulBackwardX(t, b) }},
		{"LUTConv2DBackwardW", func(t T) { LUTConv2DBackwardW(t, b) }},
		{"LUTConv2DBackwardX", func(t T) { LUTConv2DBackwardX(t, b) }},
		{"ExactSTE", func(t T) { ExactSTE(t, b) }},
		{"Observe", func(t T) { Observe(t, b) }},
		{"SetRange", func(t T) { SetRange(t, b, Ranges) }},
		{"Quantize", func(t T) { Quantize(t, b) }},
		{"Dequantize", func(t T) { Dequantize(t, b) }},
		{"QuantizeBackward", func(t T) { QuantizeBackward(t, b) }},
		{"Conv2D", func(t T) { Conv2D(t, b) }},
		{"Conv2DBackwardW", func(t T) { Conv2DBackwardW(t, b) }},
		{"Conv2DBackwardX", func(t T) { Conv2DBackwardX(t, b) }},
		{"Bias", func(t T) { Bias(t, b) }},
		{"BatchNorm", func(t T) { BatchNorm(t, b) }},
		{"BatchNormInference", func(t T) { BatchNormInference(t, b) }},
		{"BatchNormBackward", func(t T) { BatchNormBackward(t, b) }},
		{"BatchNormFrozenBackward", func(t T) { BatchNormFrozenBackward(t, b) }},
		{"ReLU", func(t T) { ReLU(t, b) }},
		{"ReLU6", func(t T) { ReLU6(t, b) }},
		{"Dropout", func(t T) { Dropout(t, b) }},
		{"MaxPool2D", func(t T) { MaxPool2D(t, b) }},
		{"AvgPool2D", func(t T) { AvgPool2D(t, b) }},
		{"Add", func(t T) { Add(t, b) }},
		{"SoftmaxCrossEntropy", func(t T) { SoftmaxCrossEntropy(t, b) }},
		{"MatMul", func(t T) { MatMul(t, b) }},
		{"Softmax", func(t T) { Softmax(t, b) }},
		{"LayerNorm", func(t T) { LayerNorm(t, b) }},
		{"GELU", func(t T) { GELU(t, b) }},
		{"Copy", func(t T) { Copy(t, b) }},
		{"SGDStep", func(t T) { SGDStep(t, b) }},
		{"AdamStep", func(t T) { AdamStep(t, b) }},
		{"AdanStep", func(t T) { AdanStep(t, b) }},
		{"AdaMomentumStep", func(t T) { AdaMomentumStep(t, b) }},
		{"AddSquares", func(t T) { AddSquares(t, b) }},
		{"ClipNorm", func(t T) { ClipNorm(t, b) }},
		{"Average", func(t T) { Average(t, b) }},
	}
}

// Wrap makes a T of a *testing.T.
func Wrap(t *testing.T) T { return wrapped{t} }

type wrapped struct{ *testing.T }

func (w wrapped) Run(name string, f func(T)) bool {
	return w.T.Run(name, func(t *testing.T) { f(wrapped{t}) })
}

// A Failure is one fault that [Selftest] found.
type Failure struct {
	Case    string // as in LUTConv2D/bent8u/2x3x5x5_o4k3x3p1x1
	Message string
}

// Selftest holds b to the whole contract outside a test. It calls done, which
// may be nil, after each group of operations with the group's name, its number
// of cases and its faults; false leaves out the groups that remain. It returns
// all faults.
func Selftest(b backend.Backend, done func(group string, cases int, faults []Failure) bool) []Failure {
	var all []Failure
	for _, g := range groups(b) {
		r := &recorder{name: g.name}
		r.call(g.run)
		all = append(all, r.failures...)
		if done != nil && !done(g.name, max(1, r.cases), r.failures) {
			break
		}
	}
	return all
}

// A recorder is the T of Selftest.
type recorder struct {
	name     string
	cases    int // run below this one
	failures []Failure
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, Failure{r.name, fmt.Sprintf(format, args...)})
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Run(name string, f func(T)) bool {
	sub := &recorder{name: r.name + "/" + name}
	sub.call(f)
	r.cases += max(1, sub.cases)
	r.failures = append(r.failures, sub.failures...)
	return len(sub.failures) == 0
}

// call runs f in a goroutine of its own, which Fatalf ends, and makes a panic
// of the backend one more failure.
func (r *recorder) call(f func(T)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if fault := recover(); fault != nil {
				r.Errorf("panic: %v", fault)
			}
		}()
		f(r)
	}()
	<-done
}
