//go:build cgo && !nogpu

package gpu_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
)

// step is a mix of operations that make and release every kind of object.
func step(d *gpu.Device, size int) {
	am := lut.New("exact4u", lut.Unsigned(4), lut.Unsigned(4), func(W, X int) int { return W * X })
	g, err := lut.Estimator{Method: "lut2d", HWS: 2}.Gradients(am)
	if err != nil {
		panic(err)
	}
	tables := d.NewTables(am, g)
	defer d.FreeTables(tables)
	shape := backend.Shape{2, 3, size, size}
	f := func(s ...int) backend.Tensor { return d.NewTensor(backend.F32, s) }
	x, y, dx, acc := f(shape...), f(shape...), f(shape...), d.NewTensor(backend.I32, shape)
	w, dw, r, q, dr := f(3, 3, 1, 1), f(3, 3, 1, 1), f(3), f(3), f(3)
	X, W := d.NewTensor(backend.U8, shape), d.NewTensor(backend.U8, backend.Shape{3, 3, 1, 1})
	d.Observe(r, x, backend.Observer{Kind: backend.ObservePercentile, Momentum: 0.1, Percentile: 99})
	d.SetRange(q, r, lut.Unsigned(4), false)
	d.Quantize(X, x, q, lut.Unsigned(4))
	d.Quantize(W, w, q, lut.Unsigned(4))
	qx, qw := backend.Quantized{Code: X, Q: q}, backend.Quantized{Code: W, Q: q}
	d.LUTConv2D(acc, qw, qx, backend.Conv2D{}, tables)
	d.DequantizeConv2D(y, acc, qw, qx, backend.Conv2D{}, tables)
	d.LUTConv2DBackwardW(dw, y, qw, qx, backend.Conv2D{}, tables)
	d.LUTConv2DBackwardX(dx, y, qw, qx, backend.Conv2D{}, tables)
	d.BiasBackward(dr, y)
	d.SGDStep(w, dw, nil, backend.SGD{LR: 0.1})
	for _, t := range []backend.Tensor{x, y, dx, acc, w, dw, r, q, dr, X, W} {
		d.Free(t)
	}
}

// TestConstantObjects checks that a steady loop neither makes nor keeps GL
// objects, of sizes that vary, nor memory, whatever kernels it runs by.
func TestConstantObjects(t *testing.T) {
	for name, plans := range map[string]map[string]string{
		"gather": {},
		"tiles":  {"forward": "rowexp rows=8 columns=4 lanes=256 splits=1", "backward-w": "rowexp", "backward-x": "rowexp"},
	} {
		t.Run(name, func(t *testing.T) {
			d := choose(t, gpu.Options{}, plans)
			count := func() string {
				b, x, p, err := d.LiveObjects()
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprintf("%d buffers, %d textures, %d programs", b, x, p)
			}
			for i := range 20 {
				step(d, 4+i%5)
			}
			before, resident := count(), residentBytes(t)
			for i := range 500 {
				step(d, 4+i%5)
			}
			if after := count(); after != before {
				t.Errorf("after 500 steps %s, before %s", after, before)
			}
			// A buffer of a step is 4 KiB at least.
			if more := residentBytes(t) - resident; more > 1<<20 {
				t.Errorf("500 steps have added %d bytes to resident memory", more)
			}
		})
	}
}

// residentBytes returns the memory of the process that is resident, of which
// the Go heap has its garbage collected, or 0 where the system does not tell.
func residentBytes(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var pages, resident int
	if _, err := fmt.Sscan(string(text), &pages, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// TestGarbage checks that queueing work costs the Go heap next to nothing,
// whatever kernel does it.
func TestGarbage(t *testing.T) {
	d := choose(t, gpu.Options{}, nil)
	am := lut.New("exact8u", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return W * X })
	full, err := lut.Estimator{Method: "lut2d", HWS: 2}.Gradients(am)
	if err != nil {
		t.Fatal(err)
	}
	ste, err := lut.Estimator{Method: "ste"}.Gradients(am)
	if err != nil {
		t.Fatal(err)
	}
	tables, factored := d.NewTables(am, full), d.NewTables(am, ste)
	images, filters := backend.Shape{1, 5, 2, 3}, backend.Shape{4, 5, 1, 1}
	results := backend.Shape{1, 4, 2, 3}
	sums, y, dw, dx := d.NewTensor(backend.I32, results), d.NewTensor(backend.F32, results), d.NewTensor(backend.F32, filters), d.NewTensor(backend.F32, images)
	w := backend.Quantized{Code: d.NewTensor(backend.U8, filters), Q: d.NewTensor(backend.F32, backend.Shape{3})}
	x := backend.Quantized{Code: d.NewTensor(backend.U8, images), Q: d.NewTensor(backend.F32, backend.Shape{3})}
	g := backend.Conv2D{}
	for _, c := range []struct {
		kind, plan string
		op         func()
	}{
		{"forward", "gather", func() { d.LUTConv2D(sums, w, x, g, tables) }},
		{"forward", "rowexp rows=8 columns=4 lanes=256 splits=1", func() { d.LUTConv2D(sums, w, x, g, tables) }},
		{"backward-w", "gather", func() { d.LUTConv2DBackwardW(dw, y, w, x, g, tables) }},
		{"backward-w", "rowexp", func() { d.LUTConv2DBackwardW(dw, y, w, x, g, tables) }},
		{"backward-w", "gemm tile=64x64", func() { d.LUTConv2DBackwardW(dw, y, w, x, g, factored) }},
		{"backward-x", "gather", func() { d.LUTConv2DBackwardX(dx, y, w, x, g, tables) }},
		{"backward-x", "rowexp", func() { d.LUTConv2DBackwardX(dx, y, w, x, g, tables) }},
		{"backward-x", "gemm tile=64x64", func() { d.LUTConv2DBackwardX(dx, y, w, x, g, factored) }},
		{"product", "gather", func() { d.Conv2D(y, dw, dx, g) }},
		{"product", "gemm tile=64x64", func() { d.Conv2D(y, dw, dx, g) }},
		{"product-w", "gemm tile=64x64", func() { d.Conv2DBackwardW(dw, y, dx, g) }},
		{"product-x", "gemm tile=64x64", func() { d.Conv2DBackwardX(dx, y, dw, g) }},
	} {
		if err := d.SetChoices(map[string]string{c.kind: c.plan}); err != nil {
			t.Fatal(err)
		}
		c.op()
		if err := d.Sync(); err != nil {
			t.Fatal(err)
		}
		const n, most = 200, 300 // some scratch
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			c.op()
		}
		runtime.ReadMemStats(&after)
		if err := d.Sync(); err != nil {
			t.Fatal(err)
		}
		if each := (after.TotalAlloc - before.TotalAlloc) / n; each > most {
			t.Errorf("%s by %s leaves %d bytes of garbage, want at most %d", c.kind, c.plan, each, most)
		}
	}
}
