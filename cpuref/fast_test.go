package cpuref

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gputrain/cpuref/kernel"
	"gputrain/lut"
	"gputrain/model/backend"
)

// fastCPUs returns a CPU at each level of this machine, with one thread and
// with three.
func fastCPUs(t *testing.T) []*CPU {
	var all []*CPU
	for _, level := range kernel.Levels() {
		for _, threads := range []int{1, 3} {
			c := NewLevel(threads, level)
			t.Cleanup(c.Close)
			all = append(all, c)
		}
	}
	return all
}

// fastMultipliers reach every forward kernel and have products and gradients
// without any symmetry.
func fastMultipliers() []*lut.Table {
	rng := rand.New(rand.NewPCG(7, 7))
	noise := func(w, x int) int { return w*x + rng.IntN(40) - 20 }
	return []*lut.Table{
		lut.New("noise 8u", lut.Unsigned(8), lut.Unsigned(8), func(w, x int) int { return min(max(noise(w, x), 0), 65535) }),
		lut.New("noise 8s", lut.Signed(8), lut.Signed(8), noise),
		lut.New("noise 7u", lut.Unsigned(7), lut.Unsigned(7), func(w, x int) int { return min(max(noise(w, x), 0), 16383) }),
		lut.New("noise 6s", lut.Signed(6), lut.Signed(6), noise),
		lut.New("wide 8u×4s", lut.Unsigned(8), lut.Signed(4), func(w, x int) int { return 50 * noise(w, x) }),
	}
}

type fastConv struct {
	name       string
	x, w       backend.Shape
	geo        backend.Conv2D
	perChannel bool
}

func fastConvs() []fastConv {
	return []fastConv{
		{"3×3 same", backend.Shape{3, 5, 12, 12}, backend.Shape{7, 5, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, true},
		{"3×3 stride 2", backend.Shape{2, 4, 9, 11}, backend.Shape{18, 4, 3, 3}, backend.Conv2D{Stride: [2]int{2, 2}, Pad: [2]int{1, 1}}, false},
		{"1×1", backend.Shape{2, 19, 7, 5}, backend.Shape{5, 19, 1, 1}, backend.Conv2D{}, false},
		{"1×1 stride 2", backend.Shape{2, 19, 7, 7}, backend.Shape{5, 19, 1, 1}, backend.Conv2D{Stride: [2]int{2, 2}}, true},
		{"linear", backend.Shape{9, 70, 1, 1}, backend.Shape{10, 70, 1, 1}, backend.Conv2D{}, false},
		{"5×5 valid", backend.Shape{2, 3, 14, 13}, backend.Shape{6, 3, 5, 5}, backend.Conv2D{}, false},
		{"5×3 dilated same", backend.Shape{1, 2, 10, 9}, backend.Shape{3, 2, 3, 3}, backend.Conv2D{Pad: [2]int{2, 2}, Dilation: [2]int{2, 2}}, false},
		{"uneven", backend.Shape{2, 2, 10, 9}, backend.Shape{3, 2, 2, 3}, backend.Conv2D{Stride: [2]int{1, 3}, Pad: [2]int{3, 4}, Dilation: [2]int{3, 1}}, false},
		{"groups", backend.Shape{2, 6, 8, 8}, backend.Shape{9, 2, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}, Groups: 3}, true},
		{"depthwise", backend.Shape{2, 6, 8, 8}, backend.Shape{6, 1, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}, Groups: 6}, false},
		{"pad beyond the image", backend.Shape{1, 1, 2, 2}, backend.Shape{2, 1, 3, 3}, backend.Conv2D{Pad: [2]int{4, 4}}, false},
		{"same, pad beyond the image", backend.Shape{1, 1, 3, 3}, backend.Shape{2, 1, 9, 9}, backend.Conv2D{Pad: [2]int{4, 4}}, false},
		{"phases without pixels", backend.Shape{2, 2, 2, 2}, backend.Shape{3, 2, 3, 3}, backend.Conv2D{Stride: [2]int{3, 3}, Pad: [2]int{1, 1}}, true},
		{"two strips", backend.Shape{3, 2, 24, 24}, backend.Shape{20, 2, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, false},
	}
}

