package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
)

// depthwise is a convolution of 64 images of 96×32×32, each channel with a
// filter of 3×3 of its own.
var depthwise = benchShape{groups: 96, m: 1, k: 9, n: 64 * 32 * 32, depthwise: true}

// gpuShapes returns what is measured unless --shapes says otherwise: layers of
// ResNet and VGG, a few columns, many, a classifier, depthwise filters, and the
// scores of twelve heads of attention. Software renderers get the small ones.
func gpuShapes(software bool) []benchShape {
	small := []benchShape{{1, 10, 512, 64, false}, {12, 197, 64, 197, false}}
	if software {
		return append([]benchShape{{1, 64, 576, 1024, false}}, small...)
	}
	return append([]benchShape{
		{1, 64, 576, 4096, false}, {1, 128, 1152, 4096, false}, {1, 512, 4608, 1024, false}, {1, 128, 512, 512, false},
		{1, 64, 27, 65536, false}, {1, 64, 576, 65536, false}, depthwise,
	}, small...)
}

// geometry returns what the convolution of a depthwise shape is.
func (s benchShape) geometry() backend.Conv2D {
	return backend.Conv2D{Pad: [2]int{1, 1}, Groups: s.groups}
}

// shapes returns the shapes of y, w and x.
func (s benchShape) shapes() (y, w, x backend.Shape) {
	if s.depthwise {
		image := backend.Shape{64, s.groups, 32, 32}
		return image, backend.Shape{s.groups, 1, 3, 3}, image
	}
	y, w, x = backend.Shape{s.m, s.n}, backend.Shape{s.m, s.k}, backend.Shape{s.k, s.n}
	if s.groups > 1 {
		b := backend.Shape{s.groups}
		y, w, x = append(b, y...), append(b, w...), append(b, x...)
	}
	return y, w, x
}

// work returns the look-ups, or MACs, in 10⁹.
func (s benchShape) work() float64 {
	return float64(s.groups) * float64(s.m) * float64(s.k) * float64(s.n) / 1e9
}

// A gpuBench measures operations of a GPU by the device's own clock.
type gpuBench struct {
	ctx    context.Context
	b      backend.Backend
	limit  int64 // bytes of a tensor
	rounds int
	rnd    *rand.Rand
	report func(benchResult)
	skip   func(why string)

	begin, end time.Duration // of what was measured last
	owned      []backend.Tensor
	copied     float64 // GB/s of a copy
	product    float64 // GMAC/s of a large float32 product
}

