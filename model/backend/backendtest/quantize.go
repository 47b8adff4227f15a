package backendtest

import (
	"math"

	"gputrain/lut"
	"gputrain/model/backend"
)

// A quantization is real data with the quantizer it meets.
type quantization struct {
	name  string
	op    lut.Operand
	shape backend.Shape
	x     []float32
	q     quantizer
}

func (c quantization) qShape() backend.Shape {
	if len(c.q.s) > 1 {
		return backend.Shape{3, len(c.q.s)}
	}
	return backend.Shape{3}
}

// integer returns roundEven(x·inv) + Z of element i, limited to ±2²⁴ before
// the sum; ok is false for NaN.
func (c quantization) integer(i int) (v int, ok bool) {
	column := i / (len(c.x) / len(c.q.s))
	scaled := float64(c.x[i] * c.q.inv[column])
	if math.IsNaN(scaled) {
		return 0, false
	}
	return int(min(max(math.RoundToEven(scaled), -1<<24), 1<<24)) + int(c.q.z[column]), true
}

func quantizations() []quantization {
	var all []quantization
	add := func(name string, op lut.Operand, s backend.Shape, x []float32, q quantizer) {
		all = append(all, quantization{op.String() + "/" + name, op, s, x, q})
	}
	ranged := func(op lut.Operand, lo, hi float32, symmetric bool) quantizer {
		s, inv, z := quantizerOf(lo, hi, op, symmetric)
		return quantizer{[]float32{s}, []float32{inv}, []float32{z}}
	}

	// Images normalised to [−1, 1], each step rounded to float32: of 8 bits
	// every level is a rounding tie, or would be but for the last bit.
	levels := make([]float32, 256)
	for i := range levels {
		levels[i] = (float32(i)/255 - 0.5) / 0.5
	}
	for bits := lut.MinBits; bits <= lut.MaxBits; bits++ {
		for _, op := range []lut.Operand{lut.Unsigned(bits), lut.Signed(bits)} {
			add("levels", op, backend.Shape{256}, levels, ranged(op, -1, 1, false))
			if op.Signed {
				add("levels,symmetric", op, backend.Shape{256}, levels, ranged(op, -1, 1, true))
			}

			// Every tie of a scale that is a power of two.
			rnd := seeded(op.String())
			ties := make([]float32, 0, 2*op.Count()+4)
			for v := -op.Count() - 2; v < op.Count()+2; v++ {
				ties = append(ties, (float32(v)+0.5)/64)
			}
			add("ties", op, backend.Shape{len(ties)}, ties, quantizer{[]float32{1. / 64}, []float32{64}, newQuantizer(rnd, op, 1, false).z})

			nan, inf := float32(math.NaN()), float32(math.Inf(1))
			extremes := []float32{nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32, 0, float32(math.Copysign(0, -1)),
				math.SmallestNonzeroFloat32, 1 << 24, -1 << 24, 1 << 31, -1 << 31, 1e10, -1e10}
			add("extremes", op, backend.Shape{len(extremes)}, extremes, ranged(op, -1, 3, false))
			add("extremes,least scale", op, backend.Shape{len(extremes)}, extremes, ranged(op, 0, 0, false))
		}
	}
	for i, s := range Lengths {
		op := []lut.Operand{lut.Unsigned(8), lut.Signed(8), lut.Unsigned(7), lut.Signed(4)}[i%4]
		add("random/"+s.String(), op, s, normals(seeded(s.String()), s.Len(), 0.3, 0.8), ranged(op, -1.25, 2, false))
	}
	for i, s := range []backend.Shape{{2, 3}, {4, 1, 1, 1}, {16, 3, 3, 3}, {17, 5}, {65, 257}, {300, 3}} {
		op := []lut.Operand{lut.Signed(8), lut.Unsigned(8), lut.Signed(6)}[i%3]
		rnd := seeded(s.String())
		add("channels/"+s.String(), op, s, normals(rnd, s.Len(), 0, 1), newQuantizer(rnd, op, s[0], false))
	}
	return all
}

type quantizing interface {
	backend.Memory
	Quantize(code, x, q backend.Tensor, op lut.Operand)
}

