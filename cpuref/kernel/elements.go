package kernel

// Elements are the kernels of one level that work element by element or sum
// elements. They do not change and may be shared.
//
// Each method does the first elements, as many as fill whole vectors, and returns
// their number, 0 where the level has no kernels: the caller has a plain loop for
// the rest. Elements are those of that loop, bit for bit. All slices are as long
// as the first.
type Elements struct {
	mask int // takes a number of elements down to whole vectors, all of them to 0 where there are none

	quantize           func(code *uint8, x *float32, inv float32, offset, top int32, n int)
	quantizeBackward   func(dx, dy, x *float32, inv float32, offset, top int32, n int)
	dequantize         func(y *float32, code *uint8, scale float32, offset int32, n int)
	dequantizeSums     func(y *float32, acc, sumX *int32, constant, zero int32, scale float32, n int)
	dequantizeSumsEach func(y *float32, acc, sumX, constant *int32, zero int32, scale float32, n int)
	addCodes           func(sums *int32, codes *uint8, n int)
	addInts            func(sums, x *int32, n int)
	extremes           func(x *float32, n int) (least, greatest int32)

	sum               func(x *float32, n int) float64
	squares           func(x *float32, mu float64, n int) float64
	sumsWithHat       func(dy, x *float32, mu, r float32, n int) (sum, sumHat float64)
	normalize         func(y, x *float32, gamma, beta, mu, r float32, n int)
	infer             func(y, x *float32, gamma, beta, mean, deviation float32, n int)
	normalizeBackward func(dx, dy, x *float32, scale, mu, r, meanDy, meanDyHat float32, n int)

	relu         func(y, x *float32, n int)
	reluBackward func(dx, dy, y *float32, n int)
	add          func(y, a, b *float32, n int)
}

// ElementsOf returns the kernels of a level, which this machine must have.
func ElementsOf(level Level) *Elements {
	if e := archElements(level); e != nil {
		return e
	}
	return new(Elements)
}

// Quantize sets code = clamp(bits(x·inv + 1.5·2²³) + offset, 0, top), 0 for NaN. bits are
// those of a float32 as an integer, thus bits(1.5·2²³) + roundEven(v) within ±2²²;
// offset + bits(1.5·2²³) and top lie within ±2²⁰.
func (e *Elements) Quantize(code []uint8, x []float32, inv float32, offset, top int) int {
	n := len(code) & e.mask
	if n > 0 {
		e.quantize(&code[0], first(x, n), inv, int32(offset), int32(top), n)
	}
	return n
}

// QuantizeBackward sets dx = dy where bits(x·inv + 1.5·2²³) + offset lies in [0, top],
// else 0. See Quantize.
func (e *Elements) QuantizeBackward(dx, dy, x []float32, inv float32, offset, top int) int {
	n := len(dx) & e.mask
	if n > 0 {
		e.quantizeBackward(&dx[0], first(dy, n), first(x, n), inv, int32(offset), int32(top), n)
	}
	return n
}

// Dequantize sets y = scale·float32(code + offset).
func (e *Elements) Dequantize(y []float32, code []uint8, scale float32, offset int) int {
	n := len(y) & e.mask
	if n > 0 {
		e.dequantize(&y[0], first(code, n), scale, int32(offset), n)
	}
	return n
}

// DequantizeSums sets y = float32(acc + constant − zero·sumX)·scale.
func (e *Elements) DequantizeSums(y []float32, acc, sumX []int32, constant, zero int32, scale float32) int {
	n := len(y) & e.mask
	if n > 0 {
		e.dequantizeSums(&y[0], first(acc, n), first(sumX, n), constant, zero, scale, n)
	}
	return n
}

// DequantizeSumsEach is DequantizeSums with a constant for each element.
func (e *Elements) DequantizeSumsEach(y []float32, acc, sumX, constant []int32, zero int32, scale float32) int {
	n := len(y) & e.mask
	if n > 0 {
		e.dequantizeSumsEach(&y[0], first(acc, n), first(sumX, n), first(constant, n), zero, scale, n)
	}
	return n
}

