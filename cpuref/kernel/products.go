package kernel

import (
	"math"
	"slices"
)

// rowLen is the length of a table row in the layouts of this package: all that
// a byte can index, so that no code needs a check. Entries behind the codes of
// a narrower activation are 0.
const rowLen = 256

// Products are the products of one multiplier in the layouts that the forward
// kernels of one level read. They do not change and may be shared.
//
// Products are stored less their least one, so that signed tables too have
// unsigned entries; the K·min that a sum of K of them lacks is put in where the
// sum begins. Behind the row of the last weight stands a null row of zeros.
// Kernels that take several rows or several k at a time read it where the
// matrix ends: it adds nothing to a sum, whatever the columns hold.
type Products struct {
	null int   // index of the null row, the number of weights
	bits int   // of the activation
	min  int32 // least product
	span int64 // greatest product − min

	kernels []*forward // that are exact on this table, the best first

	row16 []uint16 // [null+1, rowLen], if span < 2¹⁶
	row32 []uint32 // the same, if not
	split []uint8  // [null+1, …], of the VBMI kernels
}

// A forward is one way to sum products.
type forward struct {
	name  string
	level Level

	// strip is the greatest number of columns of a tile, a multiple of 64.
	// Below minRows × minCols another kernel is faster, and where less than three
	// quarters of the rows that it takes, unit at a time, are there. 0 is any unit.
	strip, minRows, minCols, unit int

	// fits reports whether the kernel is exact on the table.
	fits func(p *Products) bool

	// layout builds what tile reads.
	layout func(p *Products, all []int32)

	// tile adds Σ_k (AM(W[m0+i,k], X[k,n0+j]) − min) to s.tile[i*stride+j],
	// i < m, j < n, j's columns up to a multiple of 64 being scratch.
	tile func(p *Products, s *Scratch, stride int, w *Weights, m0, m int, x Columns, n0, n int)
}

// NewProducts lays the products all[w<<xBits|x] of codes w < 2^wBits, x <
// 2^xBits, out for the kernels up to the given level. Operands have at most 8
// bits.
func NewProducts(all []int32, wBits, xBits int, level Level) *Products {
	least, greatest := slices.Min(all), slices.Max(all)
	p := &Products{null: 1 << wBits, bits: xBits, min: least, span: int64(greatest) - int64(least)}
	for _, f := range slices.Concat(archForwards(), goForwards) {
		if f.level <= level && f.fits(p) {
			p.add(f, all)
			if f.minRows <= 1 && f.minCols <= 1 {
				break
			}
		}
	}
	return p
}

func (p *Products) add(f *forward, all []int32) {
	f.layout(p, all)
	p.kernels = append(p.kernels, f)
}

// kernelFor returns the best kernel for m rows and n columns.
func (p *Products) kernelFor(m, n int) *forward {
	for _, f := range p.kernels {
		if m >= f.minRows && n >= f.minCols && (f.unit == 0 || 4*m >= 3*roundUp(m, f.unit)) {
			return f
		}
	}
	panic("kernel: no forward kernel takes every shape") // the last of goForwards does
}

// Kernel names the kernel that sums m rows and n columns.
func (p *Products) Kernel(m, n int) string { return p.kernelFor(m, n).name }

// Strip returns the greatest number of columns that a tile of m rows of a
// matrix with n columns may have.
func (p *Products) Strip(m, n int) int { return p.kernelFor(m, n).strip }

// layout16 fills row16.
func (p *Products) layout16(all []int32) {
	if p.row16 != nil {
		return
	}
	p.row16 = make([]uint16, (p.null+1)*rowLen)
	for i, v := range all {
		p.row16[i>>p.bits*rowLen+i&(1<<p.bits-1)] = uint16(v - p.min)
	}
}

func (p *Products) row(w uint16) *[rowLen]uint16 {
	return (*[rowLen]uint16)(p.row16[int(w)*rowLen:])
}

