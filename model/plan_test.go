package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/cpuref"
	"gputrain/lut"
	"gputrain/model/backend"
)

// TestPlanShares plans random values and holds the memory they get to the
// rule: two values share it only if their lives do not meet, or if one is born
// in place of the other in the event that the other dies in.
func TestPlanShares(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	handed, reused := 0, 0
	for range 200 {
		p := &planner{b: cpuref.NewPlain()}
		var values []*value
		for range 30 {
			v := p.value("v", backend.DType(r.IntN(2)), backend.Shape{1 + r.IntN(2), 2})
			touched := []*value{v, nil}
			for range r.IntN(3) {
				if len(values) == 0 {
					break
				}
				u := values[max(0, len(values)-1-r.IntN(4))]
				touched = append(touched, u)
				if u.dtype == v.dtype && u.shape.Equal(v.shape) {
					v.inPlace = append(v.inPlace, u)
				}
			}
			values = append(values, v)
			p.event(touched...)
			if r.IntN(10) == 0 {
				p.keep(v)
			}
		}
		made := 0
		p.allocate(true, func(_ bool, dt backend.DType, s backend.Shape) backend.Tensor {
			made++
			return p.b.NewTensor(dt, s)
		})
		reused += len(values) - made
		for i, u := range values {
			if u.t.DType() != u.dtype || !u.t.Shape().Equal(u.shape) {
				t.Fatalf("a value of %v %v has a tensor of %v %v", u.dtype, u.shape, u.t.DType(), u.t.Shape())
			}
			for _, v := range values[:i] {
				if u.mem != v.mem || u.first > v.last || v.first > u.last {
					continue
				}
				if u.first != v.last || !slices.Contains(u.inPlace, v) {
					t.Fatalf("values that live in events %d to %d and %d to %d share memory", u.first, u.last, v.first, v.last)
				}
				handed++
			}
		}
	}
	if handed < 100 || reused < 1000 {
		t.Errorf("%d values in place of others, %d of memory that was used before: the test is too weak", handed, reused)
	}
}

// TestLives overwrites each value as soon as its planned life ends. Nothing
// may come of it: whatever a later pass reads, the plan knows to be alive.
func TestLives(t *testing.T) {
	u8 := lut.Unsigned(8)
	q := DefaultQuantization()
	q.PoolInputs, q.Pool = true, u8
	for _, c := range []Config{
		{Name: "resnet8", Input: [3]int{3, 5, 5}, Default: Float(), Rules: []Rule{{"*conv1", bent(u8, u8)}}},
		{Name: "lenet5", Input: [3]int{1, 28, 28}, Default: exact(u8, u8), Rules: []Rule{{"fc2", Float()}}},
		{Name: "vit_cifar", Input: [3]int{3, 4, 8}, Default: Float(), Rules: []Rule{{"*.[02].*", bent(u8, u8)}}},
		{Name: "one bottleneck", Input: [3]int{3, 6, 6}, Default: Float(), Rules: []Rule{{"*conv2", bent(u8, u8)}}},
		{Name: "one inverted residual", Input: [3]int{3, 6, 6}, Default: Float(), Rules: []Rule{{"*.conv.1.0", bent(u8, u8)}}},
		{Name: "one replication", Input: [3]int{3, 4, 4}, Default: bent(u8, u8)},
	} {
		c.Classes, c.Batch, c.Quantization = 10, 2, q
		b := cpuref.New()
		construct := oneBlock[c.Name]
		if construct == nil {
			var err error
			if construct, err = c.check(); err != nil {
				t.Fatal(err)
			}
		}
		whole := mustBuildOf(t, construct, b, c)
		fill(whole, 1)
		step(t, whole, 0)

		p, n, err := planOf(construct, b, c)
		if err != nil {
			t.Fatal(err)
		}
		n.allocate(p, false)
		defer n.Close()
		if p.split != len(n.layers) || p.events != p.split+1+len(n.steps) {
			t.Fatalf("%d events, split at %d, for %d layers and %d steps", p.events, p.split, len(n.layers), len(n.steps))
		}
		event := 0
		overwrite := func() {
			for _, v := range p.values {
				if v.of == nil && v.last == event {
					scribble(b, v.t)
				}
			}
			event++
		}
		fill(n, 1)
		for _, l := range n.layers {
			l.forward(true)
			overwrite()
		}
		n.Loss(Loss{Scale: 1 / float32(c.Batch)})
		overwrite()
		for _, s := range n.steps {
			s.backward()
			overwrite()
		}
		for i, p := range n.Params() {
			if got, want := readFloats(t, b, p.Grad), readFloats(t, b, whole.Params()[i].Grad); !slices.Equal(got, want) {
				t.Errorf("%s: the gradient of %s read a value after its life", c.Name, p.Name)
			}
		}
	}
}

// scribble fills x with what no result should depend on.
func scribble(b backend.Backend, x backend.Tensor) {
	n := x.Shape().Len()
	switch x.DType() {
	case backend.F32:
		b.Write(x, slices.Repeat([]float32{float32(math.NaN())}, n))
	case backend.I32: // 0 is a legal index of pooling
		b.Write(x, make([]int32, n))
	case backend.U8:
		b.Write(x, slices.Repeat([]uint8{1}, n))
	}
}
