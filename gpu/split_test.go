//go:build cgo && !nogpu

package gpu_test

import (
	"testing"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
)

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
