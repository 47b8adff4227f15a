package cpuref

// A sequence is a tensor [N, C, L] of N·L tokens of C channels. CPU takes
// tokens in blocks of neighbours and walks through their channels in rows, the
// way they lie in memory.
type sequence struct{ N, C, L int }

// blockTokens is the least number of tokens in a block: rows of some cache
// lines.
const blockTokens = 64

// tokensPerPart returns how many tokens one part takes, those of an image at
// the most.
func (s sequence) tokensPerPart() int {
	return min(max(blockTokens, roundUp(piece/max(1, s.C), 16)), s.L)
}

// parts returns the number of parts.
func (s sequence) parts() int {
	if s.N*s.L == 0 {
		return 0
	}
	return s.N * ceilDiv(s.L, s.tokensPerPart())
}

// A block is some neighbouring tokens of one image.
type block struct {
	sequence
	n, l0, len int
}

// block returns that of part i.
func (s sequence) block(i int) block {
	each := ceilDiv(s.L, s.tokensPerPart())
	l0 := i % each * s.tokensPerPart()
	return block{s, i / each, l0, min(s.tokensPerPart(), s.L-l0)}
}

// row returns the elements of channel c in the elements x.
func (b block) row(x []float32, c int) []float32 { return x[(b.n*b.C+c)*b.L+b.l0:][:b.len] }

// tokensOf returns the block's part of a vector [N, L].
func tokensOf[T any](b block, v []T) []T { return v[b.n*b.L+b.l0:][:b.len] }
