package lut

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// approxTrainFormat is the binary table of ApproxTrain (Gong, Saadat, Gamaarachchi,
// Javaid, Hu and Parameswaran, TCAD 2023), NAME_M.bin, without a header:
//
//	0 - 4^M−1  products of mantissas (uint8), [a<<M | b]: bit 7 the carry into
//	           the exponent, the low M bits the mantissa
//
// It is a [Mantissa], which [LoadMantissa] returns. [Load] reads it too, for its
// faults, and refuses it: see [ErrFloatingPoint]. M comes from the size of the
// file, never from its name.
var approxTrainFormat = Format{
	Name: "approxtrain",
	Detect: func(path string, head []byte) bool {
		return filepath.Ext(path) == ".bin" && mantissaBits(fileSize(path)) > 0
	},
	Read: func(r io.Reader, path string, o LoadOptions) (*Loaded, error) {
		m, err := readMantissa(r, path)
		if err != nil {
			return nil, err
		}
		return nil, &FormatError{Path: path, Err: fmt.Errorf("%w (mantissas of %d bits)", ErrFloatingPoint, m.bits)}
	},
}

// ErrFloatingPoint is wrapped by [Load] for an ApproxTrain file.
var ErrFloatingPoint = errors.New("a floating-point multiplier, which multiplies mantissas and not the integers of a quantized network: " +
	"lut info shows it, retraining needs a table of integer products")

// mantissaBits returns M of a file of 4^M bytes, or 0.
func mantissaBits(size int64) int {
	for bits := 1; bits <= MaxMantissaBits; bits++ {
		if size == 1<<(2*bits) {
			return bits
		}
	}
	return 0
}

func readMantissa(r io.Reader, path string) (*Mantissa, error) {
	fault := func(err error) (*Mantissa, error) { return nil, &FormatError{Path: path, Err: err} }
	const limit = 1 << (2 * MaxMantissaBits)
	data, err := readBounded(r, limit)
	if err != nil {
		return fault(err)
	}
	bits := mantissaBits(int64(len(data)))
	if bits == 0 {
		return fault(fmt.Errorf("%d bytes, want 4^M for a mantissa of M = 1 to %d bits", len(data), MaxMantissaBits))
	}
	m, err := newMantissa(nameFromPath(path), bits, data)
	if err != nil {
		return fault(err)
	}
	return m, nil
}
