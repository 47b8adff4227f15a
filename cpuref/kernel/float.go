package kernel

// Floats are the float32 kernels of one level: products of matrices, and sums
// over columns grouped by code. They do not change and may be shared.
//
// A sum's order is fixed by the shape. Operands lie in memory with strides, and
// with room for whole tiles: what the extra rows and columns hold does not
// reach the others.
type Floats struct {
	// product adds Σ_k a[k*rows+i]·b[k*ldb+j] to c[i*ldc+j], i < rows, j < cols.
	rows, cols int
	product    func(c []float32, ldc int, a, b []float32, ldb, k int)

	// dots adds Σ_n a[i*lda+n]·b[j*ldb+n] to c[i*ldc+j], i < dotRows, j < dotCols;
	// n is a multiple of lanes.
	dotRows, lanes int
	dots           func(c []float32, ldc int, a []float32, lda int, b []float32, ldb, n int)

	// Of each kind the widest comes first. There may be none.
	groupSums, groupDots []groupKernel

	// For the groups, transpose sets dst[x*width+r] = table[rows[r]*256+x] for all rows and x < n,
	// a multiple of 16.
	transpose func(dst []float32, width int, table []float32, rows []uint16, n int)

	// Of gradients in 16 bits; nil where there are none.
	stored *storedKernels

	// The same by permuting bytes, of 128 and of 64 lanes; nil where there are none.
	rowSums *[2]rowKernel

	// columns sets dst[j*ldd+i] = src[i*lds+j], i < rows, j < n.
	columns func(dst []float32, ldd int, src []float32, lds, rows, n int)

	// copyRows sets dst[i*ldd+j] = src[i*lds+j], i < rows, j < n.
	copyRows func(dst []float32, ldd int, src []float32, lds, rows, n int)
}

// A groupKernel works on rows d[n] of so many floats, in groups of columns n of
// equal code x. Sums add Σ_x t[x][r]·Σ_{n of group x} d[n][r] to c[r]; dots add
// Σ_r t[x][r]·d[n][r] to c[n] for every n of every group x.
type groupKernel struct {
	width int
	f     func(c, d []float32, g *Groups, t []float32)
}

const dotCols = 4

// FloatsOf returns the kernels of a level, which this machine must have.
func FloatsOf(level Level) *Floats {
	if f := archFloats(level); f != nil {
		return f
	}
	return &goFloats
}

// Packed is a matrix A[M,K] in the order in which the product reads it.
type Packed struct {
	M, K int
	a    []float32 // [M/rows up, K, rows]
}

// Pack sets p to A[i,k] = a[i*ld+k], i < m, k < k.
func (f *Floats) Pack(p *Packed, a []float32, ld, m, k int) {
	p.M, p.K = m, k
	p.a = resize(p.a, roundUp(m, f.rows)*k)
	for i0 := 0; i0 < m; i0 += f.rows {
		dst := p.a[i0*k:][:f.rows*k]
		for r := range f.rows {
			if i0+r >= m {
				for j := range k {
					dst[j*f.rows+r] = 0
				}
				continue
			}
			for j, v := range a[(i0+r)*ld:][:k] {
				dst[j*f.rows+r] = v
			}
		}
	}
}

// ProductRoom returns up to which rows and columns C must have room in
// [Floats.Product].
func (f *Floats) ProductRoom(m, n int) (rows, cols int) {
	return roundUp(m, f.rows), roundUp(n, f.cols)
}

// Product adds Σ_k A[i,k0+k]·b[k*ldb+j] to c[i*ldc+j], k < k. There must be room
// in c and in the rows of b for what ProductRoom says.
func (f *Floats) Product(c []float32, ldc int, a *Packed, k0, k int, b []float32, ldb, n int) {
	for j := 0; j < n; j += f.cols {
		for i := 0; i < a.M; i += f.rows {
			f.product(c[i*ldc+j:], ldc, a.a[i*a.K+k0*f.rows:], b[j:], ldb, k)
		}
	}
}

