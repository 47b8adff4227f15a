//go:build cgo && !nogpu

package gpu_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
	"gputrain/model/backend/backendtest"
)

// choose has a device of the test's own run operations by plans.
func choose(t *testing.T, o gpu.Options, plans map[string]string) *gpu.Device {
	t.Helper()
	d := open(t, o)
	if err := d.SetChoices(plans); err != nil {
		t.Fatal(err)
	}
	return d
}

// bent is a multiplier with the vices of that of package backendtest.
func bent(W, X int) int { return W*X ^ (1 | W&2) }

// TestRowExpansion holds row expansion to the contract: forward by two of its
// variants, one of them with so little memory that panels come in slabs.
func TestRowExpansion(t *testing.T) {
	for _, c := range []struct {
		name, kind, plan string
		budget           int
		run              func(t backendtest.T, d *gpu.Device)
	}{
		{"LUTMatMul", "forward", "rowexp rows=8 columns=4 lanes=256 splits=1", 20_000, func(t backendtest.T, d *gpu.Device) { backendtest.LUTMatMul(t, d) }},
		{"LUTConv2D", "forward", "rowexp rows=16 columns=4 lanes=256 splits=4", 1 << 30, func(t backendtest.T, d *gpu.Device) { backendtest.LUTConv2D(t, d) }},
		{"LUTMatMulBackwardW", "backward-w", "rowexp", 20_000, func(t backendtest.T, d *gpu.Device) { backendtest.LUTMatMulBackwardW(t, d) }},
		{"LUTMatMulBackwardX", "backward-x", "rowexp", 0, func(t backendtest.T, d *gpu.Device) { backendtest.LUTMatMulBackwardX(t, d) }},
		{"LUTConv2DBackwardW", "backward-w", "rowexp", 1 << 30, func(t backendtest.T, d *gpu.Device) { backendtest.LUTConv2DBackwardW(t, d) }},
		{"LUTConv2DBackwardX", "backward-x", "rowexp", 0, func(t backendtest.T, d *gpu.Device) { backendtest.LUTConv2DBackwardX(t, d) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := choose(t, gpu.Options{}, map[string]string{c.kind: c.plan})
			d.SetBudget(c.budget)
			c.run(backendtest.Wrap(t), d)
		})
	}
}

// TestGEMM holds every tile of the product in tiles to the contract.
func TestGEMM(t *testing.T) {
	for i, p := range gpu.GEMMs() {
		t.Run(p, func(t *testing.T) {
			d := choose(t, gpu.Options{}, map[string]string{"product": p, "product-w": p, "product-x": p, "backward-w": p, "backward-x": p})
			s := backendtest.Wrap(t)
			backendtest.Conv2D(s, d)
			backendtest.Conv2DBackwardW(s, d)
			backendtest.Conv2DBackwardX(s, d)
			backendtest.LUTConv2DBackwardW(s, d)
			backendtest.LUTConv2DBackwardX(s, d)
			if i == 1 {
				backendtest.LUTMatMulBackwardW(s, d)
				backendtest.LUTMatMulBackwardX(s, d)
			}
		})
	}
}

// A codesCase makes the operands of a product of codes on a device.
type codesCase struct {
	m, k, n int
	w, x    []uint8
	y       []int32 // the sums
}

func newCodesCase(am *lut.Table, m, k, n int) codesCase {
	rnd := rand.New(rand.NewPCG(3, uint64(m*k*n)))
	c := codesCase{m: m, k: k, n: n, w: make([]uint8, m*k), x: make([]uint8, k*n), y: make([]int32, m*n)}
	for i := range c.w {
		c.w[i] = uint8(rnd.IntN(am.W().Count()))
	}
	for i := range c.x {
		c.x[i] = uint8(rnd.IntN(am.X().Count()))
	}
	for i := range m {
		for k := range k {
			row := am.Row(int(c.w[i*c.k+k]))
			for j, x := range c.x[k*n:][:n] {
				c.y[i*n+j] += row[x]
			}
		}
	}
	return c
}

// TestExpansions computes a product by every variant of row expansion, on
// tables of each width of its rows, whose least entries are not 0.
func TestExpansions(t *testing.T) {
	d := open(t, gpu.Options{})
	q := d.NewTensor(backend.F32, backend.Shape{3})
	for _, am := range []*lut.Table{
		lut.New("bent8s", lut.Signed(8), lut.Signed(8), bent),
		lut.New("bent7u", lut.Unsigned(7), lut.Unsigned(7), bent),
		lut.New("bent8ux4s", lut.Unsigned(8), lut.Signed(4), bent),
		lut.New("greatest6u", lut.Unsigned(6), lut.Unsigned(6), func(W, X int) int { return 8191 + 5 - W&1 - 8190*(W>>5) }),
		lut.New("greatest7u", lut.Unsigned(5), lut.Unsigned(7), func(W, X int) int { return 16383 * (W & 1) }),
		lut.New("greatest8u", lut.Unsigned(5), lut.Unsigned(6), func(W, X int) int { return 65535*(W&1) - 9 }),
	} {
		tables := d.NewTables(am, lut.Gradients{})
		c := newCodesCase(am, 19, 43, 1030)
		w := backend.Quantized{Code: d.NewTensor(backend.U8, backend.Shape{c.m, c.k}), Q: q}
		x := backend.Quantized{Code: d.NewTensor(backend.U8, backend.Shape{c.k, c.n}), Q: q}
		y := d.NewTensor(backend.I32, backend.Shape{c.m, c.n})
		d.Write(w.Code, c.w)
		d.Write(x.Code, c.x)
		for _, p := range append(gpu.Expansions(), "gather") {
			if err := d.SetChoices(map[string]string{"forward": p}); err != nil {
				t.Fatal(err)
			}
			d.LUTMatMul(y, w, x, tables)
			got := make([]int32, len(c.y))
			if err := d.Read(got, y); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.y) {
				t.Errorf("%s by %s differs", am.Name(), p)
			}
			for _, used := range d.Choices() {
				if used != p {
					t.Errorf("%s has run by %s", p, used)
				}
			}
		}
		d.FreeTables(tables)
	}
}
