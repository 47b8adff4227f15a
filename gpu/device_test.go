//go:build cgo && !nogpu

package gpu_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
	"gputrain/shaders"
)

// open opens a device of the test's own, where a shared one would be spoilt. It
// does not measure kernels without a place to keep the figures.
func open(t *testing.T, o gpu.Options) *gpu.Device {
	t.Helper()
	need(t)
	if o.Cache == "" {
		o.Tune = gpu.TuneNever
	}
	o.Debug, o.Device = true, testDevice()
	d, err := gpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestStores holds the places of product tables that are not the default to
// the contract.
func TestStores(t *testing.T) {
	for name, s := range map[string]gpu.Store{"image texture": gpu.ImageTexture, "storage buffer": gpu.StorageBuffer, "shared memory": gpu.SharedMemory} {
		t.Run(name, func(t *testing.T) {
			d := open(t, gpu.Options{Products: s})
			backendtest.LUTMatMul(backendtest.Wrap(t), d)
			backendtest.LUTConv2D(backendtest.Wrap(t), d)
		})
	}
}

// TestCompile compiles every variant of every kernel with the driver.
func TestCompile(t *testing.T) {
	d := open(t, gpu.Options{})
	all := 0
	for _, name := range shaders.Kernels() {
		for _, defs := range shaders.Variants(name) {
			all++
			if err := d.Compile(name, defs); err != nil {
				t.Fatalf("%v: %v", defs, err)
			}
		}
	}
	if n := d.Programs(); n != all {
		t.Errorf("%d programs of %d variants", n, all)
	}
}

// TestCompileError checks that a driver's complaint about an included file
// names that file and the line in it.
func TestCompileError(t *testing.T) {
	d := open(t, gpu.Options{})
	p := shaders.Assemble("lut_conv2d_fwd")
	const line = "int am(uint w, uint x, int row_bits) {"
	if !strings.Contains(p.Text, line) {
		t.Fatalf("lut.glsl has no line %q", line)
	}
	p.Text = strings.Replace(p.Text, line, "int am(uint w, uint x, nonsense row_bits) {", 1)
	data, err := os.ReadFile("../shaders/include/lut.glsl")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(data), line)
	want := fmt.Sprintf("compile lut_conv2d_fwd: include/lut.glsl:%d", strings.Count(before, "\n")+1)
	if err := d.CompileSource(p); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

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

// TestBorder reads and writes slices of memory that holds pointers, which cgo
// would not hand to OpenGL.
func TestBorder(t *testing.T) {
	d := need(t)
	x := d.NewTensor(backend.F32, backend.Shape{2})
	defer d.Free(x)
	host := &struct {
		name   *string
		values [2]float32
	}{name: new(string), values: [2]float32{1, 2}}
	d.Write(x, host.values[:])
	host.values = [2]float32{}
	if err := d.Read(host.values[:], x); err != nil || host.values != [2]float32{1, 2} {
		t.Errorf("read %v, %v", host.values, err)
	}
}

// TestPieces moves a tensor that crosses the border in several pieces.
func TestPieces(t *testing.T) {
	d := need(t)
	n := 2<<20 + 3
	x := d.NewTensor(backend.U8, backend.Shape{n})
	defer d.Free(x)
	want, got := make([]uint8, n), make([]uint8, n)
	for i := range want {
		want[i] = uint8(i * 7 / 5)
	}
	d.Write(x, want)
	if err := d.Read(got, x); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("byte %d is %d, want %d", i, got[i], want[i])
		}
	}
}

