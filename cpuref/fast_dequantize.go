package cpuref

import (
	"gputrain/cpuref/kernel"
	"gputrain/model/backend"
)

// The bracket of Eq. 8 is computed from sums over the operands that are made
// once: of W over each row, of X over each column. Integers wrap alike in any
// order, so the result is that of the plain loops.

// DequantizeMatMul implements [backend.Multiplier].
func (c *CPU) DequantizeMatMul(y, acc backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	d := backend.CheckLUTMatMul(who, "DequantizeMatMul", y, backend.F32, w, x, t)
	backend.CheckSame(who, "DequantizeMatMul", "acc", acc, backend.I32, "y", y, backend.F32)
	defer c.release()
	sumX := scratch[int32](c, d.Batch*d.N)
	strips := ceilDiv(d.N, columnStrip)
	run(c, d.Batch*strips, columnSums{c.fast.elements, d, strips, int32(t.Product().X().Min()), sumX, c.u8(x.Code)})
	run(c, d.Batch*d.M, dequantizeMatMul{
		c.fast.elements, d, int32(t.Product().W().Min()), c.quantizer(w.Q), c.quantizer(x.Q), sumX,
		c.f32(y), c.i32(acc), c.u8(w.Code),
	})
}

// columnStrip is the number of columns that a part of columnSums sums.
const columnStrip = 1024

// columnSums sets sums[b, n] = Σ_k X[b, k, n].
type columnSums struct {
	e      *kernel.Elements
	d      backend.MatMulDims
	strips int // of one batch
	least  int32
	sums   []int32
	x      []uint8
}

func (t *columnSums) part(i, _ int) {
	b, n0 := i/t.strips, i%t.strips*columnStrip
	sums := t.sums[b*t.d.N+n0:][:min(columnStrip, t.d.N-n0)]
	fill(sums, int32(t.d.K)*t.least)
	for k := range t.d.K {
		addCodes(t.e, sums, t.x[(b*t.d.K+k)*t.d.N+n0:])
	}
}

// dequantizeMatMul does row i of all batches.
type dequantizeMatMul struct {
	e      *kernel.Elements
	d      backend.MatMulDims
	least  int32 // weight
	qw, qx quantizer
	sumX   []int32
	y      []float32
	acc    []int32
	w      []uint8
}

func (t *dequantizeMatMul) part(i, _ int) {
	N, K := t.d.N, t.d.K
	sw, Zw := t.qw.scaleAndZero(i % t.d.M)
	sx, Zx := t.qx.scaleAndZero(0)
	constant := int32(K)*Zw*Zx - Zx*sumCodes(t.w[i*K:][:K], t.least)
	dequantize(t.e, t.y[i*N:][:N], t.acc[i*N:][:N], t.sumX[i/t.d.M*N:][:N], constant, Zw, sw*sx)
}

// DequantizeConv2D implements [backend.Multiplier].
func (c *CPU) DequantizeConv2D(y, acc backend.Tensor, w, x backend.Quantized, geo backend.Conv2D, t backend.Tables) {
	const op = "DequantizeConv2D"
	d := backend.CheckLUTConv2D(who, op, y, backend.F32, w, x, geo, t)
	backend.CheckSame(who, op, "acc", acc, backend.I32, "y", y, backend.F32)
	defer c.release()
	job := dequantizeConv2D{
		c: c, d: d, leastW: int32(t.Product().W().Min()), leastX: int32(t.Product().X().Min()),
		qw: c.quantizer(w.Q), qx: c.quantizer(x.Q),
		y: c.f32(y), acc: c.i32(acc), w: c.u8(w.Code), x: c.u8(x.Code),
	}
	_, Zx := job.qx.scaleAndZero(0)
	if d.Padding == backend.PadIntZero && Zx != 0 && d.Pad != [2]int{} {
		// ΣW and K depend on the pixel.
		job.constants = scratch[int32](c, d.Cout*d.OH*d.OW)
		run(c, d.Cout, insideSums{c, d, job.leastW, job.qw, Zx, job.constants, job.w})
	} else {
		job.constant = scratch[int32](c, d.Cout)
		run(c, d.Cout, weightSums{d, job.leastW, job.qw, Zx, job.constant, job.w})
	}
	run(c, d.Batch*d.Groups, job)
}

