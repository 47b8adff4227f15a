package cpuref

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gputrain/lut"
	"gputrain/model/backend"
)

// fullConvs are of so many pixels, rows and channels that all kernels of Full
// gradients have their turn: those for few pixels, one strip and two, with and
// without copies of D, odd numbers of channels.
func fullConvs() []fastConv {
	return []fastConv{
		{"3×3, many pixels", backend.Shape{3, 3, 24, 24}, backend.Shape{5, 3, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, true},
		{"3×3, few pixels", backend.Shape{2, 3, 9, 8}, backend.Shape{16, 3, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, true},
		{"3×3, stride 2", backend.Shape{2, 2, 39, 41}, backend.Shape{9, 2, 3, 3}, backend.Conv2D{Stride: [2]int{2, 2}, Pad: [2]int{1, 1}}, false},
		{"1×1, blocks of 32", backend.Shape{1, 5, 28, 28}, backend.Shape{64, 5, 1, 1}, backend.Conv2D{}, true},
		{"1×1, blocks of 16", backend.Shape{1, 2, 27, 27}, backend.Shape{48, 2, 1, 1}, backend.Conv2D{}, false},
		{"3×3, blocks of 16", backend.Shape{1, 1, 26, 27}, backend.Shape{16, 1, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, false},
		{"1×1, two strips", backend.Shape{1, 1, 65, 130}, backend.Shape{2, 1, 1, 1}, backend.Conv2D{}, false},
		{"1×1, three channels a part", backend.Shape{1, 19, 26, 26}, backend.Shape{5, 19, 1, 1}, backend.Conv2D{}, true},
		{"groups", backend.Shape{1, 6, 26, 26}, backend.Shape{34, 3, 1, 1}, backend.Conv2D{Groups: 2}, true},
		{"phases without pixels", backend.Shape{2, 2, 2, 2}, backend.Shape{3, 2, 3, 3}, backend.Conv2D{Stride: [2]int{3, 3}, Pad: [2]int{1, 1}}, true},
		{"many rows", backend.Shape{1, 1, 7, 7}, backend.Shape{140, 1, 3, 3}, backend.Conv2D{Pad: [2]int{1, 1}}, false},
	}
}

// fullGradient returns a gradient of uniform random values.
func fullGradient(t *testing.T, am *lut.Table, storage lut.Storage) *lut.Gradient {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, uint64(storage)))
	values := make([]float32, len(am.Products()))
	for i := range values {
		values[i] = 200*rng.Float32() - 100
	}
	g, err := lut.NewFull(am.W(), am.X(), values, storage)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A sum is what an element should be and how far it may be off (package backend).
type sum struct {
	terms      int
	value, abs float64
}

func (s *sum) add(scale, a, b float64) {
	s.terms++
	s.value += scale * (a - b)
	s.abs += math.Abs(scale) * (math.Abs(a) + math.Abs(b))
}

// fullOracle computes dw and dx as package backend defines them, term by term.
func fullOracle(conv fastConv, geo backend.Conv2D, g *lut.Gradient, w, x []uint8, qw, qx quantizer, dy []float32, out backend.Shape) (dw, dx []sum) {
	dw, dx = make([]sum, len(w)), make([]sum, len(x))
	groupIn, groupOut := conv.w[1], conv.w[0]/max(1, geo.Groups)
	sx, _, zx := qx.at(0)
	outside, zeroOutside := paddingCode(geo.Padding, int32(zx), g.X()), zx
	if geo.Padding == backend.PadIntZero {
		zeroOutside = 0
	}
	at := func(s backend.Shape, a, b, c, d int) int { return ((a*s[1]+b)*s[2]+c)*s[3] + d }
	step := func(v [2]int, i int) int { return max(1, v[i]) }
	for n := range out[0] {
		for o := range out[1] {
			sw, _, zw := qw.at(o)
			for i := range out[2] {
				for j := range out[3] {
					d := dy[at(out, n, o, i, j)]
					for c := range groupIn {
						for p := range conv.w[2] {
							for q := range conv.w[3] {
								k := at(conv.w, o, c, p, q)
								r, s := i*step(geo.Stride, 0)+p*step(geo.Dilation, 0)-geo.Pad[0], j*step(geo.Stride, 1)+q*step(geo.Dilation, 1)-geo.Pad[1]
								if r < 0 || s < 0 || r >= conv.x[2] || s >= conv.x[3] {
									dw[k].add(float64(sx)*float64(d), float64(g.At(int(w[k]), int(outside))), float64(zeroOutside))
									continue
								}
								at := at(conv.x, n, o/groupOut*groupIn+c, r, s)
								v := float64(g.At(int(w[k]), int(x[at])))
								dw[k].add(float64(sx)*float64(d), v, float64(zx))
								dx[at].add(float64(sw*d), v, float64(zw))
							}
						}
					}
				}
			}
		}
	}
	return dw, dx
}

// TestFastFull holds both passes of a Full gradient, stored in both ways, to the
// bound of the contract, at every level, and three threads to the bits of one.
func TestFastFull(t *testing.T) {
	am := fastMultipliers()[0]
	for _, conv := range fullConvs() {
		for _, padding := range []backend.Padding{backend.PadZeroPoint, backend.PadIntZero} {
			geo := conv.geo
			geo.Padding = padding
			if padding != backend.PadZeroPoint && geo.Pad == [2]int{} {
				continue
			}
			out, err := geo.Output(conv.w, conv.x)
			if err != nil {
				t.Fatal(err)
			}
			for _, storage := range []lut.Storage{lut.Int16, lut.Float32} {
				gradient := fullGradient(t, am, storage)
				var wantW, wantX []sum
				var oneW, oneX []float32
				for i, c := range fastCPUs(t) {
					rng := rand.New(rand.NewPCG(1, 1))
					channels := 1
					if conv.perChannel {
						channels = conv.w[0]
					}
					w, x := operand(c, rng, conv.w, am.W(), channels), operand(c, rng, conv.x, am.X(), 1)
					dy := normal(c, rng, out)
					if wantW == nil {
						wantW, wantX = fullOracle(conv, geo, gradient, c.u8(w.Code), c.u8(x.Code), c.quantizer(w.Q), c.quantizer(x.Q), c.f32(dy), out)
					}
					tables := c.NewTables(am, lut.Gradients{DW: gradient, DX: gradient})
					dw, dx := c.NewTensor(backend.F32, conv.w), c.NewTensor(backend.F32, conv.x)
					c.LUTConv2DBackwardW(dw, dy, w, x, geo, tables)
					c.LUTConv2DBackwardX(dx, dy, w, x, geo, tables)
					name := fmt.Sprintf("%s: %s, padding %v, %v: ", c.Name(), conv.name, padding, storage)
					gotW, gotX := readF32(t, c, dw), readF32(t, c, dx)
					requireSums(t, name+"dw", gotW, wantW)
					requireSums(t, name+"dx", gotX, wantX)
					if i%2 == 0 { // fastCPUs alternate between one thread and three
						oneW, oneX = gotW, gotX
						continue
					}
					requireEqual(t, name+"dw", gotW, oneW)
					requireEqual(t, name+"dx", gotX, oneX)
				}
			}
		}
	}
}

func requireSums(t *testing.T, name string, got []float32, want []sum) {
	t.Helper()
	for i, s := range want {
		if d := math.Abs(float64(got[i]) - s.value); !(d <= 2*float64(s.terms+1)*0x1p-24*s.abs) {
			t.Fatalf("%s: element %d is %v, want %v, of %d terms of %v in all", name, i, got[i], s.value, s.terms, s.abs)
		}
	}
}