// fits16 is the exactness condition of all kernels that read 16-bit products.
func fits16(p *Products) bool { return p.span <= math.MaxUint16 }

// layout32 fills row32. Entries are modulo 2³², as is the sum of them and
// K·min; the sum of K ≤ MaxK products fits an int32, so it is exact.
func (p *Products) layout32(all []int32) {
	p.row32 = make([]uint32, (p.null+1)*rowLen)
	for i, v := range all {
		p.row32[i>>p.bits*rowLen+i&(1<<p.bits-1)] = uint32(v - p.min)
	}
}

// Weights are a matrix W[M,K] of codes, packed as indices of table rows.
type Weights struct {
	M, K int
	ld   int      // K up to a multiple of groupK; the indices behind K are null
	row  []uint16 // [M+1, ld]; the last is a row of null indices
}

// Kernels take k in groups of at most groupK.
const groupK = 8

// Pack sets w to the codes W[i,j] = code[i*ld+j], i < m, j < k.
func (p *Products) Pack(w *Weights, code []uint8, ld, m, k int) {
	w.M, w.K, w.ld = m, k, roundUp(k, groupK)
	w.row = resize(w.row, (m+1)*w.ld)
	for i := range w.row {
		w.row[i] = uint16(p.null)
	}
	for i := range m {
		dst := w.row[i*w.ld:][:k]
		for j, c := range code[i*ld:][:k] {
			dst[j] = uint16(c)
		}
	}
}

// indices returns the table rows of row i of a block of rows that ends at end:
// null ones from there on.
func (w *Weights) indices(i, end int) []uint16 {
	if i >= end {
		i = w.M
	}
	return w.row[i*w.ld:][:w.ld]
}

// A Columns is a matrix X[K,N] of codes that can write out any block of itself.
type Columns interface {
	// Block sets dst[i*stride+j] = X[k0+i, n0+j] for i < k, j < n.
	Block(dst []uint8, stride, k0, k, n0, n int)
}

// A Matrix is a Columns in memory, X[k,n] = Code[k*LD+n].
type Matrix struct {
	Code []uint8
	LD   int
}

// Block implements [Columns].
func (x *Matrix) Block(dst []uint8, stride, k0, k, n0, n int) {
	for i := range k {
		copy(dst[i*stride:][:n], x.Code[(k0+i)*x.LD+n0:])
	}
}

// A Scratch is the memory that one goroutine's kernels work in. It grows to
// what they need and is then reused. The zero value is ready.
type Scratch struct {
	tile  []int32
	panel []uint8  // a block of columns
	index []uint64 // the same, eight k of a column in a word
	swar  swarScratch
	avx2  avx2Scratch

	expand expandScratch
}

// An expandScratch is that of expandKernels.
type expandScratch struct {
	sums  []uint16   // R and H
	table []uint16   // [group, codes, rows]
	rows  [][]uint16 // of weights
	at    []*uint16  // rows of products
}

// An avx2Scratch is that of avx2Forward.
type avx2Scratch struct {
	sums  []uint16 // [n, 2, 16], R and H
	table []uint16 // [avx2Group, 256, 16]
}

// Sum returns the tile T[i,j] = Σ_k AM(W[m0+i,k], X[k,n0+j]), i < m, j < n, as
// tile[i*stride+j]. n is at most [Products.Strip]. The tile is the scratch's
// and lasts until its next use.
func (p *Products) Sum(s *Scratch, w *Weights, m0, m int, x Columns, n0, n int) (tile []int32, stride int) {
	stride = roundUp(n, 64)
	s.tile = resize(s.tile, m*stride)
	first := int32(w.K) * p.min
	clear(s.tile)
	if first != 0 {
		for i := range s.tile {
			s.tile[i] = first
		}
	}
	p.kernelFor(m, n).tile(p, s, stride, w, m0, m, x, n0, n)
	return s.tile, stride
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// resize returns s with length n and any content.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