// dequantizeConv2D does one group of one image in a part.
type dequantizeConv2D struct {
	c              *CPU
	d              backend.ConvDims
	leastW, leastX int32
	qw, qx         quantizer
	constants      []int32 // K·Z_w·Z_x − Z_x·ΣW, [Cout, OH, OW], or nil where
	constant       []int32 // one serves a channel, [Cout]
	y              []float32
	acc            []int32
	w, x           []uint8
}

func (t *dequantizeConv2D) part(i, worker int) {
	d := &t.d
	image, g := i/d.Groups, i%d.Groups
	sx, Zx := t.qx.scaleAndZero(0)
	outside := Zx
	if d.Padding == backend.PadIntZero {
		outside = 0
	}
	plane, pixels := d.H*d.W, d.OH*d.OW
	x := t.x[(image*d.Cin+g*d.GroupIn)*plane:][:d.GroupIn*plane]
	e := t.c.fast.elements
	sumX := windowSums(t.c.fast.workers[worker], e, d, x, t.leastX, outside)
	for o := g * d.GroupOut; o < (g+1)*d.GroupOut; o++ {
		sw, Zw := t.qw.scaleAndZero(o)
		at := (image*d.Cout + o) * pixels
		y, acc := t.y[at:][:pixels], t.acc[at:][:pixels]
		if t.constants != nil {
			dequantizeEach(e, y, acc, sumX, t.constants[o*pixels:][:pixels], Zw, sw*sx)
			continue
		}
		dequantize(e, y, acc, sumX, t.constant[o], Zw, sw*sx)
	}
}

// weightSums sets out[o] = K·Z_w·Z_x − Z_x·ΣW. A part does one channel o.
type weightSums struct {
	d     backend.ConvDims
	least int32 // weight
	qw    quantizer
	Zx    int32
	out   []int32 // [Cout]
	w     []uint8
}

func (t *weightSums) part(o, _ int) {
	_, Zw := t.qw.scaleAndZero(o)
	t.out[o] = int32(t.d.K)*Zw*t.Zx - t.Zx*sumCodes(t.w[o*t.d.K:][:t.d.K], t.least)
}

// dequantize sets y = float32(acc + constant − Zw·sumX)·scale.
//
//go:noinline
func dequantize(e *kernel.Elements, y []float32, acc, sumX []int32, constant, Zw int32, scale float32) {
	n := e.DequantizeSums(y, acc, sumX, constant, Zw, scale)
	y, acc, sumX = y[n:], acc[n:len(y)], sumX[n:len(y)]
	for i := range y {
		y[i] = float32(acc[i]+constant-Zw*sumX[i]) * scale
	}
}

// dequantizeEach is dequantize with a constant for each element.
//
//go:noinline
func dequantizeEach(e *kernel.Elements, y []float32, acc, sumX, constant []int32, Zw int32, scale float32) {
	n := e.DequantizeSumsEach(y, acc, sumX, constant, Zw, scale)
	y, acc, sumX, constant = y[n:], acc[n:len(y)], sumX[n:len(y)], constant[n:len(y)]
	for i := range y {
		y[i] = float32(acc[i]+constant[i]-Zw*sumX[i]) * scale
	}
}

// sumCodes returns the sum of the values of codes.
func sumCodes(codes []uint8, least int32) int32 {
	sum := int32(len(codes)) * least
	for _, v := range codes {
		sum += int32(v)
	}
	return sum
}

// addCodes adds codes to sums.
//
//go:noinline
func addCodes(e *kernel.Elements, sums []int32, codes []uint8) {
	n := e.AddCodes(sums, codes)
	sums, codes = sums[n:], codes[n:len(sums)]
	for i := range sums {
		sums[i] += int32(codes[i])
	}
}