// DotsRoom returns up to which rows of A and of B C and the operands must have
// room in [Floats.Dots], and up to which n their rows must hold numbers, those
// behind n being 0.
func (f *Floats) DotsRoom(rowsA, rowsB, n int) (a, b, to int) {
	return roundUp(rowsA, f.dotRows), roundUp(rowsB, dotCols), roundUp(n, f.lanes)
}

// Dots adds Σ_n a[i*lda+n]·b[j*ldb+n] to c[i*ldc+j] for i < rowsA, j < rowsB.
func (f *Floats) Dots(c []float32, ldc int, a []float32, lda, rowsA int, b []float32, ldb, rowsB, n int) {
	n = roundUp(n, f.lanes)
	for i := 0; i < rowsA; i += f.dotRows {
		for j := 0; j < rowsB; j += dotCols {
			f.dots(c[i*ldc+j:], ldc, a[i*lda:], lda, b[j*ldb:], ldb, n)
		}
	}
}

// Groups lists columns by their code.
type Groups struct {
	order []uint16           // columns, by code, of equal codes ascending
	start [rowLen + 1]uint32 // start[x] is where those of code x begin in order
}

// MaxGroupWidth is the greatest width of a kernel for groups.
const MaxGroupWidth = 128

// MaxGroups is the greatest number of columns that Groups can list.
const MaxGroups = 1 << 16

// Set sorts the columns of codes. Of equal codes those of the first quarter of
// the columns come first, and so on: four counters for each code, so that runs
// of equal codes need not wait for one.
func (g *Groups) Set(codes []uint8) {
	n := len(codes)
	g.order = resize(g.order, n)
	var next [4][rowLen]uint32
	quarter := n / 4
	c0, c1, c2, c3 := codes[:quarter], codes[quarter:2*quarter], codes[2*quarter:3*quarter], codes[3*quarter:4*quarter]
	rest := codes[4*quarter:] // counted with the last quarter
	for i := range c0 {
		next[0][c0[i]]++
		next[1][c1[i]]++
		next[2][c2[i]]++
		next[3][c3[i]]++
	}
	for _, x := range rest {
		next[3][x]++
	}
	sum := uint32(0)
	for x := range rowLen {
		g.start[x] = sum
		for q := range next {
			next[q][x], sum = sum, sum+next[q][x]
		}
	}
	g.start[rowLen] = sum
	put := func(q, i int, x uint8) {
		g.order[next[q][x]] = uint16(i)
		next[q][x]++
	}
	for i := range c0 {
		put(0, i, c0[i])
		put(1, quarter+i, c1[i])
		put(2, 2*quarter+i, c2[i])
		put(3, 3*quarter+i, c3[i])
	}
	for i, x := range rest {
		put(3, 4*quarter+i, x)
	}
}

// widest returns the widest kernel that so many rows r fill, or the narrowest
// that takes them all.
func widest(kernels []groupKernel, left int) *groupKernel {
	for i := range kernels[1:] {
		if left > kernels[i+1].width {
			return &kernels[i]
		}
	}
	return &kernels[len(kernels)-1]
}

// Grouped reports whether the level has kernels for groups. Without them the plain
// look-ups of [Floats.RowSums] are faster.
func (f *Floats) Grouped() bool { return f.groupSums != nil }

// GroupSums adds Σ_n T[x_n][r]·d[n][r] to c[r], r < width, x_n being the code of
// column n: T is read once for each code and not for each column. The width is
// what SumsWidth says for so many rows r that are left.
func (f *Floats) GroupSums(c, d []float32, g *Groups, t []float32, width int) {
	widest(f.groupSums, width).f(c, d, g, t)
}

// SumsWidth returns the width of GroupSums.
func (f *Floats) SumsWidth(left int) int { return widest(f.groupSums, left).width }

// GroupDots adds Σ_r T[x_n][r]·d[n][r], r < width, to c[n]. The width is what
// DotsWidth says.
func (f *Floats) GroupDots(c, d []float32, g *Groups, t []float32, width int) {
	widest(f.groupDots, width).f(c, d, g, t)
}