// TestLongSums computes sums of more terms than llvmpipe gives an invocation
// turns of a loop. The terms are integers, so that float sums are exact.
func TestLongSums(t *testing.T) {
	d := need(t)
	const n = 3*gpu.MaxTurns + 5
	tensor := func(s backend.Shape, data any) backend.Tensor {
		dt := backend.F32
		switch data.(type) {
		case []uint8:
			dt = backend.U8
		case []int32:
			dt = backend.I32
		}
		x := d.NewTensor(dt, s)
		d.Write(x, data)
		t.Cleanup(func() { d.Free(x) })
		return x
	}
	ones := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = 1
		}
		return v
	}
	small := make([]float32, n)
	var sum float32
	for i := range small {
		small[i] = float32(i % 3)
		sum += small[i]
	}
	want := func(name string, x backend.Tensor, want float32) {
		t.Helper()
		got := make([]float32, x.Shape().Len())
		if err := d.Read(got, x); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != want {
				t.Errorf("%s[%d] = %v, want %v", name, i, v, want)
			}
		}
	}

	t.Run("Conv2D", func(t *testing.T) {
		x, w, y := tensor(backend.Shape{1, n, 1, 1}, small), tensor(backend.Shape{2, n, 1, 1}, ones(2*n)), tensor(backend.Shape{1, 2, 1, 1}, ones(2))
		d.Conv2D(y, w, x, backend.Conv2D{})
		want("y", y, sum)
	})
	t.Run("Conv2DBackwardW", func(t *testing.T) {
		x, dy := tensor(backend.Shape{1, 1, 1, n}, small), tensor(backend.Shape{1, 1, 1, n}, ones(n))
		dw := tensor(backend.Shape{1, 1, 1, 1}, ones(1))
		d.Conv2DBackwardW(dw, dy, x, backend.Conv2D{})
		want("dw", dw, sum)
	})
	t.Run("Conv2DBackwardX", func(t *testing.T) {
		dy, w, dx := tensor(backend.Shape{1, n, 1, 1}, small), tensor(backend.Shape{n, 1, 1, 1}, ones(n)), tensor(backend.Shape{1, 1, 1, 1}, ones(1))
		d.Conv2DBackwardX(dx, dy, w, backend.Conv2D{})
		want("dx", dx, sum)
	})
	t.Run("BiasBackward", func(t *testing.T) {
		dy, db := tensor(backend.Shape{1, 1, n}, small), tensor(backend.Shape{1}, ones(1))
		d.BiasBackward(db, dy)
		want("db", db, sum)
	})

	am := lut.New("bent2u", lut.Unsigned(2), lut.Unsigned(2), func(W, X int) int { return W*X + 1 })
	u, v := []float32{1, 1, 1, 1}, []float32{0, 1, 2, 3}
	g, err := lut.NewFactored(am.W(), am.X(), 2, append(u, 0, 0, 0, 0), append(v, v...))
	if err != nil {
		t.Fatal(err)
	}
	h, err := lut.NewFactored(am.W(), am.X(), 2, append(v, 0, 0, 0, 0), append(u, v...))
	if err != nil {
		t.Fatal(err)
	}
	tables := d.NewTables(am, lut.Gradients{DW: g, DX: h})
	t.Cleanup(func() { d.FreeTables(tables) })
	codes := func(f func(i int) uint8) []uint8 {
		c := make([]uint8, n)
		for i := range c {
			c[i] = f(i)
		}
		return c
	}
	changing, two := codes(func(i int) uint8 { return uint8(i % 3) }), codes(func(int) uint8 { return 2 })
	q := tensor(backend.Shape{3}, []float32{1, 1, 0})
	row, column := backend.Shape{1, n}, backend.Shape{n, 1}

	t.Run("LUTMatMul", func(t *testing.T) {
		w, x := backend.Quantized{Code: tensor(row, two), Q: q}, backend.Quantized{Code: tensor(column, changing), Q: q}
		acc, y := tensor(backend.Shape{1, 1}, []int32{7}), tensor(backend.Shape{1, 1}, ones(1))
		d.LUTMatMul(acc, w, x, tables)
		got := make([]int32, 1)
		if err := d.Read(got, acc); err != nil || got[0] != int32(2*sum)+n {
			t.Errorf("y = %d, want %d (%v)", got[0], int32(2*sum)+n, err)
		}
		// With Z_w = Z_x = 1 the bracket is acc − ΣW − ΣX + K.
		one := tensor(backend.Shape{3}, []float32{1, 1, 1})
		w.Q, x.Q = one, one
		d.DequantizeMatMul(y, acc, w, x, tables)
		want("y", y, float32(int32(2*sum)+n-2*n-int32(sum)+n))
	})
	t.Run("LUTMatMulBackwardW", func(t *testing.T) {
		w, x := backend.Quantized{Code: tensor(backend.Shape{1, 1}, []uint8{2}), Q: q}, backend.Quantized{Code: tensor(row, changing), Q: q}
		dy, dw := tensor(row, ones(n)), tensor(backend.Shape{1, 1}, ones(1))
		d.LUTMatMulBackwardW(dw, dy, w, x, tables)
		want("dw", dw, sum) // Σ X
	})
	t.Run("LUTMatMulBackwardX", func(t *testing.T) {
		w, x := backend.Quantized{Code: tensor(column, two), Q: q}, backend.Quantized{Code: tensor(backend.Shape{1, 1}, []uint8{1}), Q: q}
		dy, dx := tensor(column, small), tensor(backend.Shape{1, 1}, ones(1))
		d.LUTMatMulBackwardX(dx, dy, w, x, tables)
		want("dx", dx, 2*sum) // Σ dy·W
	})
}

