package kernel

// The VBMI kernels hold the products of one weight in registers, as two planes
// of bytes, and look 64 columns up at once by permuting bytes. A row of the
// split table is plane 0, the lower bits of each product, then plane 1, the
// upper ones; both are as long as the kernel's codes are many.
//
// # Why the sums are exact
//
// Of each plane they keep, in 16-bit words, the sum R of all bytes taken as
// pairs (even + 256·odd), which wraps, and the sum O of the odd ones alone.
// With bytes of at most 255 and at most 256 of them, O ≤ 65,280 does not wrap,
// and neither does the sum of the even bytes, which is R − 256·O modulo 2¹⁶.
// Every 256 sums of bytes both are added to int32.
//
//	8 bits: planes of 8 bits, each byte of one k:               256 k
//	7 bits: planes of 7 bits, each byte of two k, ≤ 2·127 = 254: 512 k
//	6 bits: planes of 6 bits, each byte of four k, ≤ 4·63 = 252: 1,024 k
//
// So the products, less their least, must be below 2¹⁶, 2¹⁴ and 2¹², and
// activations have at most 8, 7 and 6 bits.
var archForwards = []*forward{
	vbmiForward(6, 4, 512, [3]vbmiKernel{vbmi6x64, vbmi6x128, vbmi6x256}),
	vbmiForward(7, 2, 256, [3]vbmiKernel{vbmi7x64, vbmi7x128, vbmi7x256}),
	vbmiForward(8, 1, 128, [3]vbmiKernel{vbmi8x64, vbmi8x128, vbmi8x256}),
}

// A vbmiKernel adds Σ_k table[rows[k]][panel[k][j]] to c[j] for all columns of
// the panel, k < kc.
type vbmiKernel func(c *int32, rows *uint16, panel, table *uint8, kc int)

// vbmiStrip is the number of columns of a tile; the kernels have 64, 128, 256.
const vbmiStrip = 256

// vbmiForward returns the forward kernel for codes of the given bits, which
// takes so many k at a time, and columns in panels of block k, which are in the
// cache while all rows pass by.
func vbmiForward(bits, group, block int, kernels [3]vbmiKernel) *forward {
	name := []string{6: "vbmi6", 7: "vbmi7", 8: "vbmi8"}[bits]
	return &forward{
		name: name, level: AVX512VBMI,
		strip: vbmiStrip, minRows: 1, minCols: 1,
		fits:   func(p *Products) bool { return p.bits <= bits && p.span < 1<<(2*bits) },
		layout: func(p *Products, all []int32) { p.layoutSplit(all, bits) },
		tile: func(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
			for k0 := 0; k0 < w.K; k0 += block {
				kc := min(block, w.K-k0)
				for j := 0; j < n; {
					// The widest kernel that the columns fill but for a part of
					// 64; the stride leaves room for it.
					width, f := vbmiStrip, kernels[2]
					switch left := roundUp(n-j, 64); {
					case left <= 64:
						width, f = 64, kernels[0]
					case left < vbmiStrip:
						width, f = 128, kernels[1]
					}
					s.panel = resize(s.panel, roundUp(kc, group)*width)
					x.Block(s.panel, width, k0, kc, n0+j, min(width, n-j))
					for i := range m {
						f(&s.tile[i*stride+j], &w.row[(m0+i)*w.ld+k0], &s.panel[0], &p.split[0], roundUp(kc, group))
					}
					j += width
				}
			}
		},
	}
}

// layoutSplit fills split with two planes of 1<<bits bytes for each row.
func (p *Products) layoutSplit(all []int32, bits int) {
	n := 1 << bits
	p.split = make([]uint8, (p.null+1)*2*n)
	for i, v := range all {
		at := i>>p.bits*2*n + i&(1<<p.bits-1)
		product := uint32(v - p.min)
		p.split[at], p.split[at+n] = uint8(product&uint32(n-1)), uint8(product>>bits)
	}
}
