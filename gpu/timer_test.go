//go:build cgo && !nogpu

package gpu_test

import (
	"slices"
	"testing"
	"time"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
)

// TestCutDispatches holds operations to the contract whose grids come in
// slices, also such that work in place, and such whose work groups own tiles.
func TestCutDispatches(t *testing.T) {
	d := choose(t, gpu.Options{}, map[string]string{
		"backward-x": "gather", "product": "gemm tile=64x64", "product-w": "gather", "forward": "rowexp rows=16 columns=4 lanes=256 splits=1",
	})
	d.CutDispatches(3)
	for name, f := range map[string]func(t backendtest.T){
		"LUTConv2D":          func(t backendtest.T) { backendtest.LUTConv2D(t, d) },
		"DequantizeConv2D":   func(t backendtest.T) { backendtest.DequantizeConv2D(t, d) },
		"Conv2D":             func(t backendtest.T) { backendtest.Conv2D(t, d) },
		"Conv2DBackwardW":    func(t backendtest.T) { backendtest.Conv2DBackwardW(t, d) },
		"LUTConv2DBackwardX": func(t backendtest.T) { backendtest.LUTConv2DBackwardX(t, d) },
		"Bias":               func(t backendtest.T) { backendtest.Bias(t, d) },
		"Quantize":           func(t backendtest.T) { backendtest.Quantize(t, d) },
		"AdamStep":           func(t backendtest.T) { backendtest.AdamStep(t, d) },
	} {
		t.Run(name, func(t *testing.T) { f(backendtest.Wrap(t)) })
	}
}

// TestProfile checks what a profile tells: each dispatch, and what crosses the
// border, in order, with the layer; more of them than can be in flight; and
// nothing more once it has ended.
func TestProfile(t *testing.T) {
	d := open(t, gpu.Options{})
	x := d.NewTensor(backend.F32, backend.Shape{1 << 12})
	data := make([]float32, 1<<12)
	d.ReLU(x, x) // before the profile
	var spans []backend.Span
	d.Profile(func(s backend.Span) { spans = append(spans, s) })
	const turns = gpu.TimersInFlight + 10
	d.Annotate("input")
	d.Write(x, data)
	for range turns {
		d.Annotate("relu")
		d.ReLU(x, x)
		d.Annotate("add")
		d.Add(x, x, x)
	}
	if err := d.Read(data, x); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	if len(spans) != 2*turns+2 {
		t.Fatalf("%d spans, want %d", len(spans), 2*turns+2)
	}
	last := time.Duration(0)
	for i, s := range spans {
		want := backend.Span{Op: "ReLU", Part: "relu_fwd", Layer: "relu"}
		switch {
		case i == 0:
			want = backend.Span{Op: "Write", Layer: "input"}
		case i == len(spans)-1:
			want = backend.Span{Op: "Read", Layer: "add"}
		case i%2 == 0:
			want = backend.Span{Op: "Add", Part: "add_fwd", Layer: "add"}
		}
		if s.Op != want.Op || s.Part != want.Part || s.Layer != want.Layer {
			t.Fatalf("span %d is %+v, want %+v", i, s, want)
		}
		if s.Begin < last || s.End < s.Begin || s.End > time.Minute {
			t.Fatalf("span %d lasts from %v to %v, the one before to %v", i, s.Begin, s.End, last)
		}
		last = s.End
	}
	n := len(spans)
	d.Profile(nil)
	d.ReLU(x, x)
	if err := d.Sync(); err != nil || len(spans) != n {
		t.Errorf("%d spans after the end of the profile (%v)", len(spans)-n, err)
	}
}

// TestLongDispatch checks that a long dispatch comes in slices, before its
// kernel has been measured and after, and gives what a short one does.
func TestLongDispatch(t *testing.T) {
	d := choose(t, gpu.Options{}, map[string]string{"forward": "gather"})
	am := lut.New("exact4u", lut.Unsigned(4), lut.Unsigned(4), func(W, X int) int { return W * X })
	tables := d.NewTables(am, lut.Gradients{})
	defer d.FreeTables(tables)
	const M, K, N = 16, 1024, 4096 // 6.7·10⁷ look-ups
	q := d.NewTensor(backend.F32, backend.Shape{3})
	codes := func(s ...int) backend.Quantized {
		v := make([]uint8, backend.Shape(s).Len())
		for i := range v {
			v[i] = uint8(i * 7 % 16)
		}
		t := d.NewTensor(backend.U8, s)
		d.Write(t, v)
		return backend.Quantized{Code: t, Q: q}
	}
	w, x := codes(M, K), codes(K, N)
	y := d.NewTensor(backend.I32, backend.Shape{M, N})
	var results [2][]int32
	var counts [2]int
	for i := range results {
		d.Profile(func(backend.Span) { counts[i]++ })
		d.LUTMatMul(y, w, x, tables)
		if err := d.Sync(); err != nil {
			t.Fatal(err)
		}
		d.Profile(nil)
		results[i] = make([]int32, M*N)
		if err := d.Read(results[i], y); err != nil {
			t.Fatal(err)
		}
	}
	if counts[0] != 2 {
		t.Errorf("%d slices of a kernel that has not been measured, want 2", counts[0])
	}
	if d.Rates() != 1 {
		t.Errorf("the rates of %d kernels are known, want 1", d.Rates())
	}
	if d.Info().Software && counts[1] < 2 {
		t.Errorf("%d slices at the rate of a software renderer", counts[1])
	}
	if !slices.Equal(results[0], results[1]) {
		t.Error("the results of two cuts differ")
	}
	want := int32(0)
	for k := range K {
		want += int32(k*7%16) * int32((k*N+5)*7%16)
	}
	if results[0][5] != want {
		t.Errorf("y[0,5] = %d, want %d", results[0][5], want)
	}

	// A short dispatch of the same program begins at the first group again.
	ws, xs, ys := codes(1, 3), codes(3, 1), d.NewTensor(backend.I32, backend.Shape{1, 1})
	d.LUTMatMul(ys, ws, xs, tables)
	got := make([]int32, 1)
	if err := d.Read(got, ys); err != nil || got[0] != 7*7+14*14 {
		t.Errorf("a short product afterwards is %v (%v), want %d", got, err, 7*7+14*14)
	}
}
