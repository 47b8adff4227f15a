package lut

// rankPrimes are the two greatest primes below 2³¹.
var rankPrimes = [2]uint64{2147483647, 2147483629}

// Rank returns the rank of the table as a matrix over the rationals: the
// least r for which AM(W, X) = Σ_r u_r(W)·v_r(X) exactly. An exact multiplier
// has rank 1.
//
// It is the greater of the ranks modulo two primes near 2³¹. A rank modulo a
// prime never exceeds the rank over the rationals, and falls short of it only
// if the prime divides every minor of that order; that both do is possible in
// principle, and not seen.
func (t *Table) Rank() int {
	rank := 0
	for _, p := range rankPrimes {
		rank = max(rank, t.rankModulo(p))
	}
	return rank
}

// rankModulo returns the rank over the integers modulo p, by Gaussian
// elimination. p must be a prime below 2³², so that products fit a uint64.
func (t *Table) rankModulo(p uint64) int {
	rows, cols := t.w.Count(), t.x.Count()
	m := make([]uint64, rows*cols)
	for i, v := range t.p {
		r := int64(v) % int64(p)
		if r < 0 {
			r += int64(p)
		}
		m[i] = uint64(r)
	}
	row := func(i int) []uint64 { return m[i*cols:][:cols] }

	rank := 0
	for col := 0; col < cols && rank < rows; col++ {
		pivot := rank
		for pivot < rows && row(pivot)[col] == 0 {
			pivot++
		}
		if pivot == rows {
			continue
		}
		top := row(rank)
		if pivot != rank {
			for j, v := range row(pivot) {
				top[j], row(pivot)[j] = v, top[j]
			}
		}
		inverse := power(top[col], p-2, p) // Fermat
		for i := rank + 1; i < rows; i++ {
			r := row(i)
			if r[col] == 0 {
				continue
			}
			f := p - r[col]*inverse%p // adding f times top clears r[col]
			for j := col; j < cols; j++ {
				r[j] = (r[j] + f*top[j]) % p
			}
		}
		rank++
	}
	return rank
}

// power returns b^e modulo p.
func power(b, e, p uint64) uint64 {
	y := uint64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			y = y * b % p
		}
		b = b * b % p
	}
	return y
}
