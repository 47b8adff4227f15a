package cpuref

import "gputrain/model/backend"

// The bracket of Eq. 8 is computed from sums over the operands that are made
// once: of W over each row, of X over each column. Integers wrap alike in any
// order, so the result is that of the plain loops.

// DequantizeMatMul implements [backend.Multiplier].
func (c *CPU) DequantizeMatMul(y, acc backend.Tensor, w, x backend.Quantized, t backend.Tables) {
	d := backend.CheckLUTMatMul(who, "DequantizeMatMul", y, backend.F32, w, x, t)
	backend.CheckSame(who, "DequantizeMatMul", "acc", acc, backend.I32, "y", y, backend.F32)
	Y, A, W, X := c.f32(y), c.i32(acc), c.u8(w.Code), c.u8(x.Code)
	qw, qx := c.quantizer(w.Q), c.quantizer(x.Q)
	minW, minX := int32(t.Product().W().Min()), int32(t.Product().X().Min())
	sx, Zx := qx.scaleAndZero(0)

	c.fast.int32s = resize(c.fast.int32s, d.Batch*d.N)
	sumX := c.fast.int32s
	const strip = 1024
	strips := ceilDiv(d.N, strip)
	c.pieces(d.Batch*strips, func(_ *scratch, i int) {
		b, n0 := i/strips, i%strips*strip
		n := min(strip, d.N-n0)
		sums := sumX[b*d.N+n0:][:n]
		fill(sums, int32(d.K)*minX)
		for k := range d.K {
			addCodes(sums, X[(b*d.K+k)*d.N+n0:][:n])
		}
	})
	c.pieces(d.Batch*d.M, func(_ *scratch, i int) {
		b, m := i/d.M, i%d.M
		sw, Zw := qw.scaleAndZero(m)
		constant := int32(d.K)*Zw*Zx - Zx*sumCodes(W[i*d.K:][:d.K], minW)
		dequantize(Y[i*d.N:][:d.N], A[i*d.N:][:d.N], sumX[b*d.N:][:d.N], constant, Zw, sw*sx)
	})
}

// DequantizeConv2D implements [backend.Multiplier].
func (c *CPU) DequantizeConv2D(y, acc backend.Tensor, w, x backend.Quantized, geo backend.Conv2D, t backend.Tables) {
	const op = "DequantizeConv2D"
	d := backend.CheckLUTConv2D(who, op, y, backend.F32, w, x, geo, t)
	backend.CheckSame(who, op, "acc", acc, backend.I32, "y", y, backend.F32)
	Y, A, W, X := c.f32(y), c.i32(acc), c.u8(w.Code), c.u8(x.Code)
	qw, qx := c.quantizer(w.Q), c.quantizer(x.Q)
	minW, minX := int32(t.Product().W().Min()), int32(t.Product().X().Min())
	sx, Zx := qx.scaleAndZero(0)
	pixels := d.OH * d.OW

	// With int-zero padding ΣW and K depend on the pixel, if any tap lies
	// outside; corrections[o, i, j] is then −Z_x·ΣW + K·Z_w·Z_x.
	var corrections []int32
	outsideX := Zx
	if d.Padding == backend.PadIntZero {
		outsideX = 0
		if Zx != 0 && d.Pad != [2]int{} {
			c.fast.int32s = resize(c.fast.int32s, d.Cout*pixels)
			corrections = c.fast.int32s
			c.pieces(d.Cout, func(s *scratch, o int) {
				_, Zw := qw.scaleAndZero(o)
				insideSums(s, corrections[o*pixels:][:pixels], &d, W[o*d.K:][:d.K], minW, Zx, Zw)
			})
		}
	}

	c.pieces(d.Batch*d.Groups, func(s *scratch, i int) {
		image, g := i/d.Groups, i%d.Groups
		plane := d.H * d.W
		sumX := windowSums(s, &d, X[(image*d.Cin+g*d.GroupIn)*plane:][:d.GroupIn*plane], minX, outsideX)
		for o := g * d.GroupOut; o < (g+1)*d.GroupOut; o++ {
			sw, Zw := qw.scaleAndZero(o)
			at := (image*d.Cout + o) * pixels
			out, sums := Y[at:][:pixels], A[at:][:pixels]
			if corrections != nil {
				dequantizeCorrected(out, sums, sumX, corrections[o*pixels:][:pixels], Zw, sw*sx)
				continue
			}
			constant := int32(d.K)*Zw*Zx - Zx*sumCodes(W[o*d.K:][:d.K], minW)
			dequantize(out, sums, sumX, constant, Zw, sw*sx)
		}
	})
}

