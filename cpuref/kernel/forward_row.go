package kernel

// goForwards are the kernels of every architecture, best first. The last takes
// every table and every shape.
var goForwards = []*forward{&swarForward, &rowForward, &wideForward}

// rowForward is row reuse: the table rows of one weight row at four k stay near
// the core while the columns pass by. Exact: the sums are int32.
var rowForward = forward{
	name: "rows", level: Go,
	strip: 1024, minRows: 1, minCols: 1,
	fits:   fits16,
	layout: (*Products).layout16,
	tile: func(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
		rowTile(s, stride, p.row16, w, m0, m, x, n0, n)
	},
}

// wideForward is rowForward for products that do not fit 16 bits.
var wideForward = forward{
	name: "rows32", level: Go,
	strip: 1024, minRows: 1, minCols: 1,
	fits:   func(*Products) bool { return true },
	layout: (*Products).layout32,
	tile: func(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int) {
		rowTile(s, stride, p.row32, w, m0, m, x, n0, n)
	},
}

// rowPanel is the number of k for which columns are packed at a time.
const rowPanel = 128

func rowTile[T uint16 | uint32](s *Scratch, stride int, table []T, w *Weights, m0, m int, x Columns, n0, n int) {
	s.panel = resize(s.panel, rowPanel*n)
	for k0 := 0; k0 < w.K; k0 += rowPanel {
		kc := min(rowPanel, w.K-k0)
		x.Block(s.panel, n, k0, kc, n0, n)
		for i := range m {
			out := s.tile[i*stride:][:n]
			rows := w.row[(m0+i)*w.ld+k0:][:kc]
			k := 0
			for ; k+4 <= kc; k += 4 {
				rowAdd4(out, s.panel[k*n:(k+4)*n], tableRow(table, rows[k]), tableRow(table, rows[k+1]), tableRow(table, rows[k+2]), tableRow(table, rows[k+3]))
			}
			for ; k < kc; k++ {
				rowAdd(out, s.panel[k*n:][:n], tableRow(table, rows[k]))
			}
		}
	}
}

func tableRow[T uint16 | uint32](table []T, w uint16) *[rowLen]T {
	return (*[rowLen]T)(table[int(w)*rowLen:])
}

//go:noinline
func rowAdd[T uint16 | uint32](out []int32, x []uint8, row *[rowLen]T) {
	x = x[:len(out)]
	for j := range out {
		out[j] += int32(row[x[j]])
	}
}

// rowAdd4 adds the products at four k, whose codes stand in x one k after the
// other.
//
//go:noinline
func rowAdd4[T uint16 | uint32](out []int32, x []uint8, r0, r1, r2, r3 *[rowLen]T) {
	n := len(out)
	x0, x1, x2, x3 := x[:n], x[n:][:n], x[2*n:][:n], x[3*n:][:n]
	for j := range out {
		out[j] += int32(uint32(r0[x0[j]]) + uint32(r1[x1[j]]) + uint32(r2[x2[j]]) + uint32(r3[x3[j]]))
	}
}

// packIndex sets s.index[g*n+j] to the codes X[k0+8g…k0+8g+7, n0+j] as the
// bytes of a word, lowest first; bytes behind kc are of any value.
func (s *Scratch) packIndex(x Columns, k0, kc, n0, n int) {
	groups := roundUp(kc, groupK) / groupK
	s.index = resize(s.index, groups*n)
	s.panel = resize(s.panel, groupK*n)
	for g := range groups {
		x.Block(s.panel, n, k0+g*groupK, min(groupK, kc-g*groupK), n0, n)
		interleave8(s.index[g*n:][:n], s.panel)
	}
}

// interleave8 sets dst[j] to bytes j of the eight rows of src.
//
//go:noinline
func interleave8(dst []uint64, src []uint8) {
	n := len(dst)
	b0, b1, b2, b3 := src[:n], src[n:][:n], src[2*n:][:n], src[3*n:][:n]
	b4, b5, b6, b7 := src[4*n:][:n], src[5*n:][:n], src[6*n:][:n], src[7*n:][:n]
	for j := range dst {
		dst[j] = uint64(b0[j]) | uint64(b1[j])<<8 | uint64(b2[j])<<16 | uint64(b3[j])<<24 |
			uint64(b4[j])<<32 | uint64(b5[j])<<40 | uint64(b6[j])<<48 | uint64(b7[j])<<56
	}
}
