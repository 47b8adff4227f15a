package kernel

// swarForward is row expansion within a machine word: a table entry holds the
// products of three rows in three fields of 21 bits, so that one read and one
// addition serve three rows.
//
// Exact: a product is below 2¹⁶, so a field holds the sum of 32 of them, and
// the fields are spread to int32 sums every 32 k.
var swarForward = forward{
	name: "swar", level: Go,
	strip: 4096, minRows: 3, minCols: 512,
	fits:   fits16,
	layout: (*Products).layout16,
	tile:   swarTile,
}

const (
	swarRows  = 3
	swarField = 21
	swarMask  = 1<<swarField - 1
	swarK     = 32 // swarK·(2¹⁶−1) < 2^swarField; a multiple of groupK
	swarPanel = 64 // k for which columns are packed at a time: 256 KiB at full width
)

type swarScratch struct {
	sums  []uint64                // [n]
	table *[groupK][rowLen]uint64 // row expansion of the three rows at eight k
}

func swarTile(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
	s.swar.sums = resize(s.swar.sums, n)
	if s.swar.table == nil {
		s.swar.table = new([groupK][rowLen]uint64)
	}
	sums, table := s.swar.sums, s.swar.table
	for k0 := 0; k0 < w.K; k0 += swarPanel {
		kc := min(swarPanel, w.K-k0)
		s.packIndex(x, k0, kc, n0, n)
		for i := 0; i < m; i += swarRows {
			clear(sums)
			// Behind the last row come null rows, whose sums of 0 may go anywhere.
			var out [swarRows][]int32
			var rows [swarRows][]uint16
			for r := range swarRows {
				out[r] = s.tile[min(i+r, m-1)*stride:][:n]
				rows[r] = w.indices(m0+i+r, m0+m)[k0:]
			}
			for g := 0; g*groupK < kc; g++ {
				for q := range groupK {
					k := g*groupK + q
					swarExpand(&table[q], p.row(rows[0][k]), p.row(rows[1][k]), p.row(rows[2][k]))
				}
				swarAdd(sums, s.index[g*n:][:n], table)
				if end := (g + 1) * groupK; end%swarK == 0 || end >= kc {
					swarSpread(out[0], out[1], out[2], sums)
				}
			}
		}
	}
}

//go:noinline
func swarExpand(t *[rowLen]uint64, r0, r1, r2 *[rowLen]uint16) {
	for x := range t {
		t[x] = uint64(r0[x]) | uint64(r1[x])<<swarField | uint64(r2[x])<<(2*swarField)
	}
}

// swarAdd adds the entries at eight k to the sums of every column.
//
//go:noinline
func swarAdd(sums, index []uint64, t *[groupK][rowLen]uint64) {
	index = index[:len(sums)]
	for j, x := range index {
		s := t[0][uint8(x)] + t[1][uint8(x>>8)] + t[2][uint8(x>>16)] + t[3][uint8(x>>24)]
		s += t[4][uint8(x>>32)] + t[5][uint8(x>>40)] + t[6][uint8(x>>48)] + t[7][uint8(x>>56)]
		sums[j] += s
	}
}

// swarSpread adds the three fields of each sum to its three outputs, and
// clears the sums.
//
//go:noinline
func swarSpread(c0, c1, c2 []int32, sums []uint64) {
	c0, c1, c2 = c0[:len(sums)], c1[:len(sums)], c2[:len(sums)]
	for j, s := range sums {
		c0[j] += int32(s & swarMask)
		c1[j] += int32(s >> swarField & swarMask)
		c2[j] += int32(s >> (2 * swarField))
		sums[j] = 0
	}
}