// dequantize sets y = float32(acc + constant − Zw·sumX)·scale.
//
//go:noinline
func dequantize(y []float32, acc, sumX []int32, constant, Zw int32, scale float32) {
	acc, sumX = acc[:len(y)], sumX[:len(y)]
	for i := range y {
		y[i] = float32(acc[i]+constant-Zw*sumX[i]) * scale
	}
}

// dequantizeCorrected is dequantize with a constant for each element.
//
//go:noinline
func dequantizeCorrected(y []float32, acc, sumX, constant []int32, Zw int32, scale float32) {
	acc, sumX, constant = acc[:len(y)], sumX[:len(y)], constant[:len(y)]
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
func addCodes(sums []int32, codes []uint8) {
	codes = codes[:len(sums)]
	for i := range sums {
		sums[i] += int32(codes[i])
	}
}

// windowSums returns Σ X over the taps of each output pixel of one image of one
// group, taps outside counting as the given value. The sum over channels comes
// first, then those along a row and a column of the window.
func windowSums(s *scratch, d *backend.ConvDims, x []uint8, least, outside int32) []int32 {
	padH, padW := d.H+2*d.Pad[0], d.W+2*d.Pad[1]
	s.plane = resize(s.plane, padH*padW+d.H*d.W+padH*d.OW)
	padded, channels, along := s.plane[:padH*padW], s.plane[padH*padW:][:d.H*d.W], s.plane[padH*padW+d.H*d.W:]

	fill(channels, int32(d.GroupIn)*least)
	for ch := range d.GroupIn {
		addCodes(channels, x[ch*len(channels):])
	}
	fill(padded, int32(d.GroupIn)*outside)
	for h := range d.H {
		copy(padded[(h+d.Pad[0])*padW+d.Pad[1]:], channels[h*d.W:][:d.W])
	}
	for h := range padH {
		line, out := padded[h*padW:][:padW], along[h*d.OW:][:d.OW]
		for j := range out {
			var sum int32
			for q := range d.KW {
				sum += line[j*d.Stride[1]+q*d.Dilation[1]]
			}
			out[j] = sum
		}
	}
	s.sums = resize(s.sums, d.OH*d.OW)
	for i := range d.OH {
		out := s.sums[i*d.OW:][:d.OW]
		copy(out, along[i*d.Stride[0]*d.OW:])
		for p := 1; p < d.KH; p++ {
			for j, v := range along[(i*d.Stride[0]+p*d.Dilation[0])*d.OW:][:d.OW] {
				out[j] += v
			}
		}
	}
	return s.sums
}

// A tapRange are the taps [first, last) along one axis that lie inside.
type tapRange struct{ first, last int }

// inside returns the taps inside an image of the given size whose first tap
// stands at start.
func inside(start, taps, dilation, size int) tapRange {
	first := min(max(0, ceilDiv(-start, dilation)), taps)
	return tapRange{first, min(max(first, ceilDiv(size-start, dilation)), taps)}
}

// insideSums sets out[i, j] = K·Z_w·Z_x − Z_x·ΣW, with K and ΣW over the taps of
// one filter that lie inside the image.
func insideSums(s *scratch, out []int32, d *backend.ConvDims, w []uint8, least, Zx, Zw int32) {
	s.ranges = resize(s.ranges, d.OW)
	for j := range s.ranges {
		s.ranges[j] = inside(j*d.Stride[1]-d.Pad[1], d.KW, d.Dilation[1], d.W)
	}
	// up[q] is Σ W over the rows of taps inside, the columns before q, and all
	// channels.
	s.sums = resize(s.sums, d.KW+1)
	up := s.sums
	for i := range d.OH {
		rows := inside(i*d.Stride[0]-d.Pad[0], d.KH, d.Dilation[0], d.H)
		up[0] = 0
		for q := range d.KW {
			sum := int32(d.GroupIn*(rows.last-rows.first)) * least
			for c := range d.GroupIn {
				for p := rows.first; p < rows.last; p++ {
					sum += int32(w[(c*d.KH+p)*d.KW+q])
				}
			}
			up[q+1] = up[q] + sum
		}
		for j, r := range s.ranges {
			taps := int32(d.GroupIn * (rows.last - rows.first) * (r.last - r.first))
			out[i*d.OW+j] = taps*Zw*Zx - Zx*(up[r.last]-up[r.first])
		}
	}
}