// DotsWidth returns the width of GroupDots.
func (f *Floats) DotsWidth(left int) int { return widest(f.groupDots, left).width }

// Expand sets t[x*width+r] = table[rows[r]*256+x], r < width, for the codes x of g
// and others: row expansion of a table of floats with rows of 256.
func (f *Floats) Expand(t []float32, width int, table []float32, rows []uint16, g *Groups) {
	// In blocks, those without a column being left out.
	const block = 16
	for x := 0; x < rowLen; {
		if g.start[x] == g.start[x+block] {
			x += block
			continue
		}
		end := x + block
		for end < rowLen && g.start[end] != g.start[end+block] {
			end += block
		}
		f.transpose(t[x*width:], width, table[x:], rows[:width], end-x)
		x = end
	}
}

// Columns sets dst[j*ldd+i] = src[i*lds+j], i < rows, j < n.
func (f *Floats) Columns(dst []float32, ldd int, src []float32, lds, rows, n int) {
	if rows > 0 && n > 0 {
		f.columns(dst, ldd, src, lds, rows, n)
	}
}

// CopyRows sets dst[i*ldd+j] = src[i*lds+j], i < rows, j < n. lds 0 repeats a row.
func (f *Floats) CopyRows(dst []float32, ldd int, src []float32, lds, rows, n int) {
	switch {
	case rows == 0 || n == 0:
	case ldd == n && lds == n:
		copy(dst[:rows*n], src[:rows*n])
	default:
		f.copyRows(dst, ldd, src, lds, rows, n)
	}
}

var goFloats = Floats{
	rows: 1, cols: 64,
	product: func(c []float32, _ int, a, b []float32, ldb, k int) {
		c = c[:64]
		i := 0
		for ; i+4 <= k; i += 4 {
			axpy4(c, b[i*ldb:], b[(i+1)*ldb:], b[(i+2)*ldb:], b[(i+3)*ldb:], a[i], a[i+1], a[i+2], a[i+3])
		}
		for ; i < k; i++ {
			axpy(c, b[i*ldb:], a[i])
		}
	},
	dotRows: 1, lanes: 1,
	dots: func(c []float32, _ int, a []float32, _ int, b []float32, ldb, n int) {
		dot4(c[:4], a[:n], b, b[ldb:], b[2*ldb:], b[3*ldb:])
	},
	columns:  goColumns,
	copyRows: goCopyRows,
}

//go:noinline
func axpy(c, b []float32, a float32) {
	b = b[:len(c)]
	for j := range c {
		c[j] += a * b[j]
	}
}

//go:noinline
func axpy4(c, b0, b1, b2, b3 []float32, a0, a1, a2, a3 float32) {
	b0, b1, b2, b3 = b0[:len(c)], b1[:len(c)], b2[:len(c)], b3[:len(c)]
	for j := range c {
		c[j] += a0*b0[j] + a1*b1[j] + a2*b2[j] + a3*b3[j]
	}
}

//go:noinline
func dot4(c, a, b0, b1, b2, b3 []float32) {
	b0, b1, b2, b3 = b0[:len(a)], b1[:len(a)], b2[:len(a)], b3[:len(a)]
	var s0, s1, s2, s3 float32
	for i, v := range a {
		s0 += v * b0[i]
		s1 += v * b1[i]
		s2 += v * b2[i]
		s3 += v * b3[i]
	}
	c[0] += s0
	c[1] += s1
	c[2] += s2
	c[3] += s3
}

func goColumns(dst []float32, ldd int, src []float32, lds, rows, n int) {
	for i := range rows {
		for j, v := range src[i*lds:][:n] {
			dst[j*ldd+i] = v
		}
	}
}

func goCopyRows(dst []float32, ldd int, src []float32, lds, rows, n int) {
	for i := range rows {
		copy(dst[i*ldd:][:n], src[i*lds:])
	}
}
