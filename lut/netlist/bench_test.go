package netlist_test

import (
	"bytes"
	"os"
	"testing"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

// BenchmarkTable reads and tabulates an 8×8 circuit of 800 gates.
func BenchmarkTable(b *testing.B) {
	path := sharedFile(b, "mults", "paper", "mul8u_rm8", "mul8u_rm8.v")
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := netlist.ReadVerilog(bytes.NewReader(text), path, lut.LoadOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Table(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMetrics gathers the metrics of an exact 12×12 array multiplier.
func BenchmarkMetrics(b *testing.B) {
	const text = "module m(input [11:0] A, input [11:0] B, output [23:0] Y); assign Y = A * B; endmodule"
	c, err := netlist.ReadVerilog(bytes.NewReader([]byte(text)), "", lut.LoadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(c.Gates()), "gates")
	for b.Loop() {
		if _, err := c.Metrics(); err != nil {
			b.Fatal(err)
		}
	}
}
