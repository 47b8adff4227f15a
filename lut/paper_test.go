package lut_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"gputrain/lut"
)

// paperNames are the ten multipliers of the paper whose files are at hand.
var paperNames = []string{
	"mul6u_rm4", "mul7u_06Q", "mul7u_08E", "mul7u_rm6", "mul7u_syn1",
	"mul8u_17C8", "mul8u_1DMU", "mul8u_2NDH", "mul8u_rm8", "mul8u_syn1",
}

// paperFigures are the published figures of one of them.
type paperFigures struct {
	Bits         int
	ER, MED, MSE float64
	Bias         float64 `json:"bias"`
	NMED         float64 `json:"NMED_2pow2Bminus1"`
	MRED         float64 `json:"MRED_nonzero"`
	WCE          int64
	HWS          int
	Commutative  bool
	ValueAt00    int32 `json:"value_at_0_0"`
}

func readPaperFigures(t testing.TB, name string) paperFigures {
	t.Helper()
	text, err := os.ReadFile(sharedFile(t, "mults", "paper", name, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f paperFigures
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// readPaperTable returns the native table: its files have the activation in
// the rows.
func readPaperTable(t testing.TB, name string, bits int) *lut.Table {
	t.Helper()
	n := 1 << bits
	p := make([]int32, n*n)
	for i, v := range readSquare[uint16](t, name, "product", n) {
		p[i%n*n+i/n] = int32(v)
	}
	tab, err := lut.NewFromProducts(name, lut.Unsigned(bits), lut.Unsigned(bits), p)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// readSquare returns the n×n values of an .npy file of the paper's folder in C
// order. It believes the file in all but its length and order.
func readSquare[T uint16 | int16 | float32](t testing.TB, name, file string, n int) []T {
	t.Helper()
	b, err := os.ReadFile(sharedFile(t, "mults", "paper", name, file+".npy"))
	if err != nil {
		t.Fatal(err)
	}
	end := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	header, body := string(b[10:end]), b[end:]
	y := make([]T, n*n)
	if len(body) != binary.Size(y) {
		t.Fatalf("%s/%s.npy: %d bytes of values, want %d", name, file, len(body), binary.Size(y))
	}
	if err := binary.Read(bytes.NewReader(body), binary.LittleEndian, y); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(header, "'fortran_order': True") {
		z := make([]T, n*n)
		for i, v := range y {
			z[i%n*n+i/n] = v
		}
		return z
	}
	return y
}

func TestPaperMetrics(t *testing.T) {
	for _, name := range paperNames {
		t.Run(name, func(t *testing.T) {
			want := readPaperFigures(t, name)
			tab := readPaperTable(t, name, want.Bits)
			got := tab.Metrics()
			if got.ER != want.ER || got.MED != want.MED || got.MSE != want.MSE || got.Bias != want.Bias || got.WCE != want.WCE {
				t.Errorf("Metrics() = %+v, want %+v", got, want)
			}
			near(t, "NMED", got.NMED, want.NMED, 1e-12)
			near(t, "MRED", got.MRED, want.MRED, 1e-12)
			if tab.Commutative() != want.Commutative {
				t.Errorf("Commutative() = %v, want %v", tab.Commutative(), want.Commutative)
			}
			if tab.AM00() != want.ValueAt00 {
				t.Errorf("AM00() = %d, want %d", tab.AM00(), want.ValueAt00)
			}

			// A flat histogram is the uniform case, in other arithmetic.
			flat := make([]float64, tab.W().Count())
			for i := range flat {
				flat[i] = 3
			}
			under, err := tab.MetricsUnder(flat, flat)
			if err != nil {
				t.Fatal(err)
			}
			if under.WCE != got.WCE {
				t.Errorf("WCE under flat histograms = %d, want %d", under.WCE, got.WCE)
			}
			for _, c := range []struct {
				name      string
				got, want float64
			}{
				{"ER", under.ER, got.ER}, {"MED", under.MED, got.MED}, {"NMED", under.NMED, got.NMED},
				{"MRED", under.MRED, got.MRED}, {"MSE", under.MSE, got.MSE}, {"Bias", under.Bias, got.Bias},
			} {
				near(t, c.name+" under flat histograms", c.got, c.want, 1e-12)
			}
		})
	}
}

// near checks a float within a relative error.
func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rel*math.Abs(want)) {
		t.Errorf("%s = %v, want %v within %g relative", what, got, want, rel)
	}
}

// TestPaperGradients compares with the files that the paper's authors publish
// (upstream, in sixteenths) and with Eqs. 4 to 6 computed by another program.
func TestPaperGradients(t *testing.T) {
	for _, name := range paperNames {
		t.Run(name, func(t *testing.T) {
			f := readPaperFigures(t, name)
			tab := readPaperTable(t, name, f.Bits)
			n := 1 << f.Bits

			up, err := lut.Estimator{Method: "lut2d", HWS: f.HWS, Boundary: "upstream"}.Gradients(tab)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []struct {
				file string
				got  *lut.Gradient
			}{{"grad_a_x16", up.DX}, {"grad_b_x16", up.DW}} {
				q, scale := g.got.Stored()
				if scale != 1./16 {
					t.Fatalf("%s: scale %v, want 1/16", g.file, scale)
				}
				for i, want := range readSquare[int16](t, name, g.file, n) {
					x, w := i/n, i%n
					if got := q[w*n+x]; got != want {
						t.Fatalf("%s at W=%d X=%d: %d, want %d", g.file, w, x, got, want)
					}
				}
			}

			eq, err := lut.Estimator{Method: "lut2d", HWS: f.HWS, Storage: lut.Float32}.Gradients(tab)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []struct {
				file string
				got  *lut.Gradient
			}{{"grad_a_eq456_f32", eq.DX}, {"grad_b_eq456_f32", eq.DW}} {
				for i, want := range readSquare[float32](t, name, g.file, n) {
					x, w := i/n, i%n
					if got := g.got.Values()[w*n+x]; got != want {
						t.Fatalf("%s at W=%d X=%d: %v, want %v", g.file, w, x, got, want)
					}
				}
			}
		})
	}
}