// operand makes a tensor of random codes with a quantizer of nonzero Z.
func operand(p backend.Backend, rng *rand.Rand, s backend.Shape, op lut.Operand, channels int) backend.Quantized {
	codes := make([]uint8, s.Len())
	for i := range codes {
		codes[i] = uint8(rng.IntN(op.Count()))
	}
	q := make([]float32, 3*channels)
	for i := range channels {
		scale := 0.01 + 0.1*rng.Float32()
		q[i], q[channels+i] = scale, 1/scale
		q[2*channels+i] = float32(op.Value(rng.IntN(op.Count())))
	}
	shape := backend.Shape{3}
	if channels > 1 {
		shape = backend.Shape{3, channels}
	}
	x := backend.Quantized{Code: p.NewTensor(backend.U8, s), Q: p.NewTensor(backend.F32, shape)}
	p.Write(x.Code, codes)
	p.Write(x.Q, q)
	return x
}

// TestFastForward compares the sums of look-ups and their dequantization with
// the plain loops, bit for bit.
func TestFastForward(t *testing.T) {
	for _, am := range fastMultipliers() {
		for _, conv := range fastConvs() {
			for _, padding := range []backend.Padding{backend.PadZeroPoint, backend.PadIntZero} {
				geo := conv.geo
				geo.Padding = padding
				out, err := geo.Output(conv.w, conv.x)
				if err != nil {
					t.Fatal(err)
				}
				channels := 1
				if conv.perChannel {
					channels = conv.w[0]
				}
				forward := func(b backend.Backend) ([]int32, []float32) {
					rng := rand.New(rand.NewPCG(1, 1))
					w, x := operand(b, rng, conv.w, am.W(), channels), operand(b, rng, conv.x, am.X(), 1)
					tables := b.NewTables(am, lut.Gradients{})
					acc, y := b.NewTensor(backend.I32, out), b.NewTensor(backend.F32, out)
					b.LUTConv2D(acc, w, x, geo, tables)
					b.DequantizeConv2D(y, acc, w, x, geo, tables)
					return readI32(t, b, acc), readF32(t, b, y)
				}
				wantSums, want := forward(NewPlain())
				for _, c := range fastCPUs(t) {
					name := fmt.Sprintf("%s: %s, %s, %v", c.Name(), am.Name(), conv.name, padding)
					gotSums, got := forward(c)
					requireEqual(t, name+": sums", gotSums, wantSums)
					requireEqual(t, name+": y", got, want)
				}
			}
		}
		for _, s := range [][4]int{{1, 5, 300, 31}, {3, 17, 65, 9}, {1, 1, 1, 1}, {2, 40, 700, 33}} {
			B, M, N, K := s[0], s[1], s[2], s[3]
			forward := func(b backend.Backend) ([]int32, []float32) {
				rng := rand.New(rand.NewPCG(1, 1))
				w := operand(b, rng, backend.Shape{B, M, K}, am.W(), 1)
				x := operand(b, rng, backend.Shape{B, K, N}, am.X(), 1)
				tables := b.NewTables(am, lut.Gradients{})
				acc, y := b.NewTensor(backend.I32, backend.Shape{B, M, N}), b.NewTensor(backend.F32, backend.Shape{B, M, N})
				b.LUTMatMul(acc, w, x, tables)
				b.DequantizeMatMul(y, acc, w, x, tables)
				return readI32(t, b, acc), readF32(t, b, y)
			}
			wantSums, want := forward(NewPlain())
			for _, c := range fastCPUs(t) {
				name := fmt.Sprintf("%s: %s, %v", c.Name(), am.Name(), s)
				gotSums, got := forward(c)
				requireEqual(t, name+": sums", gotSums, wantSums)
				requireEqual(t, name+": y", got, want)
			}
		}
	}
}