// TestTooLarge checks that a tensor over the device's limit is an error with
// the bytes that were asked for, and that it sticks.
func TestTooLarge(t *testing.T) {
	d := open(t, gpu.Options{})
	limit := d.Info().Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"]
	n := int(min(limit, math.MaxInt32)/4) + 1
	x := d.NewTensor(backend.F32, backend.Shape{n})
	for range 2 {
		err := d.Sync()
		var e *gpu.Error
		if !errors.As(err, &e) || e.Op != "NewTensor" || !strings.Contains(err.Error(), fmt.Sprint(4*n, " bytes")) {
			t.Errorf("error %v, want one of NewTensor with %d bytes", err, 4*n)
		}
		d.ReLU(x, x)
		d.Free(d.NewTensor(backend.F32, backend.Shape{1}))
	}
}

// failing returns a Fault that lets so many calls of a name pass and fails the
// next ones with err, as many as times says.
func failing(call string, after, times int, err error) func(string) error {
	return func(c string) error {
		if c != call {
			return nil
		}
		if after--; after < 0 && after >= -times {
			return err
		}
		return nil
	}
}

// TestSticky checks that after a failure operations do nothing, and that every
// Read and Sync returns that failure, with the memory that was asked for, not
// one that follows from it.
func TestSticky(t *testing.T) {
	for _, c := range []struct {
		call  string
		after int
		fault error
		want  string
	}{
		{"DispatchCompute", 0, gpu.ErrOutOfMemory, "gpu: ReLU: relu_fwd on buffers of 512 bytes: "},
		{"DispatchCompute", 1, gpu.ErrContextLost, "gpu: Add: add_fwd on buffers of 768 bytes: "},
		{"BufferData", 0, gpu.ErrOutOfMemory, "gpu: NewTensor: tensor 2 f32: 8 bytes: "},
		{"BufferData", 1, gpu.ErrContextLost, "gpu: NewTensor: tensor 300 i32: 1200 bytes: "},
	} {
		d := open(t, gpu.Options{Fault: failing(c.call, c.after, 1<<30, c.fault)})
		x := d.NewTensor(backend.F32, backend.Shape{2})
		d.Write(x, []float32{-1, 2})
		d.ReLU(x, x)
		d.NewTensor(backend.I32, backend.Shape{300})
		d.Add(x, x, x)
		d.Free(x)
		got := make([]float32, 2)
		y := d.NewTensor(backend.F32, backend.Shape{2})
		for range 2 {
			for _, err := range []error{d.Read(got, y), d.Sync()} {
				var e *gpu.Error
				if !errors.As(err, &e) || !errors.Is(err, c.fault) || err.Error() != c.want+c.fault.Error() {
					t.Errorf("error %v, want %s%v", err, c.want, c.fault)
				}
			}
		}
	}
}

// TestTightMemory checks that where a device has no memory left buffers that
// are kept for later are given back first, and workspace is made smaller.
func TestTightMemory(t *testing.T) {
	full := false
	d := open(t, gpu.Options{Fault: func(call string) error {
		if full && call == "BufferData" {
			full = false // that was what the kept buffers held
			return gpu.ErrOutOfMemory
		}
		return nil
	}})
	d.Free(d.NewTensor(backend.F32, backend.Shape{1000}))
	_ = d.Do(func() error { full = true; return nil })
	d.NewTensor(backend.F32, backend.Shape{5000})
	if err := d.Sync(); err != nil {
		t.Errorf("with buffers to give back: %v", err)
	}
	// Each failure halves the workspace.
	left := 3
	tight := open(t, gpu.Options{Fault: func(call string) error {
		if call != "BufferData" || left == 0 {
			return nil
		}
		left--
		return gpu.ErrOutOfMemory
	}})
	if n := tight.Workspace(1<<20, 1<<10); n != 1<<17 || tight.Sync() != nil {
		t.Errorf("workspace of %d bytes, want %d (%v)", n, 1<<17, tight.Sync())
	}
}

