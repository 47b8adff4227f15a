package trainer

import (
	"fmt"
	"math"
	"testing"

	"gputrain/cpuref"
	"gputrain/model"
	"gputrain/model/backend"
)

// TestOptimizer follows steps of every rule with those of torch.optim's
// documentation in float64. The loss is Σ c·w⁴/4 over the elements, whose
// gradient c·w³ is recomputed before each step.
func TestOptimizer(t *testing.T) {
	tests := []Optimizer{
		{Name: "sgd"},
		{Name: "sgd", WeightDecay: 0.1},
		{Name: "sgd", Momentum: 0.9},
		{Name: "sgd", Momentum: 0.9, Dampening: 0.5, WeightDecay: 0.1},
		{Name: "sgd", Momentum: 0.9, Nesterov: true},
		{Name: "adam", Betas: []float64{0.9, 0.999}, Eps: 1e-8},
		{Name: "adam", Betas: []float64{0.5, 0.9}, Eps: 1e-2, WeightDecay: 0.1},
		{Name: "adamw", Betas: []float64{0.9, 0.999}, Eps: 1e-8, WeightDecay: 0.1},
	}
	curvature := []float64{1, -2, 0.5}
	for _, o := range tests {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			b := cpuref.NewPlain()
			value, grad := b.NewTensor(backend.F32, backend.Shape{3}), b.NewTensor(backend.F32, backend.Shape{3})
			got := []float32{0.5, -1, 1.5}
			want := []float64{0.5, -1, 1.5}
			m, v := make([]float64, 3), make([]float64, 3)
			b.Write(value, got)
			opt := newOptimizer(b, o, []model.Param{{Name: "w", Value: value, Grad: grad, Shape: backend.Shape{3}}})
			defer opt.free()
			for step := 1; step <= 5; step++ {
				lr := 0.1 / float64(step)
				g := make([]float32, 3)
				for i := range g {
					g[i] = float32(curvature[i] * math.Pow(float64(got[i]), 3))
					want[i] = reference(o, want[i], curvature[i]*math.Pow(want[i], 3), &m[i], &v[i], lr, step)
				}
				b.Write(grad, g)
				opt.update(lr)
				if err := b.Read(got, value); err != nil {
					t.Fatal(err)
				}
				for i := range got {
					if math.Abs(float64(got[i])-want[i]) > 1e-5 {
						t.Fatalf("step %d: w[%d] = %v, want %v", step, i, got[i], want[i])
					}
				}
			}
		})
	}
}

// reference is one step of one weight.
func reference(o Optimizer, w, g float64, m, v *float64, lr float64, step int) float64 {
	switch o.Name {
	case "sgd":
		g += o.WeightDecay * w
		if o.Momentum == 0 {
			return w - lr*g
		}
		if step == 1 {
			*m = g
		} else {
			*m = o.Momentum**m + (1-o.Dampening)*g
		}
		if o.Nesterov {
			return w - lr*(g+o.Momentum**m)
		}
		return w - lr**m
	case "adam":
		g += o.WeightDecay * w
	case "adamw":
		w -= lr * o.WeightDecay * w
	}
	*m = o.Betas[0]**m + (1-o.Betas[0])*g
	*v = o.Betas[1]**v + (1-o.Betas[1])*g*g
	mHat := *m / (1 - math.Pow(o.Betas[0], float64(step)))
	vHat := *v / (1 - math.Pow(o.Betas[1], float64(step)))
	return w - lr*mHat/(math.Sqrt(vHat)+o.Eps)
}