// benchGPU measures copy bandwidth and a large float32 product, and then each
// shape: forward at all widths, both backward passes at the first in both forms
// of gradient, and the float32 product, each by the simplest kernel and the one
// that is chosen for it.
func (a *app) benchGPU(ctx context.Context, d *gpu.Device, b *benchFlags, shapes []benchShape, doc *benchJSON) error {
	info := d.Info()
	if info.Software {
		a.log.Info("software rendering: these are figures of the processor, not of a GPU")
	}
	if !a.json {
		a.printf("%s, OpenGL %s\n", doc.Device, info.Version)
		a.printf("%-11s %-10s %-16s %4s %-10s %9s %9s %8s %8s\n", "kernel", "level", "M×K×N", "bits", "form", "G/s", "GB/s", "of copy", "of f32")
	}
	g := &gpuBench{ctx: ctx, b: d, limit: info.Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"], rounds: b.rounds, rnd: rand.New(rand.NewPCG(1, 1)),
		skip: func(why string) { a.log.Info("not measured: " + why) }}
	g.report = func(r benchResult) {
		doc.Results = append(doc.Results, r)
		if !a.json {
			a.printf("%s %9s %9.4g %8s %8s\n", r.label(), rate(r.Lookups+r.MACs), r.Bytes, percent(r.CopyShare), percent(r.GEMMShare))
		}
	}
	d.Profile(func(s backend.Span) {
		if g.begin < 0 {
			g.begin = s.Begin
		}
		g.end = s.End
	})
	defer d.Profile(nil)

	elements, side := 1<<26, 4096
	if info.Software {
		elements, side = 1<<22, 256
	}
	if err := g.reference(int(min(int64(elements), g.limit/4)), side); err != nil {
		return err
	}
	if shapes == nil {
		shapes = gpuShapes(info.Software)
	}
	for _, s := range shapes {
		for i, bits := range b.bits {
			if err := g.lookups(s, bits, i == 0); err != nil {
				return err
			}
		}
		if !s.depthwise && s.groups == 1 {
			if _, err := g.floats(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// rate formats G operations a second, percent a share; 0 stands for none.
func rate(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.4g", v)
}

func percent(share float64) string {
	if share == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// measure returns the median time in seconds of f on the device, of so many
// rounds or of what fits a second. The first call, which compiles, does not count
// unless it alone takes a second.
func (g *gpuBench) measure(f func()) (float64, error) {
	var times []float64
	start := time.Now()
	for i := range g.rounds + 1 {
		if err := context.Cause(g.ctx); err != nil {
			return 0, err
		}
		if i > 1 && time.Since(start) > time.Second {
			break
		}
		g.begin = -1
		f()
		if err := g.b.Sync(); err != nil {
			return 0, err
		}
		took := (g.end - g.begin).Seconds()
		if i > 0 || took > 1 {
			times = append(times, took)
		}
		if took > 1 {
			break
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// run measures f, which touches the tensors, and reports it as r, of which it
// fills in the shape and the rates.
func (g *gpuBench) run(r benchResult, s benchShape, f func(), touched ...backend.Tensor) (benchResult, error) {
	bytes := 0.0
	for _, t := range touched {
		bytes += float64(t.Shape().Len() * t.DType().Size())
	}
	seconds, err := g.measure(f)
	if err != nil {
		return r, err
	}
	r.Seconds, r.Bytes = seconds, bytes/1e9/seconds
	r.M, r.K, r.N = s.m, s.k, s.n
	if s.groups > 1 {
		r.Groups = s.groups
	}
	switch r.Kernel {
	case "copy":
	case "forward":
		r.Lookups = s.work() / seconds
	default:
		r.MACs = s.work() / seconds
	}
	if g.copied > 0 {
		r.CopyShare = r.Bytes / g.copied
	}
	if g.product > 0 {
		r.GEMMShare = (r.Lookups + r.MACs) / g.product
	}
	g.report(r)
	return r, nil
}

// byKernels measures f, an operation of a kind as backend.Tuned names it, by the
// simplest kernel and by the one that the device chooses, if that is another.
// It returns the faster.
func (g *gpuBench) byKernels(kind string, r benchResult, s benchShape, f func(), touched ...backend.Tensor) (benchResult, error) {
	tuned := g.b.(backend.Tuned)
	choose := func(choices map[string]string) error {
		if err := tuned.SetChoices(choices); err != nil {
			return err
		}
		f()
		return g.b.Sync()
	}
	defer tuned.SetChoices(nil)
	const simplest = "gather"
	if err := choose(nil); err != nil {
		return r, err
	}
	chosen := simplest
	for class, variant := range tuned.Choices() {
		if strings.HasPrefix(class, kind+" ") {
			chosen = variant
		}
	}
	var best benchResult
	for _, variant := range slices.Compact([]string{simplest, chosen}) {
		if err := choose(map[string]string{kind: variant}); err != nil {
			return r, err
		}
		r.Level, r.Variant, _ = strings.Cut(variant, " ")
		measured, err := g.run(r, s, f, touched...)
		if err != nil {
			return r, err
		}
		if best.Seconds == 0 || measured.Seconds < best.Seconds {
			best = measured
		}
	}
	return best, nil
}

// fits reports whether the device takes tensors of these shapes and sizes of
// elements.
func (g *gpuBench) fits(what string, bytes int, shapes ...backend.Shape) bool {
	for _, s := range shapes {
		if n := int64(s.Len()) * int64(bytes); n > g.limit {
			g.skip(fmt.Sprintf("%s: a tensor of %d bytes, the device takes %d", what, n, g.limit))
			return false
		}
	}
	return true
}

func (g *gpuBench) tensor(dt backend.DType, s backend.Shape) backend.Tensor {
	t := g.b.NewTensor(dt, s)
	g.owned = append(g.owned, t)
	return t
}

func (g *gpuBench) free() {
	for _, t := range g.owned {
		g.b.Free(t)
	}
	g.owned = nil
}

// real returns a tensor of normal variates.
func (g *gpuBench) real(s backend.Shape) backend.Tensor {
	t := g.tensor(backend.F32, s)
	v := make([]float32, s.Len())
	for i := range v {
		v[i] = float32(g.rnd.NormFloat64())
	}
	g.b.Write(t, v)
	return t
}

// codes returns an operand of uniform codes.
func (g *gpuBench) codes(op lut.Operand, s backend.Shape) backend.Quantized {
	v := make([]uint8, s.Len())
	for i := range v {
		v[i] = uint8(g.rnd.IntN(op.Count()))
	}
	q := backend.Quantized{Code: g.tensor(backend.U8, s), Q: g.tensor(backend.F32, backend.Shape{3})}
	g.b.Write(q.Code, v)
	g.b.Write(q.Q, []float32{0.01, 100, float32(op.Count() / 2)})
	return q
}

// reference measures what the others are compared with: a pass over memory
// that reads and writes each element once (ReLU), and a float32 product of
// squares.
func (g *gpuBench) reference(elements, side int) error {
	defer g.free()
	x, y := g.tensor(backend.F32, backend.Shape{elements}), g.tensor(backend.F32, backend.Shape{elements})
	r, err := g.run(benchResult{Kernel: "copy"}, benchShape{groups: 1, m: 1, k: 1, n: elements}, func() { g.b.ReLU(y, x) }, x, y)
	if err != nil {
		return err
	}
	copied := r.Bytes
	r, err = g.floats(benchShape{groups: 1, m: side, k: side, n: side})
	g.copied, g.product = copied, r.MACs
	return err
}

// floats measures the float32 product of a shape.
func (g *gpuBench) floats(s benchShape) (benchResult, error) {
	defer g.free()
	r := benchResult{Kernel: "product"}
	ys, ws, xs := backend.Shape{1, s.m, 1, s.n}, backend.Shape{s.m, s.k, 1, 1}, backend.Shape{1, s.k, 1, s.n}
	if !g.fits("product", 4, ys, ws, xs) {
		return r, nil
	}
	y, w, x := g.tensor(backend.F32, ys), g.real(ws), g.real(xs)
	return g.byKernels("product", r, s, func() { g.b.Conv2D(y, w, x, backend.Conv2D{}) }, y, w, x)
}

// lookups measures the operations on codes of so many bits: forward, and with
// backward both passes in both forms of gradient.
func (g *gpuBench) lookups(s benchShape, bits int, backward bool) error {
	defer g.free()
	ys, ws, xs := s.shapes()
	if !g.fits("forward", 4, ys) || !g.fits("forward", 1, ws, xs) {
		return nil
	}
	op := lut.Unsigned(bits)
	exact := lut.New("exact", op, op, func(W, X int) int { return W * X })
	w, x, y := g.codes(op, ws), g.codes(op, xs), g.tensor(backend.I32, ys)
	r := benchResult{Kernel: "forward", Bits: bits}
	tables := g.b.NewTables(exact, lut.Gradients{})
	_, err := g.byKernels("forward", r, s, func() {
		if s.depthwise {
			g.b.LUTConv2D(y, w, x, s.geometry(), tables)
		} else {
			g.b.LUTMatMul(y, w, x, tables)
		}
	}, y, w.Code, x.Code)
	g.b.FreeTables(tables)
	if err != nil || !backward || !g.fits("backward", 4, ws, xs) {
		return err
	}
	dy, dw, dx := g.real(ys), g.tensor(backend.F32, ws), g.tensor(backend.F32, xs)
	for _, e := range []lut.Estimator{{Method: "lut2d", HWS: 1}, {Method: "ste"}} {
		gradients, err := e.Gradients(exact)
		if err != nil {
			return err
		}
		r.Form = gradients.DW.Form().String()
		tables := g.b.NewTables(exact, gradients)
		r.Kernel = "backward-w"
		_, err = g.byKernels("backward-w", r, s, func() {
			if s.depthwise {
				g.b.LUTConv2DBackwardW(dw, dy, w, x, s.geometry(), tables)
			} else {
				g.b.LUTMatMulBackwardW(dw, dy, w, x, tables)
			}
		}, dw, dy, w.Code, x.Code)
		if err == nil {
			r.Kernel = "backward-x"
			_, err = g.byKernels("backward-x", r, s, func() {
				if s.depthwise {
					g.b.LUTConv2DBackwardX(dx, dy, w, x, s.geometry(), tables)
				} else {
					g.b.LUTMatMulBackwardX(dx, dy, w, x, tables)
				}
			}, dx, dy, w.Code, x.Code)
		}
		g.b.FreeTables(tables)
		if err != nil {
			return err
		}
	}
	return nil
}
