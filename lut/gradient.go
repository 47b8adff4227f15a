package lut

import (
	"fmt"
	"math"
)

// A Form is one of the two shapes in which a gradient reaches a backend.
type Form uint8

const (
	Full     Form = iota // a value for every pair of operands
	Factored             // Σ_r u_r(W)·v_r(X)
)

func (f Form) String() string {
	if f == Factored {
		return "factored"
	}
	return "full"
}

// A Storage is the precision in which a Full gradient is kept. It is part of
// the gradient's definition: every backend reads the same stored values.
type Storage uint8

const (
	// Int16 keeps roundEven(g/scale) with one float32 scale for the whole
	// table, max|g|/32767; the value is float32(stored)·scale.
	Int16 Storage = iota
	// Float32 keeps the values as they are.
	Float32
)

func (s Storage) String() string {
	if s == Float32 {
		return "float32"
	}
	return "int16"
}

// A Gradient is ∂AM/∂W or ∂AM/∂X over all operands, in product units per
// operand unit.
type Gradient struct {
	form    Form
	storage Storage
	w, x    Operand
	full    []float32 // Full: value of every pair, in the index order of a Table
	stored  []int16   // Full with Int16 storage: full[i] = float32(stored[i])·scale
	scale   float32
	rank    int
	u, v    []float32 // Factored: [rank, 2^Bw] and [rank, 2^Bx]
}

// NewFull returns a gradient in Full form. g has the layout of a [Table]; it
// is rounded to storage once, here, and not retained.
func NewFull(w, x Operand, g []float32, storage Storage) (*Gradient, error) {
	if err := checkGradient(w, x, g, w.Count()*x.Count()); err != nil {
		return nil, err
	}
	if storage == Float32 {
		return &Gradient{form: Full, storage: Float32, w: w, x: x, full: append([]float32(nil), g...)}, nil
	}
	var top float32
	for _, v := range g {
		top = max(top, v, -v)
	}
	scale := top / 32767
	stored := make([]int16, len(g))
	if scale > 0 {
		for i, v := range g {
			stored[i] = int16(min(32767, max(-32767, math.RoundToEven(float64(v/scale)))))
		}
	}
	return NewFullInt16(w, x, stored, scale)
}

// NewFullInt16 returns the Full gradient with values float32(stored)·scale.
// It retains stored.
func NewFullInt16(w, x Operand, stored []int16, scale float32) (*Gradient, error) {
	full := make([]float32, len(stored))
	for i, q := range stored {
		full[i] = float32(q) * scale
	}
	if err := checkGradient(w, x, full, w.Count()*x.Count()); err != nil {
		return nil, err
	}
	return &Gradient{form: Full, storage: Int16, w: w, x: x, full: full, stored: stored, scale: scale}, nil
}

// NewFactored returns Σ_r u_r(W)·v_r(X). u is [rank, 2^Bw] and v is
// [rank, 2^Bx], both indexed by code. It copies both.
func NewFactored(w, x Operand, rank int, u, v []float32) (*Gradient, error) {
	if rank < 1 || rank > min(w.Count(), x.Count()) {
		return nil, fmt.Errorf("lut: gradient of rank %d, want 1 to %d", rank, min(w.Count(), x.Count()))
	}
	if err := checkGradient(w, x, u, rank*w.Count()); err != nil {
		return nil, err
	}
	if err := checkGradient(w, x, v, rank*x.Count()); err != nil {
		return nil, err
	}
	return &Gradient{form: Factored, storage: Float32, w: w, x: x, rank: rank,
		u: append([]float32(nil), u...), v: append([]float32(nil), v...)}, nil
}

func checkGradient(w, x Operand, g []float32, want int) error {
	for _, o := range []Operand{w, x} {
		if err := o.Valid(); err != nil {
			return fmt.Errorf("lut: gradient: %w", err)
		}
	}
	if len(g) != want {
		return fmt.Errorf("lut: gradient of %d values, want %d for a %v×%v multiplier", len(g), want, w, x)
	}
	for i, v := range g {
		if v != v || math.IsInf(float64(v), 0) {
			return fmt.Errorf("lut: gradient value %d is %v, want a finite number", i, v)
		}
	}
	return nil
}

// Form returns Full or Factored.
func (g *Gradient) Form() Form { return g.form }

// Storage returns the precision of a Full gradient; a Factored one is Float32.
func (g *Gradient) Storage() Storage { return g.storage }

// W and X return the operands.
func (g *Gradient) W() Operand { return g.w }

// X returns the activation operand.
func (g *Gradient) X() Operand { return g.x }

// At returns the gradient at the operands with codes w and x. For a Factored
// gradient it is the float32 sum of the float32 products, r ascending.
func (g *Gradient) At(w, x int) float32 {
	if g.form == Full {
		return g.full[w<<g.x.Bits|x]
	}
	var sum float32
	for r := range g.rank {
		sum += float32(g.u[r<<g.w.Bits|w] * g.v[r<<g.x.Bits|x])
	}
	return sum
}

// Values returns the values of a Full gradient in the index order of a
// [Table], nil for a Factored one. The caller must not modify it.
func (g *Gradient) Values() []float32 { return g.full }

// Stored returns the integers and the scale of a Full gradient with Int16
// storage, nil otherwise. The caller must not modify them.
func (g *Gradient) Stored() (q []int16, scale float32) { return g.stored, g.scale }

// Factors returns the rank and the factors u [rank, 2^Bw] and v [rank, 2^Bx]
// of a Factored gradient; 0, nil, nil for a Full one. The caller must not
// modify them.
func (g *Gradient) Factors() (rank int, u, v []float32) { return g.rank, g.u, g.v }

// Gradients are the two gradients of one multiplier under one estimator. They
// may differ in form.
type Gradients struct {
	DW, DX *Gradient
}
