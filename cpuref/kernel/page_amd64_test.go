//go:build linux && amd64

package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pages returns n elements whose last byte is the last before, or whose first
// byte is the first behind, a page that may not be touched.
func pages[T any](t *testing.T, n int, atEnd bool) []T {
	t.Helper()
	var e T
	size := n * int(unsafe.Sizeof(e))
	page := unix.Getpagesize()
	room := roundUp(size, page)
	b, err := unix.Mmap(-1, 0, room+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(b); err != nil {
			t.Error(err)
		}
	})
	for _, fence := range [][]byte{b[:page], b[page+room:]} {
		if err := unix.Mprotect(fence, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if atEnd {
		at += room - size
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[at])), n)
}

// fenced copies v to memory between forbidden pages.
func fenced[T any](t *testing.T, v []T, atEnd bool) []T {
	t.Helper()
	f := pages[T](t, len(v), atEnd)
	copy(f, v)
	return f
}

// A placement says where operands of a kernel lie: in ordinary memory, or
// between forbidden pages.
type placement struct {
	t      *testing.T
	fenced bool
	atEnd  bool
}

func place[T any](p placement, v []T) []T {
	if !p.fenced {
		return slices.Clone(v)
	}
	return fenced(p.t, v, p.atEnd)
}

// TestPageEnds runs every kernel of assembly on operands that are exactly as
// long as its comment says, and stand before and behind pages that may not be
// touched. A read or a write beside them ends the test; the results must be
// those from ordinary memory.
func TestPageEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	words := func(n, below int) []uint16 {
		w := make([]uint16, n)
		for i := range w {
			w[i] = uint16(rng.IntN(below))
		}
		return w
	}
	const tableRows = 9
	var cases []func(p placement) any

	// Forward, AVX-512 VBMI.
	if highest >= AVX512VBMI {
		for _, v := range []*vbmiKernels{&vbmi6, &vbmi7, &vbmi8, &vbmi7pair, &vbmi8pair} {
			for _, kc := range []int{v.group, 5 * v.group} {
				table, rows := randomCodes(rng, tableRows*2<<v.bits, 8), words(2*kc, tableRows)
				for i, f := range v.rows {
					panel := randomCodes(rng, kc*64<<i, v.bits)
					cases = append(cases, func(p placement) any {
						c := place(p, make([]int32, 64<<i))
						f(&c[0], &place(p, rows[:kc])[0], &place(p, panel)[0], &place(p, table)[0], kc)
						return slices.Clone(c)
					})
				}
				if v.pair == nil {
					continue
				}
				panel := randomCodes(rng, kc*128, v.bits)
				cases = append(cases, func(p placement) any {
					c := place(p, make([]int32, 2*128))
					v.pair(&c[0], 128, &place(p, rows)[0], kc, &place(p, panel)[0], &place(p, table)[0], kc)
					return slices.Clone(c)
				})
			}
		}
	}

	// Forward, AVX2.
	if highest >= AVX2 {
		for _, n := range []int{1, 2, 7} {
			codes, table := make([]uint64, n), words(4*rowLen*16, 1<<16)
			for i := range codes {
				codes[i] = rng.Uint64()
			}
			for _, first := range []int{0, 4} {
				cases = append(cases, func(p placement) any {
					sums := place(p, make([]uint16, n*32))
					rowSums16(&sums[0], &place(p, codes)[0], first, &place(p, table)[0], n)
					return slices.Clone(sums)
				})
			}
		}
		source := words(rowLen, 1<<16)
		cases = append(cases, func(p placement) any {
			src, dst := place(p, source), place(p, make([]uint16, rowLen*16))
			var rows [16]*uint16
			for i := range rows {
				rows[i] = &src[0]
			}
			transposeWords16(&dst[0], &rows, rowLen)
			return slices.Clone(dst)
		})
	}

	// Forward, AVX-512.
	if highest >= AVX512 {
		for _, v := range []*expandKernels{&expand8, &expand7, &expand8half, &expand7half} {
			for _, n := range []int{16, 48} {
				turns, codes := 2*v.together, 1<<v.bits
				table, columns := words(turns*codes*v.rows, 1<<16), randomCodes(rng, (turns-1)*(n+3)+n, v.bits)
				cases = append(cases, func(p placement) any {
					sums := place(p, make([]uint16, n*2*v.rows))
					v.sums(&sums[0], &place(p, columns)[0], n+3, &place(p, table)[0], turns, n)
					return slices.Clone(sums)
				})
			}
			sums := words(expandColumns*2*v.rows, 1<<16)
			for _, rows := range []int{1, 15, 16, v.rows/2 + 1, v.rows} {
				cases = append(cases, func(p placement) any {
					c := place(p, make([]int32, (rows-1)*20+expandColumns))
					v.spread(&c[0], 20, rows, &place(p, sums)[0])
					return slices.Clone(c)
				})
			}
		}
		source := words(rowLen, 1<<16)
		for _, n := range []int{16, rowLen} {
			cases = append(cases, func(p placement) any {
				src, dst := place(p, source[:n]), place(p, make([]uint16, n*32))
				var rows [32]*uint16
				for i := range rows {
					rows[i] = &src[0]
				}
				transposeWords32(&dst[0], &rows, n)
				return slices.Clone(dst)
			})
		}
	}

	// Gradients in 16 bits.
	for _, level := range Levels()[1:] {
		f := FloatsOf(level)
		if f.stored == nil {
			continue
		}
		const ldo = 37
		for _, dots := range f.stored.dots {
			const n = 32
			table, d := randomFloats(rng, 2*rowLen*dots.width), randomFloats(rng, n*dots.width)
			offsets := words(ldo+n, rowLen)
			for i := range offsets {
				offsets[i] *= 64
			}
			cases = append(cases, func(p placement) any {
				c := place(p, make([]float32, 40+n))
				dots.f(c, 40, place(p, d), place(p, offsets), ldo, place(p, table), n, 0.5)
				return slices.Clone(c)
			}, func(p placement) any {
				c := place(p, make([]float32, 2*StoredSumsWidth))
				f.stored.sums(c, place(p, d[:n*StoredSumsWidth]), place(p, offsets), ldo, place(p, table[:2*rowLen*StoredSumsWidth]), n)
				return slices.Clone(c)
			})
		}
		codes, entries := randomCodes(rng, 48, 8), make([]int16, rowLen)
		for i := range entries {
			entries[i] = int16(rng.IntN(1 << 16))
		}
		cases = append(cases, func(p placement) any {
			dst := place(p, make([]uint16, len(codes)))
			f.stored.offsets(dst, place(p, codes))
			return slices.Clone(dst)
		}, func(p placement) any {
			src, t := place(p, entries), place(p, make([]float32, 2*rowLen*16))
			var rows [32]*int16
			for i := range rows {
				rows[i] = &src[0]
			}
			f.stored.expand(t, 16, rowLen*16, &rows)
			return slices.Clone(t)
		})
		if f.rowSums == nil {
			continue
		}
		for i, kernel := range f.rowSums {
			lanes := 128 >> i
			for _, n := range []int{1, 3} {
				table, d := randomCodes(rng, 8*2*rowLen, 8), randomFloats(rng, (n-1)*(lanes+3)+lanes)
				codes, rows := randomCodes(rng, lanes, 8), randomCodes(rng, n, 3)
				cases = append(cases, func(p placement) any {
					c := place(p, make([]float32, lanes))
					kernel(c, place(p, codes), place(p, rows), place(p, d), lanes+3, place(p, table), 0.5)
					return slices.Clone(c)
				})
			}
		}
	}

	// Floats.
	for _, level := range Levels()[1:] {
		f := FloatsOf(level)
		for _, k := range []int{1, 2, 5} {
			a, b := randomFloats(rng, k*f.rows), randomFloats(rng, k*f.cols)
			cases = append(cases, func(p placement) any {
				c := place(p, make([]float32, f.rows*f.cols))
				f.product(c, f.cols, place(p, a), place(p, b), f.cols, k)
				return slices.Clone(c)
			})
			n := k * f.lanes
			a2, b2 := randomFloats(rng, f.dotRows*n), randomFloats(rng, dotCols*n)
			cases = append(cases, func(p placement) any {
				c := place(p, make([]float32, f.dotRows*dotCols))
				f.dots(c, dotCols, place(p, a2), n, place(p, b2), n, n)
				return slices.Clone(c)
			})
		}
		for _, n := range []int{1, 5, 7, 13, 15, 24, 31, 32} {
			rows := randomFloats(rng, 3*n)
			cases = append(cases, func(p placement) any {
				dst := place(p, make([]float32, 2*40+n))
				f.copyRows(dst, 40, place(p, rows), n, 3, n)
				return slices.Clone(dst)
			})
		}
		for i, group := range slices.Concat(f.groupSums, f.groupDots) {
			for _, n := range []int{1, 3, 40} {
				var g Groups
				g.Set(randomCodes(rng, n, 8))
				d, table, out := randomFloats(rng, n*group.width), randomFloats(rng, rowLen*group.width), n
				if i < len(f.groupSums) {
					out = group.width
				}
				cases = append(cases, func(p placement) any {
					fenced := g
					fenced.order = place(p, g.order)
					c := place(p, make([]float32, out))
					group.f(c, place(p, d), &fenced, place(p, table))
					return slices.Clone(c)
				})
			}
			table, rows := randomFloats(rng, tableRows*rowLen), words(group.width, tableRows)
			cases = append(cases, func(p placement) any {
				dst := place(p, make([]float32, rowLen*group.width))
				f.transpose(dst, group.width, place(p, table), rows, rowLen)
				return slices.Clone(dst)
			})
		}
	}

	// Elements.
	for _, level := range Levels()[1:] {
		e, n := ElementsOf(level), 48
		x, d, codes := randomFloats(rng, n), randomFloats(rng, n), randomCodes(rng, n, 8)
		ints := make([]int32, n)
		for i := range ints {
			ints[i] = int32(rng.Uint32())
		}
		floats := func(f func(p placement, y []float32)) {
			cases = append(cases, func(p placement) any {
				y := place(p, make([]float32, n))
				f(p, y)
				return slices.Clone(y)
			})
		}
		floats(func(p placement, y []float32) { e.Normalize(y, place(p, x), 1, 2, 3, 4) })
		floats(func(p placement, y []float32) { e.Infer(y, place(p, x), 1, 2, 3, 4) })
		floats(func(p placement, y []float32) { e.NormalizeBackward(y, place(p, d), place(p, x), 1, 2, 3, 4, 5) })
		floats(func(p placement, y []float32) { e.ReLU(y, place(p, x)) })
		floats(func(p placement, y []float32) { e.ReLUBackward(y, place(p, d), place(p, x)) })
		floats(func(p placement, y []float32) { e.Add(y, place(p, d), place(p, x)) })
		floats(func(p placement, y []float32) { e.Dequantize(y, place(p, codes), 2, 3) })
		floats(func(p placement, y []float32) {
			e.QuantizeBackward(y, place(p, d), place(p, x), 100, 128-0x4B400000, 255)
		})
		floats(func(p placement, y []float32) { e.DequantizeSums(y, place(p, ints), place(p, ints), 1, 2, 3) })
		floats(func(p placement, y []float32) {
			e.DequantizeSumsEach(y, place(p, ints), place(p, ints), place(p, ints), 2, 3)
		})
		cases = append(cases, func(p placement) any {
			sums := place(p, ints)
			e.AddCodes(sums, place(p, codes))
			e.AddInts(sums, place(p, ints))
			return slices.Clone(sums)
		}, func(p placement) any {
			code, wide := place(p, make([]uint8, n)), make([]int32, n)
			e.Quantize(code, place(p, x), 100, 128-0x4B400000, 255)
			for i, v := range code {
				wide[i] = int32(v)
			}
			return wide
		}, func(p placement) any {
			lo, hi, _ := e.Extremes(place(p, x))
			return []int32{lo, hi}
		}, func(p placement) any {
			sum, _ := e.Sum(place(p, x))
			squares, _ := e.Squares(place(p, x), 0.5)
			dy, hat, _ := e.SumsWithHat(place(p, d), place(p, x), 0.5, 2)
			return []float32{float32(sum), float32(squares), float32(dy), float32(hat)}
		})
	}

	for i, run := range cases {
		want := run(placement{t: t})
		for _, atEnd := range []bool{true, false} {
			got := run(placement{t: t, fenced: true, atEnd: atEnd})
			if !equalSlices(got, want) {
				t.Errorf("case %d, at the end of a page %v: results differ from those in ordinary memory", i, atEnd)
			}
		}
	}
}

