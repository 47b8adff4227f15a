package lut

// bamFamily is the broken-array multiplier: an array multiplier, a row of cells
// for each bit of the activation, without the cells right of a vertical and
// above a horizontal break,
//
//	AM(W, X) = Σ_{i+j ≥ v, j ≥ h} w_i·x_j·2^(i+j)
//
// so that v cuts the v least significant columns and h the rows of the h least
// significant bits of the activation. H. R. Mahdiani, A. Ahmadi, S. M. Fakhraie
// and C. Lucas, "Bio-Inspired Imprecise Computational Blocks for Efficient VLSI
// Implementation of Soft-Computing Applications", IEEE Transactions on Circuits
// and Systems I 57(4), 2010, pp. 850–862, Section III-B (VBL = v, HBL = h).
//
// In a signed array the cells of the sign bits stay, as there: only products of
// two value bits are cut.
var bamFamily = family{
	name: "bam",
	params: []param{
		{name: "v", required: true, limits: func(w, x Operand) (lo, hi int) { return 0, w.Bits + x.Bits - 2 }},
		{name: "h", required: true, limits: func(w, x Operand) (lo, hi int) { return 0, x.Bits - 1 }},
	},
	build: func(w, x Operand, p map[string]int) (func(W, X int) int, error) {
		v, h := p["v"], p["h"]
		return func(W, X int) int {
			return int(brokenArray(int64(W), int64(X), valueBits(w), valueBits(x), v, h))
		}, nil
	},
}

// brokenArray returns W·X less the partial products that the breaks cut among
// the wbits×xbits products of value bits.
func brokenArray(W, X int64, wbits, xbits, v, h int) int64 {
	value := uint64(W) & (1<<wbits - 1)
	dropped := uint64(0)
	for j := range xbits {
		if uint64(X)>>j&1 == 0 {
			continue
		}
		cut := uint64(0) // the bits of the weight that row j loses
		switch {
		case j < h:
			cut = value
		case j < v:
			cut = value & (1<<(v-j) - 1)
		}
		dropped += cut << j
	}
	return W*X - int64(dropped)
}
