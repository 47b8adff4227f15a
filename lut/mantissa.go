package lut

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
)

// MaxMantissaBits bounds the width of a [Mantissa]: a byte of its file holds a
// carry and that many bits.
const MaxMantissaBits = 7

// A Mantissa is the mantissa multiplier of an approximate floating-point
// multiplier. For operands (1 + a/2^M)·2^ea and (1 + b/2^M)·2^eb it tabulates
//
//	(1 + a/2^M)·(1 + b/2^M) ≈ (1 + m/2^M)·2^carry
//
// with M bits of m, over all a and b. Sign and exponent are exact: the product
// of normal numbers has the sign s_a XOR s_b and the exponent ea + eb + carry,
// less the bias, 127 of bfloat16 (M = 7); it is zero if an exponent is 0 or the
// sum underflows.
//
// It is not a [Table]: its operands are floats, where a Table stands for
// products of the integers to which a network is quantized. Retraining needs
// the latter.
type Mantissa struct {
	name string
	bits int
	p    []byte // [a<<bits | b]: bit 7 the carry, the low bits m
}

// newMantissa returns the multiplier of 2^bits × 2^bits mantissas whose products
// are p, [a<<bits | b]. It keeps p.
func newMantissa(name string, bits int, p []byte) (*Mantissa, error) {
	for i, v := range p {
		if v&0x7f>>bits != 0 {
			return nil, fmt.Errorf("product %#02x at a = %d, b = %d, want a carry in bit 7 and a mantissa below %#x", v, i>>bits, i&(1<<bits-1), 1<<bits)
		}
	}
	return &Mantissa{name: name, bits: bits, p: p}, nil
}

// LoadMantissa reads an ApproxTrain file. Faults of it are reported as a
// *FormatError.
func LoadMantissa(path string) (*Mantissa, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lut: %w", err)
	}
	defer file.Close()
	m, err := readMantissa(file, path)
	if err != nil {
		return nil, fmt.Errorf("lut: approxtrain: %w", err)
	}
	return m, nil
}

// Name returns the name that m was made under.
func (m *Mantissa) Name() string { return m.name }

// Bits returns M, the width of the mantissas without their leading one.
func (m *Mantissa) Bits() int { return m.bits }

// SHA256 returns the identity of m in lower-case hexadecimal: the digest of the
// byte M followed by the products.
func (m *Mantissa) SHA256() string {
	sum := sha256.Sum256(append([]byte{byte(m.bits)}, m.p...))
	return hex.EncodeToString(sum[:])
}

// Significand returns the product of the significands 1 + a/2^M and 1 + b/2^M
// in units of 2^-M, a number in [2^M, 2^(M+2)).
func (m *Mantissa) Significand(a, b int) int {
	v := m.p[a<<m.bits|b]
	return (1<<m.bits | int(v&0x7f)) << (v >> 7)
}

// Commutative reports whether the operands may be swapped.
func (m *Mantissa) Commutative() bool {
	n := 1 << m.bits
	for a := range n {
		for b := range a {
			if m.p[a<<m.bits|b] != m.p[b<<m.bits|a] {
				return false
			}
		}
	}
	return true
}

// MantissaMetrics say how far a [Mantissa] is from the exact product of two
// significands, over all pairs alike.
type MantissaMetrics struct {
	ER      float64 `json:"er"`       // share of pairs that are not the exact product cut off after M bits
	MRED    float64 `json:"mred"`     // mean |error|/exact
	WCRE    float64 `json:"wcre"`     // greatest |error|/exact
	RelBias float64 `json:"rel_bias"` // mean error/exact
}

// Metrics returns the error metrics of m. The relative error of a significand
// is that of the floating-point product.
func (m *Mantissa) Metrics() MantissaMetrics {
	var s MantissaMetrics
	n := 1 << m.bits
	for a := range n {
		for b := range n {
			exact := (n + a) * (n + b) // in units of 2^-2M
			carry := 0
			if exact >= 2*n*n {
				carry = 1
			}
			got := m.Significand(a, b)
			if got != exact>>(m.bits+carry)<<carry {
				s.ER++
			}
			e := float64(got*n-exact) / float64(exact)
			s.MRED += math.Abs(e)
			s.WCRE = max(s.WCRE, math.Abs(e))
			s.RelBias += e
		}
	}
	pairs := float64(len(m.p))
	s.ER /= pairs
	s.MRED /= pairs
	s.RelBias /= pairs
	return s
}
