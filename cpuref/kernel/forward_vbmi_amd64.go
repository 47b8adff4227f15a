package kernel

import (
	"math"
	"sync"
	"time"
)

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
//
// Kernels of one row come in three widths; those of two rows at a time do the
// same sums with other instructions.

// archForwards returns the kernels of this architecture, best first. At 8 bits row
// expansion passes the permutation of bytes where many columns share its tables.
func archForwards() []*forward {
	row, pair := []*forward{vbmi7.forward(), vbmi8.forward()}, []*forward{vbmi7pair.forward(), vbmi8pair.forward()}
	if highest >= AVX512VBMI && pairIsFaster() {
		row, pair = pair, row
	}
	return []*forward{
		vbmi6.forward(), row[0], pair[0],
		expand8.forward(AVX512VBMI, 24, 1024, 32), row[1], pair[1],
		expand7.forward(AVX512, 17, 64, 0), expand7half.forward(AVX512, 8, 64, 0),
		expand8.forward(AVX512, 17, 64, 0), expand8half.forward(AVX512, 8, 64, 0),
		&avx2Forward,
	}
}

// vbmiKernels are the kernels for codes of so many bits.
type vbmiKernels struct {
	name  string
	bits  int
	group int // k that they take at a time
	block int // k of a panel of columns, which is in the cache while all rows pass by

	// rows add Σ_k table[rows[k]][panel[k][j]], k < kc, to c[j] for all columns
	// of a panel of 64, 128 or 256.
	rows [3]func(c *int32, rows *uint16, panel, table *uint8, kc int)
	// pair does so for two rows, ldr and ldc apart, and 128 columns. May be nil.
	pair func(c *int32, ldc int, rows *uint16, ldr int, panel, table *uint8, kc int)
}

type vbmiRow = func(c *int32, rows *uint16, panel, table *uint8, kc int)

var (
	vbmi6     = vbmiKernels{"vbmi6", 6, 4, 512, [3]vbmiRow{vbmi6x64, vbmi6x128, vbmi6x256}, nil}
	vbmi7     = vbmiKernels{"vbmi7", 7, 2, 256, [3]vbmiRow{vbmi7x64, vbmi7x128, vbmi7x256}, nil}
	vbmi8     = vbmiKernels{"vbmi8", 8, 1, 128, [3]vbmiRow{vbmi8x64, vbmi8x128, vbmi8x256}, nil}
	vbmi7pair = vbmiKernels{"vbmi7pair", 7, 2, 256, vbmi7.rows, vbmi7x2x128}
	vbmi8pair = vbmiKernels{"vbmi8pair", 8, 1, 256, vbmi8.rows, vbmi8x2x128}
)

func (v *vbmiKernels) forward() *forward {
	return &forward{
		name: v.name, level: AVX512VBMI,
		strip: 256, minRows: 1, minCols: 1,
		fits:   func(p *Products) bool { return p.bits <= v.bits && p.span < 1<<(2*v.bits) },
		layout: func(p *Products, all []int32) { p.layoutSplit(all, v.bits) },
		tile:   v.tile,
	}
}

func (v *vbmiKernels) tile(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
	for k0 := 0; k0 < w.K; k0 += v.block {
		kc := min(v.block, w.K-k0)
		turns := roundUp(kc, v.group)
		var width int
		for j := 0; j < n; j += width {
			var row vbmiRow
			width, row = v.widest(n - j)
			s.panel = resize(s.panel, turns*width)
			x.Block(s.panel, width, k0, kc, n0+j, min(width, n-j))
			i := 0
			if v.pair != nil && width == 128 {
				for ; i+2 <= m; i += 2 {
					v.pair(&s.tile[i*stride+j], stride, &w.row[(m0+i)*w.ld+k0], w.ld, &s.panel[0], &p.split[0], turns)
				}
			}
			for ; i < m; i++ {
				row(&s.tile[i*stride+j], &w.row[(m0+i)*w.ld+k0], &s.panel[0], &p.split[0], turns)
			}
		}
	}
}

// widest returns the widest kernel of one row that the columns fill but for a
// part of 64, for which the stride of a tile leaves room.
func (v *vbmiKernels) widest(columns int) (width int, row vbmiRow) {
	switch {
	case columns <= 64:
		return 64, v.rows[0]
	case columns <= 192 || v.pair != nil:
		return 128, v.rows[1]
	}
	return 256, v.rows[2]
}

// pairIsFaster reports which kernels of 8 bits are faster here, those of two
// rows or those of one. They differ by a third in favour of the one or the
// other, as the ports of the processor lie; it takes some 50 µs to see.
var pairIsFaster = sync.OnceValue(func() bool {
	const kc = 64
	var (
		rows  [2 * kc]uint16
		panel [kc * 256]uint8
		table [512]uint8
		sums  [2 * 256]int32
	)
	one, two := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 8 {
		start := time.Now()
		for r := range 2 {
			vbmi8x256(&sums[256*r], &rows[0], &panel[0], &table[0], kc)
		}
		one = min(one, time.Since(start))
		start = time.Now()
		for range 2 {
			vbmi8x2x128(&sums[0], 256, &rows[0], kc, &panel[0], &table[0], kc)
		}
		two = min(two, time.Since(start))
	}
	return two < one
})

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
