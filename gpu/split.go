//go:build cgo && !nogpu

package gpu

import "iter"

// spans cuts n terms of a sum into ranges [first, last) of at most so many, one
// dispatch each: every invocation adds its own, in order, to what it has so
// far. A sum of no terms is one empty range.
func spans(n, most int) iter.Seq2[int, int] {
	return func(yield func(first, last int) bool) {
		for first := 0; ; first += most {
			last := min(first+most, n)
			if !yield(first, last) || last == n {
				return
			}
		}
	}
}

// What sums are cut for: enough invocations to fill a device, no slice so
// short that the second pass costs as much as the first, nor so many.
const (
	enoughInvocations = 1 << 18
	shortestSlice     = 32
	mostSlices        = 256
)

// A cut is a sum in slices of length terms each, summed side by side; sum_slices
// adds them.
type cut struct{ slices, length int }

// slice cuts the sums of so many outputs, of so many terms each, of which an
// invocation takes at most most.
func slice(outputs, terms, most int) cut {
	slices := min(mostSlices, ceilDiv(enoughInvocations, max(1, outputs)), ceilDiv(terms, shortestSlice))
	length := min(most, ceilDiv(terms, max(1, slices)))
	return cut{slices: max(1, ceilDiv(terms, max(1, length))), length: length}
}

// slices returns where the slices of dst, of n elements, go: a single one to
// dst itself. addSlices then adds them to dst.
func (d *Device) slices(op string, dst *memory, n int, c cut) *memory {
	if c.slices == 1 {
		return dst
	}
	return d.scratch(op, c.slices*n)
}

func (d *Device) addSlices(op string, dst, part *memory, n int, c cut) {
	if c.slices == 1 {
		return
	}
	d.sumSlices(op, dst, part, n, c.slices, 0, 1)
	d.release(part)
}

// sumSlices sets dst[i] = (Σ_z part[from + z·n + i]) / divisor.
func (d *Device) sumSlices(op string, dst, part *memory, n, slices, from int, divisor float32) {
	d.run(op, kernel{file: "sum_slices"}, job{over: n, turns: slices, buffers: []*memory{dst, part},
		ints: []int{n, slices, from}, reals: []float32{divisor}})
}

// Work groups that reduce have this many invocations, each of which takes at
// least so many elements.
const (
	reduceGroup  = 256
	reduceEach   = 16
	mostPieces   = 1024
	pieceOfGroup = reduceGroup * reduceEach
)

// pieces cuts n elements for work groups that reduce them.
func pieces(n int) cut {
	length := max(pieceOfGroup, ceilDiv(n, mostPieces))
	return cut{slices: max(1, ceilDiv(n, length)), length: length}
}
