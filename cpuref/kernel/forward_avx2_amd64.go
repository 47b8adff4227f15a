package kernel

// avx2Forward is row expansion: for each k a table lists, for every activation
// code, the products of sixteen rows side by side, so that one load at a
// column's code yields the products of all sixteen.
//
// Exact: of each output it keeps the sum R of the products modulo 2¹⁶, and the
// sum H of their upper bytes, which are at most 255, so that H of 256 products
// does not wrap. Nor does the sum of the lower bytes, R − 256·H modulo 2¹⁶.
// Every 256 k both are added to int32.
var avx2Forward = forward{
	name: "avx2", level: AVX2,
	strip: 1024, minRows: 8, minCols: 64,
	fits:   fits16,
	layout: (*Products).layout16,
	tile:   avx2Tile,
}

const (
	avx2Rows  = 16
	avx2Group = 4   // k that the kernel takes at a time
	avx2K     = 256 // k of a panel, after which sums are spread
)

func avx2Tile(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
	u := &s.avx2
	u.sums = resize(u.sums, n*2*avx2Rows)
	u.table = resize(u.table, avx2Group*rowLen*avx2Rows)
	for k0 := 0; k0 < w.K; k0 += avx2K {
		kc := min(avx2K, w.K-k0)
		s.packIndex(x, k0, kc, n0, n)
		for i := 0; i < m; i += avx2Rows {
			clear(u.sums)
			var rows [avx2Rows][]uint16
			for r := range rows {
				rows[r] = w.indices(m0+i+r, m0+m)[k0:]
			}
			for k := 0; k < kc; k += avx2Group {
				for q := range avx2Group {
					var at [avx2Rows]*uint16
					for r := range at {
						at[r] = &p.row16[int(rows[r][k+q])*rowLen]
					}
					transposeWords16(&u.table[q*rowLen*avx2Rows], &at, rowLen)
				}
				rowSums16(&u.sums[0], &s.index[k/groupK*n], k%groupK, &u.table[0], n)
			}
			for r := range min(avx2Rows, m-i) {
				avx2Spread(s.tile[(i+r)*stride:][:n], u.sums[r:])
			}
		}
	}
}

// avx2Spread adds the sums of one row to its outputs.
//
//go:noinline
func avx2Spread(out []int32, sums []uint16) {
	for j := range out {
		low, high := sums[j*2*avx2Rows], sums[j*2*avx2Rows+avx2Rows]
		out[j] += int32(high)<<8 + int32(low-high<<8)
	}
}