// TestFastThreads compares what three threads compute with what one computes,
// bit for bit, in all operations that sum floats.
func TestFastThreads(t *testing.T) {
	am := fastMultipliers()[0]
	rng := rand.New(rand.NewPCG(9, 9))
	values := make([]float32, am.W().Count()*am.X().Count())
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	full, err := lut.NewFull(am.W(), am.X(), values, lut.Float32)
	if err != nil {
		t.Fatal(err)
	}
	factored, err := lut.NewFactored(am.W(), am.X(), 2, values[:2*am.W().Count()], values[:2*am.X().Count()])
	if err != nil {
		t.Fatal(err)
	}
	convs := append(fastConvs(),
		fastConv{"many strips", backend.Shape{9, 3, 32, 32}, backend.Shape{5, 3, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, true},
		fastConv{"many channels", backend.Shape{40, 33, 3, 3}, backend.Shape{70, 33, 1, 1}, backend.Conv2D{}, true})
	for _, conv := range convs {
		out, err := conv.geo.Output(conv.w, conv.x)
		if err != nil {
			t.Fatal(err)
		}
		for _, gradient := range []*lut.Gradient{full, factored} {
			backward := func(b backend.Backend) [][]float32 {
				rng := rand.New(rand.NewPCG(1, 1))
				channels := 1
				if conv.perChannel {
					channels = conv.w[0]
				}
				w, x := operand(b, rng, conv.w, am.W(), channels), operand(b, rng, conv.x, am.X(), 1)
				dy, wf, xf := normal(b, rng, out), normal(b, rng, conv.w), normal(b, rng, conv.x)
				tables := b.NewTables(am, lut.Gradients{DW: gradient, DX: gradient})
				var results [][]float32
				for _, f := range []func(y, dw, dx backend.Tensor){
					func(_, dw, _ backend.Tensor) { b.LUTConv2DBackwardW(dw, dy, w, x, conv.geo, tables) },
					func(_, _, dx backend.Tensor) { b.LUTConv2DBackwardX(dx, dy, w, x, conv.geo, tables) },
					func(y, _, _ backend.Tensor) { b.Conv2D(y, wf, xf, conv.geo) },
					func(_, dw, _ backend.Tensor) { b.Conv2DBackwardW(dw, dy, xf, conv.geo) },
					func(_, _, dx backend.Tensor) { b.Conv2DBackwardX(dx, dy, wf, conv.geo) },
				} {
					y, dw, dx := b.NewTensor(backend.F32, out), b.NewTensor(backend.F32, conv.w), b.NewTensor(backend.F32, conv.x)
					f(y, dw, dx)
					results = append(results, readF32(t, b, y), readF32(t, b, dw), readF32(t, b, dx))
				}
				return results
			}
			for _, level := range kernel.Levels() {
				one, three := NewLevel(1, level), NewLevel(3, level)
				want, got := backward(one), backward(three)
				one.Close()
				three.Close()
				for i := range want {
					requireEqual(t, fmt.Sprintf("%v: %s, %v: result %d", level, conv.name, gradient.Form(), i), got[i], want[i])
				}
			}
		}
	}
}

func normal(b backend.Backend, rng *rand.Rand, s backend.Shape) backend.Tensor {
	v := make([]float32, s.Len())
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	x := b.NewTensor(backend.F32, s)
	b.Write(x, v)
	return x
}

func readI32(t *testing.T, b backend.Backend, x backend.Tensor) []int32 {
	t.Helper()
	v := make([]int32, x.Shape().Len())
	if err := b.Read(v, x); err != nil {
		t.Fatal(err)
	}
	return v
}

func readF32(t *testing.T, b backend.Backend, x backend.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.Shape().Len())
	if err := b.Read(v, x); err != nil {
		t.Fatal(err)
	}
	return v
}

func requireEqual[E comparable](t *testing.T, name string, got, want []E) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}
