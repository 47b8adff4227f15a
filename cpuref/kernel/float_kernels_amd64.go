package kernel

// archFloats returns the kernels of a level, nil if it has none of its own.
func archFloats(level Level) *Floats {
	switch {
	case level >= AVX512VBMI:
		return &vbmiFloats
	case level >= AVX512:
		return &avx512Floats
	case level >= AVX2:
		return &avx2Floats
	}
	return nil
}

var avx512Floats = Floats{
	rows: 12, cols: 32,
	product: func(c []float32, ldc int, a, b []float32, ldb, k int) {
		product12x32(&c[0], ldc, &a[0], &b[0], ldb, k)
	},
	dotRows: 6, lanes: 16,
	dots: func(c []float32, ldc int, a []float32, lda int, b []float32, ldb, n int) {
		dots6x4by16(&c[0], ldc, &a[0], lda, &b[0], ldb, n)
	},
	groupSums: []groupKernel{asmGroup(64, groupSums64by16), asmGroup(32, groupSums32by16)},
	groupDots: []groupKernel{asmGroup(128, groupDots128by16), asmGroup(64, groupDots64by16), asmGroup(32, groupDots32by16)},
	columns:   asmColumns,
	transpose: func(dst []float32, width int, table []float32, rows []uint16, n int) {
		var at [16]*float32
		for r := 0; r < width; r += len(at) {
			for i := range at {
				at[i] = &table[int(rows[r+i])*rowLen]
			}
			transpose16(&dst[r], width, &at, n)
		}
	},
	copyRows: asmCopyRows16,
	stored: &storedKernels{
		dots: []storedDots{asmStoredDots(32, storedDots32x2), asmStoredDots(16, storedDots16x2)},
		sums: func(c, d []float32, offsets []uint16, ldo int, t []float32, n int) {
			storedSums16x2(&c[0], &d[0], &offsets[0], ldo, &t[0], n)
		},
		offsets: func(dst []uint16, codes []uint8) { offsets16(&dst[0], &codes[0], len(codes)) },
		expand: func(t []float32, ldt, half int, rows *[32]*int16) {
			expandFloats32(&t[0], ldt, half, rows)
		},
	},
}

// vbmiFloats adds what VBMI has to offer to avx512Floats.
var vbmiFloats = func() Floats {
	f := avx512Floats
	f.rowSums = &[2]rowKernel{asmPlanes(planeSums128), asmPlanes(planeSums64)}
	return f
}()

func asmPlanes(f func(c *float32, codes, rows *uint8, d *float32, ldd int, table *uint8, n int, unit float32)) rowKernel {
	return func(c []float32, codes, rows []uint8, d []float32, ldd int, table []uint8, unit float32) {
		f(&c[0], &codes[0], &rows[0], &d[0], ldd, &table[0], len(rows), unit)
	}
}

func asmStoredDots(width int, f func(c *float32, ldc int, d *float32, offsets *uint16, ldo int, t *float32, n int, unit float32)) storedDots {
	return storedDots{width, func(c []float32, ldc int, d []float32, offsets []uint16, ldo int, t []float32, n int, unit float32) {
		f(&c[0], ldc, &d[0], &offsets[0], ldo, &t[0], n, unit)
	}}
}

var avx2Floats = Floats{
	rows: 6, cols: 16,
	product: func(c []float32, ldc int, a, b []float32, ldb, k int) {
		product6x16(&c[0], ldc, &a[0], &b[0], ldb, k)
	},
	dotRows: 2, lanes: 8,
	dots: func(c []float32, ldc int, a []float32, lda int, b []float32, ldb, n int) {
		dots2x4by8(&c[0], ldc, &a[0], lda, &b[0], ldb, n)
	},
	groupSums: []groupKernel{asmGroup(64, groupSums64by8), asmGroup(32, groupSums32by8), asmGroup(16, groupSums16by8)},
	groupDots: []groupKernel{asmGroup(64, groupDots64by8), asmGroup(32, groupDots32by8), asmGroup(16, groupDots16by8)},
	columns:   goColumns,
	transpose: func(dst []float32, width int, table []float32, rows []uint16, n int) {
		var at [8]*float32
		for r := 0; r < width; r += len(at) {
			for i := range at {
				at[i] = &table[int(rows[r+i])*rowLen]
			}
			transpose8(&dst[r], width, &at, n)
		}
	},
	copyRows: asmCopyRows8,
}

func asmGroup(width int, f func(c, d *float32, order *uint16, start *uint32, t *float32)) groupKernel {
	return groupKernel{width, func(c, d []float32, g *Groups, t []float32) {
		f(&c[0], &d[0], &g.order[0], &g.start[0], &t[0])
	}}
}

func asmCopyRows8(dst []float32, ldd int, src []float32, lds, rows, n int) {
	whole := n &^ 7
	if whole > 0 {
		copyRows8(&dst[0], ldd, &src[0], lds, rows, whole)
	}
	if whole < n {
		copyShortRows8(&dst[whole], ldd, &src[whole], lds, rows, n-whole)
	}
}

func asmCopyRows16(dst []float32, ldd int, src []float32, lds, rows, n int) {
	whole := n &^ 15
	if whole > 0 {
		copyRows16(&dst[0], ldd, &src[0], lds, rows, whole)
	}
	if whole < n {
		copyShortRows16(&dst[whole], ldd, &src[whole], lds, rows, n-whole)
	}
}

// asmColumns transposes blocks of 16×16.
func asmColumns(dst []float32, ldd int, src []float32, lds, rows, n int) {
	if rows%16 != 0 || n%16 != 0 {
		goColumns(dst, ldd, src, lds, rows, n)
		return
	}
	for i := 0; i < rows; i += 16 {
		var at [16]*float32
		for r := range at {
			at[r] = &src[(i+r)*lds]
		}
		transpose16(&dst[i], ldd, &at, n)
	}
}