// TestDebug checks that a debug context turns a refused call into an error that
// says what was wrong.
func TestDebug(t *testing.T) {
	d := open(t, gpu.Options{})
	err := d.Do(gpu.BreakGL)
	if err == nil || !strings.Contains(err.Error(), "UseProgram") {
		t.Errorf("error %v, want the driver's message", err)
	}
	if again := d.Sync(); again == nil || again.Error() != err.Error() {
		t.Errorf("then %v, want the same", again)
	}
}

// TestReleaseBuild checks that without a debug context the error comes at the
// next Sync.
func TestReleaseBuild(t *testing.T) {
	need(t)
	d, err := gpu.Open(gpu.Options{Device: testDevice()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Do(gpu.BreakGL); err == nil || !strings.Contains(err.Error(), "GL_INVALID") {
		t.Errorf("error %v", err)
	}
}

// TestTwoDevices computes on two devices at the same time.
func TestTwoDevices(t *testing.T) {
	need(t)
	var all sync.WaitGroup
	for i := range 2 {
		d := open(t, gpu.Options{})
		all.Go(func() {
			x := d.NewTensor(backend.F32, backend.Shape{1000})
			data, got := make([]float32, 1000), make([]float32, 1000)
			for j := range data {
				data[j] = float32(i + 1)
			}
			d.Write(x, data)
			for range 10 {
				d.Add(x, x, x)
			}
			if err := d.Read(got, x); err != nil {
				t.Error(err)
			}
			for j, v := range got {
				if v != float32(i+1)*1024 {
					t.Errorf("device %d: element %d is %v", i, j, v)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestProviders checks the choice of a context and what its errors say.
func TestProviders(t *testing.T) {
	for _, c := range []struct {
		o    gpu.Options
		env  string
		want string
	}{
		{o: gpu.Options{Provider: "vulkan"}, want: `Options.Provider is "vulkan", want auto, egl or glfw`},
		{env: "metal", want: `GPUTRAIN_GL is "metal", want auto, egl or glfw`},
		{o: gpu.Options{Provider: "glfw", Device: 1}, want: "only egl can choose among devices"},
		{o: gpu.Options{Provider: "egl", Device: 99}, want: "device 99"},
		{o: gpu.Options{Device: -1}, want: "device -1"},
	} {
		t.Setenv("GPUTRAIN_GL", c.env)
		d, err := gpu.Open(c.o)
		if err == nil {
			d.Close()
			t.Errorf("%+v opened", c.o)
			continue
		}
		if !errors.Is(err, gpu.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	t.Setenv("GPUTRAIN_GL", "")

	i := need(t).Info()
	if i.Renderer == "" || i.Vendor == "" || i.Version == "" || i.Provider == "" || i.Limits["MAX_SHADER_STORAGE_BLOCK_SIZE"] < 1<<24 {
		t.Errorf("info %+v", i)
	}
	d, err := gpu.Open(gpu.Options{RequireHardware: true})
	switch {
	case err == nil && d.Info().Software:
		t.Errorf("%s was taken for hardware", d.Name())
		fallthrough
	case err == nil:
		d.Close()
	case i.Software && (!errors.Is(err, gpu.ErrUnavailable) || !strings.Contains(err.Error(), i.Renderer+" is a software renderer")):
		t.Errorf("error %v, want one that names %s", err, i.Renderer)
	}
}

// TestList opens every device that EGL offers by its index.
func TestList(t *testing.T) {
	need(t)
	all, err := gpu.List()
	if err != nil {
		t.Skip(err)
	}
	for i, l := range all {
		if i > 0 && !l.Software && all[i-1].Software {
			t.Errorf("device %d is hardware behind a software renderer", i)
		}
		if i == 0 {
			continue // index 0 is the default order
		}
		d, err := gpu.Open(gpu.Options{Device: i})
		if err != nil {
			continue // a driver may list what it cannot open; doctor says so
		}
		if want := fmt.Sprintf("egl device %d", i); d.Info().Provider != want || d.Info().Software != l.Software {
			t.Errorf("device %d opened as %+v", i, d.Info())
		}
		d.Close()
	}
}

func TestBucket(t *testing.T) {
	last := 0
	for size := range 1 << 16 {
		got := gpu.Bucket(size)
		if got < size || got < last || got != gpu.Bucket(got) || got%4 != 0 || (size > 2048 && got > size+size/8) {
			t.Fatalf("bucket(%d) = %d after %d", size, got, last)
		}
		last = got
	}
	if got := gpu.Bucket(math.MaxInt32); got < math.MaxInt32 || got > 9*(math.MaxInt32/8) {
		t.Errorf("bucket of the largest tensor: %d", got)
	}
}

// TestNeeded compares with a search through the counts.
func TestNeeded(t *testing.T) {
	for _, p := range []float64{1e-9, 0.1, 1, 12.5, 33.333333, 50, 90, 99.9, 99.99, 100} {
		for _, n := range []int{1, 2, 3, 7, 100, 300, 2049, 12345} {
			want := 0
			for want < n && float64(want)*100 < p*float64(n) {
				want++
			}
			if got := gpu.Needed(p, n); got != want {
				t.Errorf("%v %% of %d: %d, want %d", p, n, got, want)
			}
		}
	}
}

// TestCuts checks that slices cover a sum, and grids the elements.
func TestCuts(t *testing.T) {
	sizes := []int{1, 2, 31, 32, 33, 1000, 65535, 65536, 65537, 1 << 20, 65535*64 + 1, 1<<29 + 3}
	for _, terms := range sizes {
		for _, outputs := range []int{1, 150, 5000, 1 << 18, 1 << 20} {
			for _, most := range []int{1, 127, gpu.MaxTurns} {
				slices, length := gpu.Slice(outputs, terms, most)
				if length < 1 || length > most || slices < 1 || slices*length < terms || (slices-1)*length >= terms {
					t.Errorf("%d terms of %d outputs, at most %d: %d slices of %d", terms, outputs, most, slices, length)
				}
			}
		}
		x, y := gpu.Fold(terms)
		if x < 1 || x > 65535 || y < 1 || y > 65535 || x*y < terms {
			t.Errorf("%d elements: %d×%d groups", terms, x, y)
		}
	}
}

// TestLabels checks that a label that is no class, which only the device sees,
// is a failure with the first such row.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		labels, mixed []int32
		want          string
	}{
		{[]int32{0, 2, -1}, nil, ""},
		{[]int32{0, 3, 7}, nil, "gpu: SoftmaxCrossEntropy: the label of row 1 is none of 3 classes"},
		{[]int32{0, 1, -2}, nil, "gpu: SoftmaxCrossEntropy: the label of row 2 is none of 3 classes"},
		{[]int32{1, 1, -1}, []int32{2, 0, 99}, ""},
		{[]int32{1, 1, 2}, []int32{2, -1, 0}, "gpu: SoftmaxCrossEntropy: the label of row 1 is none of 3 classes"},
	} {
		d := open(t, gpu.Options{})
		stats, logits := d.NewTensor(backend.F32, backend.Shape{3}), d.NewTensor(backend.F32, backend.Shape{3, 3})
		targets := backend.Targets{Labels: d.NewTensor(backend.I32, backend.Shape{3})}
		d.Write(targets.Labels, c.labels)
		if c.mixed != nil {
			targets.Mixed, targets.Lambda = d.NewTensor(backend.I32, backend.Shape{3}), 0.5
			d.Write(targets.Mixed, c.mixed)
		}
		d.SoftmaxCrossEntropy(stats, d.NewTensor(backend.F32, backend.Shape{3, 3}), logits, targets, 1)
		for range 2 {
			got := ""
			if err := d.Read(make([]float32, 3), stats); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("labels %v: %q, want %q", c.labels, got, c.want)
			}
		}
	}
}
