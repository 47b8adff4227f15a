package kernel

// The AVX-512 kernels are row expansion as avx2Forward does it, for 32 rows: one
// load at a column's code yields the products of all 32. Where there are at most 16
// rows, half a vector of them stands beside that of the next column.
//
// Exact: of each output they keep the sum R of the products modulo 2¹⁶, and the
// sum H of upper bytes, which are at most 255, so that H of 256 of them does not
// wrap. Nor does the sum of the lower bytes, R − 256·H modulo 2¹⁶. Every 256
// upper bytes both are added to int32. Where products are short, several are
// added before the upper byte is taken:
//
//	8 bits: products below 2¹⁶, one by one
//	7 bits: products below 2¹⁴, 4 of which are below 2¹⁶
//
// so that both are exact for 256 k, at which the panel of columns ends.
//
// Sums are read from the second cache and written back to it, which costs more than
// look-ups do. So they stay in registers for all k of a group, whose tables, 256 KiB
// at most, are in the second cache as well.
var (
	expand8     = expandKernels{"expand8", 8, 1, 32, expandSums8x32, expandSpread32, expandTable32}
	expand7     = expandKernels{"expand7", 7, 4, 32, expandSums7x32, expandSpread32, expandTable32}
	expand8half = expandKernels{"expand8half", 8, 1, 16, expandSums8x16, expandSpread16, expandTable16}
	expand7half = expandKernels{"expand7half", 7, 4, 16, expandSums7x16, expandSpread16, expandTable16}
)

type expandKernels struct {
	name     string
	bits     int
	together int // k whose products are added before they are split
	rows     int // that a kernel takes

	sums   func(sums *uint16, codes *uint8, ldc int, table *uint16, kc, n int)
	spread func(c *int32, ldc, rows int, sums *uint16)
	expand func(table *uint16, rows []*uint16, codes int)
}

const (
	expandGroup   = 16  // k of which the kernel takes the tables at a time
	expandK       = 256 // k of a panel, after which sums are spread
	expandColumns = 16  // what numbers of columns are rounded up to
)

func expandTable32(table *uint16, rows []*uint16, codes int) {
	transposeWords32(table, (*[32]*uint16)(rows), codes)
}

func expandTable16(table *uint16, rows []*uint16, codes int) {
	transposeWords16(table, (*[16]*uint16)(rows), codes)
}

func (v *expandKernels) forward(level Level, minRows, minCols, unit int) *forward {
	return &forward{
		name: v.name, level: level,
		strip: 4096, minRows: minRows, minCols: minCols, unit: unit,
		fits:   func(p *Products) bool { return p.bits <= v.bits && p.span < 1<<(2*v.bits) },
		layout: (*Products).layout16,
		tile:   v.tile,
	}
}

func (v *expandKernels) tile(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
	u := &s.expand
	codes, columns := 1<<v.bits, roundUp(n, expandColumns)
	ld := columns + 64 // or rows of 4,096 codes would share a few sets of the first cache
	u.sums = resize(u.sums, columns*2*v.rows)
	u.table = resize(u.table, expandGroup*codes*v.rows)
	u.rows, u.at = resize(u.rows, v.rows), resize(u.at, v.rows)
	for k0 := 0; k0 < w.K; k0 += expandK {
		kc := min(expandK, w.K-k0)
		s.panel = resize(s.panel, roundUp(kc, groupK)*ld)
		x.Block(s.panel, ld, k0, kc, n0, n)
		// Tables have no rows but for codes.
		for k := range roundUp(kc, v.together) {
			if k >= kc {
				clear(s.panel[k*ld:][:columns])
			}
			clear(s.panel[k*ld+n : k*ld+columns])
		}
		for i := 0; i < m; i += v.rows {
			clear(u.sums)
			for r := range u.rows {
				u.rows[r] = w.indices(m0+i+r, m0+m)[k0:]
			}
			for k := 0; k < kc; k += expandGroup {
				turns := roundUp(min(expandGroup, kc-k), v.together)
				for q := range turns {
					for r, row := range u.rows {
						u.at[r] = &p.row16[int(row[k+q])*rowLen]
					}
					v.expand(&u.table[q*codes*v.rows], u.at, codes)
				}
				v.sums(&u.sums[0], &s.panel[k*ld], ld, &u.table[0], turns, columns)
			}
			for j := 0; j < n; j += expandColumns {
				v.spread(&s.tile[i*stride+j], stride, min(v.rows, m-i), &u.sums[j*2*v.rows])
			}
		}
	}
}