// AddCodes adds codes to sums.
func (e *Elements) AddCodes(sums []int32, codes []uint8) int {
	n := len(sums) & e.mask
	if n > 0 {
		e.addCodes(&sums[0], first(codes, n), n)
	}
	return n
}

// AddInts adds x to sums.
func (e *Elements) AddInts(sums, x []int32) int {
	n := len(sums) & e.mask
	if n > 0 {
		e.addInts(&sums[0], first(x, n), n)
	}
	return n
}

// Extremes returns the least and the greatest of the bits of x, mapped to integers
// that compare as the floats do: b ^ (b>>31)&MaxInt32. They are those of none if n is 0.
func (e *Elements) Extremes(x []float32) (least, greatest int32, n int) {
	n = len(x) & e.mask
	if n == 0 {
		return 1<<31 - 1, -1 << 31, 0
	}
	least, greatest = e.extremes(&x[0], n)
	return least, greatest, n
}

// Sum returns Σ x in float64.
func (e *Elements) Sum(x []float32) (sum float64, n int) {
	if n = len(x) & e.mask; n > 0 {
		sum = e.sum(&x[0], n)
	}
	return sum, n
}

// Squares returns Σ (x−mu)² in float64.
func (e *Elements) Squares(x []float32, mu float64) (sum float64, n int) {
	if n = len(x) & e.mask; n > 0 {
		sum = e.squares(&x[0], mu, n)
	}
	return sum, n
}

// SumsWithHat returns Σ dy and Σ dy·x̂ in float64, x̂ = (x−mu)·r in float32.
func (e *Elements) SumsWithHat(dy, x []float32, mu, r float32) (sum, sumHat float64, n int) {
	if n = len(dy) & e.mask; n > 0 {
		sum, sumHat = e.sumsWithHat(&dy[0], first(x, n), mu, r, n)
	}
	return sum, sumHat, n
}

// Normalize sets y = gamma·(x−mu)·r + beta.
func (e *Elements) Normalize(y, x []float32, gamma, beta, mu, r float32) int {
	n := len(y) & e.mask
	if n > 0 {
		e.normalize(&y[0], first(x, n), gamma, beta, mu, r, n)
	}
	return n
}

// Infer sets y = gamma·(x−mean)/deviation + beta.
func (e *Elements) Infer(y, x []float32, gamma, beta, mean, deviation float32) int {
	n := len(y) & e.mask
	if n > 0 {
		e.infer(&y[0], first(x, n), gamma, beta, mean, deviation, n)
	}
	return n
}

// NormalizeBackward sets dx = scale·(dy − meanDy − x̂·meanDyHat), x̂ = (x−mu)·r.
func (e *Elements) NormalizeBackward(dx, dy, x []float32, scale, mu, r, meanDy, meanDyHat float32) int {
	n := len(dx) & e.mask
	if n > 0 {
		e.normalizeBackward(&dx[0], first(dy, n), first(x, n), scale, mu, r, meanDy, meanDyHat, n)
	}
	return n
}

// ReLU sets y = max(x, 0), 0 for −0; NaN stays.
func (e *Elements) ReLU(y, x []float32) int {
	n := len(y) & e.mask
	if n > 0 {
		e.relu(&y[0], first(x, n), n)
	}
	return n
}

// ReLUBackward sets dx = dy where y > 0, else 0.
func (e *Elements) ReLUBackward(dx, dy, y []float32) int {
	n := len(dx) & e.mask
	if n > 0 {
		e.reluBackward(&dx[0], first(dy, n), first(y, n), n)
	}
	return n
}

// Add sets y = a + b.
func (e *Elements) Add(y, a, b []float32) int {
	n := len(y) & e.mask
	if n > 0 {
		e.add(&y[0], first(a, n), first(b, n), n)
	}
	return n
}

// first returns a pointer to the first of at least n elements of s.
func first[T any](s []T, n int) *T {
	_ = s[n-1]
	return &s[0]
}
