package backendtest

import (
	"math/rand/v2"
	"sync"

	"gputrain/lut"
)

// bent is a multiplier with every vice that a backend might wrongly assume
// away: it is inexact, AM(a, b) ≠ AM(b, a), so that W and X cannot be swapped,
// and AM(0, 0) = 1, so that tiles cannot be padded with zeros.
func bent(W, X int) int { return W*X ^ (1 | W&2) }

// wide is bent with products of up to 20 bits and a sign.
func wide(W, X int) int { return bent(W, X)<<4 - 7*X }

// offset has products of −2 to 65,023, which fit neither int16 nor uint16.
func offset(W, X int) int { return W*X - 1 - W>>1&1 }

// exact is the product itself.
func exact(W, X int) int { return W * X }

// Multipliers returns the tables of the suite: unsigned, signed and mixed,
// square and not, with products of 16 bits and more.
var Multipliers = sync.OnceValue(func() []*lut.Table {
	u, s := lut.Unsigned, lut.Signed
	return []*lut.Table{
		lut.New("bent8u", u(8), u(8), bent),
		lut.New("bent8s", s(8), s(8), bent),
		lut.New("bent7u", u(7), u(7), bent),
		lut.New("bent6s", s(6), s(6), bent),
		lut.New("bent2u", u(2), u(2), bent),
		lut.New("bent8sx8u", s(8), u(8), bent),
		lut.New("bent8ux4u", u(8), u(4), bent),
		lut.New("bent4sx8s", s(4), s(8), bent),
		lut.New("bent3sx5u", s(3), u(5), bent),
		lut.New("wide8u", u(8), u(8), wide),
		lut.New("wide8s", s(8), s(8), wide),
		lut.New("offset8u", u(8), u(8), offset),
	}
})

// A gradientKind is a pair of forms in which ∂AM/∂W and ∂AM/∂X reach a
// backend.
type gradientKind struct {
	name   string
	dw, dx func(rnd *rand.Rand, am *lut.Table, name string) (*lut.Gradient, error)
}

// gradientKinds are the forms and storages, alone and mixed.
var gradientKinds = []gradientKind{
	{"int16", fullInt16, fullInt16},
	{"float32", fullFloat32, fullFloat32},
	{"ste", ste, ste},
	{"lut1d", oneSided, oneSided},
	{"rank1", rank1, rank1},
	{"rank3", rank3, rank3},
	{"int16+rank3", fullInt16, rank3},
	{"ste+float32", ste, fullFloat32},
}

// made holds the gradients that were asked for: a quarter of a million normal
// variates each would otherwise be most of the suite's time.
var made sync.Map

// gradients returns the pair of the kind for am. A fault is one of this
// package.
func (k gradientKind) gradients(am *lut.Table) lut.Gradients {
	key := k.name + " of " + am.Name()
	if g, ok := made.Load(key); ok {
		return g.(lut.Gradients)
	}
	rnd := seeded(key)
	dw, err := k.dw(rnd, am, "W")
	if err != nil {
		panic(err)
	}
	dx, err := k.dx(rnd, am, "X")
	if err != nil {
		panic(err)
	}
	g := lut.Gradients{DW: dw, DX: dx}
	made.Store(key, g)
	return g
}

func fullInt16(rnd *rand.Rand, am *lut.Table, _ string) (*lut.Gradient, error) {
	return lut.NewFull(am.W(), am.X(), normals(rnd, am.W().Count()*am.X().Count(), 20, 100), lut.Int16)
}

func fullFloat32(rnd *rand.Rand, am *lut.Table, _ string) (*lut.Gradient, error) {
	return lut.NewFull(am.W(), am.X(), normals(rnd, am.W().Count()*am.X().Count(), 20, 100), lut.Float32)
}

func factored(rnd *rand.Rand, am *lut.Table, rank int) (*lut.Gradient, error) {
	return lut.NewFactored(am.W(), am.X(), rank,
		normals(rnd, rank*am.W().Count(), 2, 10), normals(rnd, rank*am.X().Count(), 2, 10))
}

func rank1(rnd *rand.Rand, am *lut.Table, _ string) (*lut.Gradient, error) {
	return factored(rnd, am, 1)
}

func rank3(rnd *rand.Rand, am *lut.Table, _ string) (*lut.Gradient, error) {
	return factored(rnd, am, 3)
}

// ste is ∂AM/∂X = W and ∂AM/∂W = X (Eq. 3).
func ste(_ *rand.Rand, am *lut.Table, name string) (*lut.Gradient, error) {
	u, v := fill[float32](am.W().Count(), 1), fill[float32](am.X().Count(), 1)
	if name == "X" {
		for i := range u {
			u[i] = float32(am.W().Value(i))
		}
	} else {
		for i := range v {
			v[i] = float32(am.X().Value(i))
		}
	}
	return lut.NewFactored(am.W(), am.X(), 1, u, v)
}

// oneSided is the form of LUT-1D, ∂AM/∂X = α(W) and ∂AM/∂W = β(X).
func oneSided(rnd *rand.Rand, am *lut.Table, name string) (*lut.Gradient, error) {
	u, v := fill[float32](am.W().Count(), 1), fill[float32](am.X().Count(), 1)
	if name == "X" {
		u = normals(rnd, len(u), 20, 100)
	} else {
		v = normals(rnd, len(v), 20, 100)
	}
	return lut.NewFactored(am.W(), am.X(), 1, u, v)
}
