package kernel

// archFloats returns the kernels of a level, nil if it has none of its own.
func archFloats(level Level) *Floats {
	switch {
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
	transpose: func(dst []float32, width int, table []float32, rows []uint16, n int) {
		var at [16]*float32
		for r := 0; r < width; r += len(at) {
			for i := range at {
				at[i] = &table[int(rows[r+i])*rowLen]
			}
			transpose16(&dst[r], width, &at, n)
		}
	},
	copyRows: asmCopyRows,
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
	transpose: func(dst []float32, width int, table []float32, rows []uint16, n int) {
		var at [8]*float32
		for r := 0; r < width; r += len(at) {
			for i := range at {
				at[i] = &table[int(rows[r+i])*rowLen]
			}
			transpose8(&dst[r], width, &at, n)
		}
	},
	copyRows: asmCopyRows,
}

func asmGroup(width int, f func(c, d *float32, order *uint16, start *uint32, t *float32)) groupKernel {
	return groupKernel{width, func(c, d []float32, g *Groups, t []float32) {
		f(&c[0], &d[0], &g.order[0], &g.start[0], &t[0])
	}}
}

func asmCopyRows(dst []float32, ldd int, src []float32, lds, rows, n int) {
	if n%8 != 0 {
		goCopyRows(dst, ldd, src, lds, rows, n)
		return
	}
	copyRows8(&dst[0], ldd, &src[0], lds, rows, n)
}
