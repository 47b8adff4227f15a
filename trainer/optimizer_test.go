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
		{Name: "adan", Betas: []float64{0.98, 0.92, 0.99}, Eps: 1e-8, WeightDecay: 0.02},
		{Name: "adan", Betas: []float64{0.5, 0.7, 0.9}, Eps: 1e-2},
		{Name: "adamomentum", Betas: []float64{0.9, 0.999}, Eps: 1e-8},
		{Name: "adamomentum", Betas: []float64{0.5, 0.9}, Eps: 1e-2, WeightDecay: 0.1},
	}
	curvature := []float64{1, -2, 0.5}
	for _, o := range tests {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			b := cpuref.NewPlain()
			value, grad := b.NewTensor(backend.F32, backend.Shape{3}), b.NewTensor(backend.F32, backend.Shape{3})
			got := []float32{0.5, -1, 1.5}
			want := []float64{0.5, -1, 1.5}
			was := make([]history, 3)
			b.Write(value, got)
			opt := newOptimizer(b, o, []model.Param{{Name: "w", Value: value, Grad: grad, Shape: backend.Shape{3}}})
			defer opt.free()
			for step := 1; step <= 5; step++ {
				lr := 0.1 / float64(step)
				g := make([]float32, 3)
				for i := range g {
					g[i] = float32(curvature[i] * math.Pow(float64(got[i]), 3))
					want[i] = reference(o, want[i], curvature[i]*math.Pow(want[i], 3), &was[i], lr, step)
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

// history is what the rules remember of one weight.
type history struct{ m, v, n, g float64 }

// reference is one step of one weight.
func reference(o Optimizer, w, g float64, h *history, lr float64, step int) float64 {
	unbias := func(i int) float64 { return 1 - math.Pow(o.Betas[i], float64(step)) }
	switch o.Name {
	case "sgd":
		g += o.WeightDecay * w
		if o.Momentum == 0 {
			return w - lr*g
		}
		if step == 1 {
			h.m = g
		} else {
			h.m = o.Momentum*h.m + (1-o.Dampening)*g
		}
		if o.Nesterov {
			return w - lr*(g+o.Momentum*h.m)
		}
		return w - lr*h.m
	case "adan": // Algorithm 1 of arXiv 2208.06677, its betas being 1 minus these
		d := g - h.g
		if step == 1 {
			d = 0
		}
		h.g = g
		h.m = o.Betas[0]*h.m + (1-o.Betas[0])*g
		h.v = o.Betas[1]*h.v + (1-o.Betas[1])*d
		h.n = o.Betas[2]*h.n + (1-o.Betas[2])*math.Pow(g+o.Betas[1]*d, 2)
		rate := lr / (math.Sqrt(h.n/unbias(2)) + o.Eps)
		return (w - rate*(h.m/unbias(0)+o.Betas[1]*h.v/unbias(1))) / (1 + lr*o.WeightDecay)
	case "adamomentum": // Algorithm 1 of arXiv 2106.11514
		g += o.WeightDecay * w
		h.m = o.Betas[0]*h.m + (1-o.Betas[0])*g
		h.v = o.Betas[1]*h.v + (1-o.Betas[1])*h.m*h.m + o.Eps
		return w - lr*(h.m/unbias(0))/math.Sqrt(h.v/unbias(1))
	case "adam":
		g += o.WeightDecay * w
	case "adamw":
		w -= lr * o.WeightDecay * w
	}
	h.m = o.Betas[0]*h.m + (1-o.Betas[0])*g
	h.v = o.Betas[1]*h.v + (1-o.Betas[1])*g*g
	return w - lr*h.m/unbias(0)/(math.Sqrt(h.v/unbias(1))+o.Eps)
}

// TestDecayNorms looks at which parameters weight decay spares.
func TestDecayNorms(t *testing.T) {
	no := false
	o := Optimizer{WeightDecay: 0.1, DecayNorms: &no}
	for _, tt := range []struct {
		name  string
		shape backend.Shape
		want  float64
	}{
		{"head.weight", backend.Shape{10, 96}, 0.1},
		{"patch_embed.proj.weight", backend.Shape{96, 3, 4, 4}, 0.1},
		{"head.bias", backend.Shape{10}, 0},
		{"norm.weight", backend.Shape{96}, 0},
		{"cls_token", backend.Shape{1, 1, 96}, 0},
		{"pos_embed", backend.Shape{1, 65, 96}, 0},
		{"encoder.pos_embedding", backend.Shape{1, 65, 96}, 0},
	} {
		p := model.Param{Name: tt.name, Shape: tt.shape}
		if got := o.decay(p); got != tt.want {
			t.Errorf("%s decays by %v, want %v", tt.name, got, tt.want)
		}
		if got := (Optimizer{WeightDecay: 0.1}).decay(p); got != 0.1 {
			t.Errorf("by default %s decays by %v, want 0.1", tt.name, got)
		}
	}
}