// windowSums returns Σ X over the taps of each output pixel of one image of one
// group, taps outside counting as the given value. The sum over channels comes
// first, then those along the rows and the columns of the window, for windows at
// every pixel: whole planes are added, shifted, and what crosses the end of a row
// belongs to no output.
func windowSums(s *workspace, e *kernel.Elements, d *backend.ConvDims, x []uint8, least, outside int32) []int32 {
	padH, padW := d.H+2*d.Pad[0], d.W+2*d.Pad[1]
	stepW, stepH := d.Dilation[1], d.Dilation[0]*padW // from tap to tap of a row and of a column
	nPadded := padH * padW
	nAlong := nPadded - (d.KW-1)*stepW
	nWindow := nAlong - (d.KH-1)*stepH
	s.plane = resize(s.plane, d.H*d.W+nPadded+nAlong+nWindow)
	channels, rest := s.plane[:d.H*d.W], s.plane[d.H*d.W:]
	padded, along, window := rest[:nPadded], rest[nPadded:][:nAlong], rest[nPadded+nAlong:]

	fill(channels, int32(d.GroupIn)*least)
	for ch := range d.GroupIn {
		addCodes(e, channels, x[ch*len(channels):])
	}
	fill(padded, int32(d.GroupIn)*outside)
	for h := range d.H {
		copy(padded[(h+d.Pad[0])*padW+d.Pad[1]:], channels[h*d.W:][:d.W])
	}
	copy(along, padded)
	for q := 1; q < d.KW; q++ {
		addInts(e, along, padded[q*stepW:])
	}
	copy(window, along)
	for p := 1; p < d.KH; p++ {
		addInts(e, window, along[p*stepH:])
	}
	s.sums = resize(s.sums, d.OH*d.OW)
	for i := range d.OH {
		spread(s.sums[i*d.OW:][:d.OW], window[i*d.Stride[0]*padW:], d.Stride[1])
	}
	return s.sums
}

// addInts adds x to sums.
//
//go:noinline
func addInts(e *kernel.Elements, sums, x []int32) {
	n := e.AddInts(sums, x)
	sums, x = sums[n:], x[n:len(sums)]
	for i := range sums {
		sums[i] += x[i]
	}
}

// insideSums sets out[o, i, j] = K·Z_w·Z_x − Z_x·ΣW, with K and ΣW over the taps
// that lie inside the image. A part does one channel o.
type insideSums struct {
	c     *CPU
	d     backend.ConvDims
	least int32 // weight
	qw    quantizer
	Zx    int32
	out   []int32 // [Cout, OH, OW]
	w     []uint8
}

func (t *insideSums) part(o, worker int) {
	s, d := t.c.fast.workers[worker], &t.d
	w, out := t.w[o*d.K:][:d.K], t.out[o*d.OH*d.OW:]
	_, Zw := t.qw.scaleAndZero(o)
	s.spans = resize(s.spans, d.OW)
	for j := range s.spans {
		s.spans[j] = inside(j*d.Stride[1]-d.Pad[1], d.Dilation[1], d.W, d.KW)
	}
	// upTo[q] is ΣW over all channels, the rows inside, and the columns before q.
	s.sums = resize(s.sums, d.KW+1)
	upTo := s.sums
	for i := range d.OH {
		rows := inside(i*d.Stride[0]-d.Pad[0], d.Dilation[0], d.H, d.KH)
		upTo[0] = 0
		for q := range d.KW {
			sum := int32(d.GroupIn*(rows.last-rows.first)) * t.least
			for c := range d.GroupIn {
				for p := rows.first; p < rows.last; p++ {
					sum += int32(w[(c*d.KH+p)*d.KW+q])
				}
			}
			upTo[q+1] = upTo[q] + sum
		}
		for j, r := range s.spans {
			taps := int32(d.GroupIn * (rows.last - rows.first) * (r.last - r.first))
			out[i*d.OW+j] = taps*Zw*t.Zx - t.Zx*(upTo[r.last]-upTo[r.first])
		}
	}
}