// TestExpandTableEnd has the tables of row expansion end at a forbidden page while
// the columns behind the last, and the k behind the last, hold codes that the
// tables have no rows for.
func TestExpandTableEnd(t *testing.T) {
	if highest < AVX512 {
		t.Skip("no row expansion by AVX-512 on this machine")
	}
	const m, n = 3, 17
	rng := rand.New(rand.NewPCG(6, 6))
	mul := newMultiplier("", 7, 7, func(w, x int) int32 { return int32(w * x) })
	for _, v := range []*expandKernels{&expand7, &expand7half} {
		p := NewProducts(mul.all, 7, 7, Go)
		p.kernels = nil
		p.add(v.forward(AVX512, 1, 1, 0), mul.all)
		for _, k := range []int{expandGroup - 1, expandGroup} {
			w, x := randomCodes(rng, m*k, 7), Matrix{Code: randomCodes(rng, k*n, 7), LD: n}
			var packed Weights
			p.Pack(&packed, w, k, m, k)
			var s Scratch
			s.expand.table = pages[uint16](t, expandGroup*v.rows<<v.bits, true)
			s.panel = make([]uint8, 1<<13)
			for i := range s.panel {
				s.panel[i] = 1<<7 + 2
			}
			p.Sum(&s, &packed, 0, m, &x, 0, n)
		}
	}
}

func equalSlices(a, b any) bool {
	switch a := a.(type) {
	case []int32:
		return slices.Equal(a, b.([]int32))
	case []uint16:
		return slices.Equal(a, b.([]uint16))
	case []float32:
		return slices.Equal(a, b.([]float32))
	}
	return false
}
