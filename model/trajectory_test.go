package model

import (
	"math"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/backend"
)

// trajectorySteps is the length of a trajectory.
var trajectorySteps = 10

// TestTrajectory trains float32 networks for ten steps beside a float64
// implementation of PyTorch's definitions, from the same weights on the same
// images. Losses agree within 1e-4 relative, the gradients of the first step
// within 1e-3 of the greatest of each tensor. (Measured: 1e-6 relative in the
// losses. Where a sum crosses a kink of ReLU in one of the two only, batch
// normalisation and a rate of 0.01 make 5e-4 of it within three steps; the
// rates are low enough that none does.)
func TestTrajectory(t *testing.T) {
	const momentum, decay = 0.9, 5e-4
	for _, tt := range []struct {
		name  string
		input [3]int
		batch int
		adam  bool
		lr    float64
	}{
		{"lenet5", [3]int{1, 28, 28}, 4, false, 0.02},
		{"lenet5", [3]int{3, 32, 32}, 2, true, 1e-3},
		{"mlp", [3]int{1, 8, 8}, 8, true, 1e-3},
		{"resnet8", [3]int{3, 8, 8}, 4, false, 0.002},
		{"resnet8", [3]int{2, 7, 5}, 3, true, 1e-3},
	} {
		name := tt.name + "/sgd"
		if tt.adam {
			name = tt.name + "/adamw"
		}
		t.Run(name, func(t *testing.T) {
			b := cpuref.New()
			n := mustBuild(t, b, Config{Name: tt.name, Input: tt.input, Classes: 10, Batch: tt.batch, Seed: 3})
			ref := referenceOf(t, n)

			update := sgd(tt.lr, momentum, decay)
			if tt.adam {
				update = adamW(tt.lr, 0.9, 0.999, 1e-8, decay)
			}
			type moments struct {
				m, v backend.Tensor
				ref  []float64
			}
			state := map[string]moments{}
			for _, p := range n.Params() {
				state[p.Name] = moments{b.NewTensor(backend.F32, p.Shape), b.NewTensor(backend.F32, p.Shape),
					make([]float64, 2*p.Shape.Len())}
			}
			for s := 1; s <= trajectorySteps; s++ {
				x, labels := fill(n, uint64(s%3)) // three batches, so that losses fall
				n.b.Write(n.Stats(), []float32{0, 0, 0})
				n.Forward(true)
				n.Loss(Loss{Scale: 1 / float32(tt.batch)})
				n.Backward()
				got := float64(readFloats(t, b, n.Stats())[0]) / float64(tt.batch)

				logits := ref.forward(tt.name, images(tt.batch, tt.input, x))
				want := crossEntropy(logits, labels)
				for _, p := range ref.p {
					clear(p.g)
				}
				ref.backward()

				if math.Abs(got-want) > 1e-4*want || math.IsNaN(got) {
					t.Fatalf("step %d: loss %.8f, want %.8f", s, got, want)
				}
				for _, p := range n.Params() {
					if s == 1 {
						nearly(t, "gradient of "+p.Name, readFloats(t, b, p.Grad), ref.p[p.Name].g, 1e-3)
					}
					m := state[p.Name]
					if tt.adam {
						b.AdamStep(p.Value, p.Grad, m.m, m.v, backend.Adam{LR: tt.lr, Beta1: 0.9, Beta2: 0.999,
							Eps: 1e-8, WeightDecay: decay, Decoupled: true, Step: s})
					} else {
						b.SGDStep(p.Value, p.Grad, m.m, backend.SGD{LR: tt.lr, Momentum: momentum,
							WeightDecay: decay, Nesterov: true, First: s == 1})
					}
					update(s, ref.p[p.Name].v, ref.p[p.Name].g, m.ref)
				}
			}

			for _, tensor := range mustState(t, n) {
				if strings.HasSuffix(tensor.Name, "num_batches_tracked") {
					if v, err := tensor.Int64(); err != nil || v[0] != int64(trajectorySteps) {
						t.Errorf("%s = %v, %v, want %d", tensor.Name, v, err, trajectorySteps)
					}
					continue
				}
				if v, err := tensor.Float32(); err != nil {
					t.Error(err)
				} else if strings.Contains(tensor.Name, "running") {
					nearly(t, tensor.Name, v, ref.p[tensor.Name].v, 1e-3)
				}
			}

			// Evaluation reads the running statistics.
			x, _ := fill(n, 99)
			n.Forward(false)
			ref.train = false
			nearly(t, "logits in evaluation", readFloats(t, b, n.Logits()), ref.forward(tt.name, images(tt.batch, tt.input, x)).v, 1e-3)
		})
	}
}

// referenceOf copies the state of n.
func referenceOf(t *testing.T, n *Network) *reference {
	ref := &reference{p: map[string]*array{}, train: true}
	for _, tensor := range mustState(t, n) {
		if tensor.DType != "F32" {
			continue
		}
		d := append(append([]int{}, tensor.Shape...), 1, 1, 1)
		a := newArray(d[0], d[1], d[2], d[3])
		v, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range v {
			a.v[i] = float64(f)
		}
		ref.p[tensor.Name] = a
	}
	return ref
}

func images(n int, input [3]int, x []float32) *array {
	a := newArray(n, input[0], input[1], input[2])
	for i, f := range x {
		a.v[i] = float64(f)
	}
	return a
}

// nearly compares within share of the greatest absolute value, and returns the
// share by which got is off.
func nearly(t *testing.T, what string, got []float32, want []float64, share float64) (off float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	top := 0.0
	for _, w := range want {
		top = max(top, math.Abs(w))
	}
	if top == 0 {
		t.Errorf("%s: the reference is 0 throughout", what)
	}
	for i, w := range want {
		g := float64(got[i])
		if !(math.Abs(g-w) <= share*top) {
			t.Errorf("%s: element %d is %v, want %v within %v", what, i, g, w, share*top)
			return math.Inf(1)
		}
		off = max(off, math.Abs(g-w)/top)
	}
	return off
}