// Quantize tests Eq. 7 to the last code: on all levels of normalised images,
// ties, random values and extremes.
func Quantize(t T, b quantizing) {
	for _, c := range quantizations() {
		t.Run(c.name, func(t T) {
			want := make([]uint8, len(c.x))
			for i := range want {
				if v, ok := c.integer(i); ok {
					want[i] = uint8(min(max(v, c.op.Min()), c.op.Max()) - c.op.Min())
				}
			}
			r := newRig(t, b)
			defer r.free()
			x, q, code := r.in("x", c.shape, c.x), r.in("q", c.qShape(), c.q.data()), r.out("code", backend.U8, c.shape)
			r.run(func() { b.Quantize(code.T, x.T, q.T, c.op) })
			equal(t, "code", c.shape, code.codes(), want)
		})
	}

	r := newRig(t, b)
	defer r.free()
	x, code := r.out("x", backend.F32, backend.Shape{4, 2}).T, r.out("code", backend.U8, backend.Shape{4, 2}).T
	q, perChannel := r.out("q", backend.F32, backend.Shape{3}).T, r.out("q", backend.F32, backend.Shape{3, 2}).T
	faults(t, "Quantize", "is 4×2 f32, want u8", func() { b.Quantize(x, x, q, lut.Unsigned(8)) })
	faults(t, "Quantize", "is 3×2, want 3 or 3×4", func() { b.Quantize(code, x, perChannel, lut.Unsigned(8)) })
}

type dequantizer interface {
	backend.Memory
	Dequantize(y, code, q backend.Tensor, op lut.Operand)
}

// Dequantize tests y = s·(value − Z).
func Dequantize(t T, b dequantizer) {
	for _, c := range quantizations() {
		t.Run(c.name, func(t T) {
			data := codes(seeded(c.name), len(c.x), c.op)
			want := make([]float32, len(data))
			for i, v := range data {
				column := i / (len(data) / len(c.q.s))
				want[i] = c.q.s[column] * float32(c.op.Value(int(v))-int(c.q.z[column]))
			}
			r := newRig(t, b)
			defer r.free()
			code, q, y := r.in("code", c.shape, data), r.in("q", c.qShape(), c.q.data()), r.out("y", backend.F32, c.shape)
			r.run(func() { b.Dequantize(y.T, code.T, q.T, c.op) })
			equal(t, "y", c.shape, y.floats(), want)
		})
	}

	r := newRig(t, b)
	defer r.free()
	code := r.out("code", backend.U8, backend.Shape{4, 2}).T
	y, q := r.out("y", backend.F32, backend.Shape{4, 3}).T, r.out("q", backend.F32, backend.Shape{3}).T
	faults(t, "Dequantize", "4×3", func() { b.Dequantize(y, code, q, lut.Unsigned(8)) })
}

type quantizeBackwarder interface {
	backend.Memory
	QuantizeBackward(dx, dy, x, q backend.Tensor, op lut.Operand)
}

// QuantizeBackward tests that the gradient passes where the rounded integer is
// in range before it is clamped, and nowhere else, whatever the gradient is.
func QuantizeBackward(t T, b quantizeBackwarder) {
	for _, c := range quantizations() {
		dys := gradientsOf(seeded(c.name), len(c.x))
		dys[len(dys)/2], dys[0] = float32(math.Inf(-1)), float32(math.NaN())
		want := make([]float32, len(dys))
		for i, d := range dys {
			if v, ok := c.integer(i); ok && v >= c.op.Min() && v <= c.op.Max() {
				want[i] = d
			}
		}
		t.Run(c.name, func(t T) {
			r := newRig(t, b)
			defer r.free()
			dy, x, q := r.in("dy", c.shape, dys), r.in("x", c.shape, c.x), r.in("q", c.qShape(), c.q.data())
			dx := r.out("dx", backend.F32, c.shape)
			r.run(func() { b.QuantizeBackward(dx.T, dy.T, x.T, q.T, c.op) })
			equal(t, "dx", c.shape, dx.floats(), want)
		})
		t.Run(c.name+"/in place", func(t T) {
			r := newRig(t, b)
			defer r.free()
			x, q, dx := r.in("x", c.shape, c.x), r.in("q", c.qShape(), c.q.data()), r.inout("dx", c.shape, dys)
			r.run(func() { b.QuantizeBackward(dx.T, dx.T, x.T, q.T, c.op) })
			equal(t, "dx", c.shape, dx.floats(), want)
		})
	}

	r := newRig(t, b)
	defer r.free()
	x, dx := r.out("x", backend.F32, backend.Shape{4, 2}).T, r.out("dx", backend.F32, backend.Shape{4, 3}).T
	q := r.out("q", backend.F32, backend.Shape{3}).T
	faults(t, "QuantizeBackward", "4×3", func() { b.QuantizeBackward(dx, dx, x, q, lut.Unsigned(8)) })
}
