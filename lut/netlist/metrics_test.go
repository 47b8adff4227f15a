package netlist_test

import (
	"math"
	"strings"
	"testing"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

func readText(t *testing.T, text string, o lut.LoadOptions) *netlist.Circuit {
	t.Helper()
	c, err := netlist.ReadVerilog(strings.NewReader(text), "", o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestMetricsOfTables compares with the metrics of the circuit's table.
func TestMetricsOfTables(t *testing.T) {
	for _, text := range []string{
		"module mul5u_X(input [4:0] A, input [2:0] B, output [8:0] Y); assign Y = (A | B) * {B, 1'b1} + A[4]; endmodule",
		"module mul3s_X(input [2:0] A, input [6:0] B, output [9:0] Y); assign Y = $signed({A[2:1], 1'b0}) * $signed(B); endmodule",
		"module mul8u_X(input [7:0] A, input [7:0] B, output [15:0] Y); assign Y = A * {B[7:2], 2'b10}; endmodule",
		"module mul2u_X(input [1:0] A, input [1:0] B, output [3:0] Y); assign Y = A * B; endmodule",
	} {
		for _, order := range []string{"xw", "wx"} {
			c := readText(t, text, lut.LoadOptions{Order: order})
			table, err := c.Table()
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Metrics()
			if err != nil {
				t.Fatal(err)
			}
			want := table.Metrics()
			if d := math.Abs(got.MRED - want.MRED); d > 1e-12*want.MRED { // summed in another order
				t.Errorf("MRED %v, want %v", got.MRED, want.MRED)
			}
			got.MRED = want.MRED
			if got.Metrics != want {
				t.Errorf("got  %+v\nwant %+v", got.Metrics, want)
			}
			var wcre float64
			for W := c.W().Min(); W <= c.W().Max(); W++ {
				for X := c.X().Min(); X <= c.X().Max(); X++ {
					if W*X != 0 {
						wcre = max(wcre, math.Abs(float64(int(table.At(W, X))-W*X))/math.Abs(float64(W*X)))
					}
				}
			}
			if got.WCRE != wcre {
				t.Errorf("WCRE %v, want %v", got.WCRE, wcre)
			}
		}
	}
}

// TestMetricsOfWide has errors of known sums: the product loses A's lowest bit,
// so that e = −(A mod 2)·B.
func TestMetricsOfWide(t *testing.T) {
	const text = "module m(input [10:0] A, input [9:0] B, output [20:0] Y); assign Y = {A[10:1], 1'b0} * B; endmodule"
	m, err := readText(t, text, lut.LoadOptions{}).Metrics()
	if err != nil {
		t.Fatal(err)
	}
	const n = 1024.             // values of B
	const sum = n * (n - 1) / 2 // of B
	const squares = (n - 1) * n * (2*n - 1) / 6
	want := lut.Metrics{
		ER:   (n - 1.) / n / 2,
		MED:  sum / n / 2.,
		NMED: sum / n / 2. / (1<<21 - 1),
		MRED: m.MRED,
		WCE:  n - 1,
		MSE:  squares / n / 2.,
		Bias: -sum / n / 2.,
	}
	// |e|/(A·B) is 1/A of odd A, whatever B ≠ 0.
	var rel float64
	for a := 1; a < 1<<11; a += 2 {
		rel += 1 / float64(a)
	}
	if mred := rel / (1<<11 - 1); math.Abs(m.MRED-mred) > 1e-12 {
		t.Errorf("MRED %v, want %v", m.MRED, mred)
	}
	if m.Metrics != want || m.WCRE != 1 {
		t.Errorf("got  %+v, WCRE %v\nwant %+v, WCRE 1", m.Metrics, m.WCRE, want)
	}
}

// TestTooManyToSimulate refuses a circuit of many gates and operand pairs.
func TestTooManyToSimulate(t *testing.T) {
	text := "module m(input [13:0] A, input [13:0] B, output [31:0] Y); assign Y = A*B" + strings.Repeat("*(A+B)", 5) + "; endmodule"
	_, err := readText(t, text, lut.LoadOptions{}).Metrics()
	if err == nil || !strings.Contains(err.Error(), "too many to simulate (limit 4096 gates at that width)") {
		t.Errorf("%v", err)
	}
}

// TestPublished reads the figures of a header and compares them.
func TestPublished(t *testing.T) {
	const header = `/***
* This = prose, not a figure
***/
// MAE% = 10.94 %
// MAE = 1.75
// WCE = 6
// MSE = 0.55e1
// MSE = 0.56e1
// EP% = 50.00 %
//WCRE%=100.0
// PDK45_PWR = 0.052 mW
// a-b = 3
// X = 0x12
// Y = NaN
// Z = 1 2 3
`
	const text = header + "module m(input [1:0] A, input [1:0] B, output [3:0] Y); assign Y = {A[1], 1'b0} * B; // MAE = 9\nendmodule // MAE = 10"
	c := readText(t, text, lut.LoadOptions{})
	m, err := c.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	// e = −(A mod 2)·B: MED = 6/8 = 0.75, WCE 3, MSE = 14/8 = 1.75, 6 of 16 wrong.
	type row struct {
		key, value, unit string
		recomputed       float64
		differs          bool
	}
	want := []row{
		{"MAE%", "10.94", "%", 100 * 0.75 / 16, true},
		{"MAE", "1.75", "", 0.75, true},
		{"WCE", "6", "", 3, true},
		{"MSE", "0.55e1", "", 1.75, true},
		{"MSE", "0.56e1", "", 1.75, true},
		{"EP%", "50.00", "%", 37.5, true},
		{"WCRE%", "100.0", "", 100, false},
		{"PDK45_PWR", "0.052", "mW", math.NaN(), false},
	}
	compared := m.Compare(c.Published())
	if len(compared) != len(want) {
		t.Fatalf("%d figures, want %d: %+v", len(compared), len(want), compared)
	}
	for i, p := range compared {
		got := row{p.Key, p.Value, p.Unit, math.NaN(), p.Differs}
		if p.Recomputed != nil {
			got.recomputed = *p.Recomputed
		}
		same := got.recomputed == want[i].recomputed || math.IsNaN(got.recomputed) && math.IsNaN(want[i].recomputed)
		got.recomputed = want[i].recomputed
		if !same || got != want[i] && !math.IsNaN(got.recomputed) {
			t.Errorf("got  %+v\nwant %+v", p, want[i])
		}
	}
	// The same circuit under true figures, rounded as they are printed.
	for _, tt := range []struct {
		value   string
		differs bool
	}{
		{"1.75", false}, {"1.8", false}, {"1.7", false}, {"2", false}, {"1.750", false}, {"0.175e1", false}, {"17.5E-1", false},
		{"1.751", true}, {"1.6", true}, {"1", true}, {"1.9", true}, {"0.18e1", false}, {"0.17e1", false}, {"0.19e1", true},
	} {
		got := m.Compare([]lut.Published{{Key: "MSE", Value: tt.value}})
		if got[0].Differs != tt.differs {
			t.Errorf("MSE = %s of 1.75 differs: %v", tt.value, got[0].Differs)
		}
	}
}
