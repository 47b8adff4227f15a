package netlist_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

// A badTest is a text that is refused, where, and why.
type badTest struct {
	name, text string
	line       int
	want       string
}

// run reads the text. The error must be a FormatError of one line with file,
// line and reason, and it must come soon.
func (b badTest) run(t *testing.T, read readFunc, path string) {
	t.Helper()
	start := time.Now()
	_, err := read(strings.NewReader(b.text), path, lut.LoadOptions{})
	if err == nil {
		t.Fatal("accepted")
	}
	var fault *lut.FormatError
	if !errors.As(err, &fault) {
		t.Fatalf("%T, want *lut.FormatError: %v", err, err)
	}
	if fault.Path != path || fault.Line != b.line || !strings.Contains(err.Error(), b.want) {
		t.Errorf("got  %v\nwant %s:%d: … %s …", err, path, b.line, b.want)
	}
	if s := err.Error(); strings.ContainsAny(s, "\n\r") || len(s) > 600 {
		t.Errorf("not one short line: %q", s)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestBadVerilog(t *testing.T) {
	for _, b := range badVerilog() {
		t.Run(b.name, func(t *testing.T) { b.run(t, netlist.ReadVerilog, "f.v") })
	}
}

func badVerilog() []badTest {
	const bits33 = "module m(input [2:0] A, input [2:0] B, output [5:0] Y);\n"
	body := func(s string) string { return bits33 + s + "\nendmodule\n" }
	return []badTest{
		{"empty", "", 1, "no module"},
		{"prose", "hello, world\n", 1, "hello: want module"},
		{"binary", "\x7fELF\x00\x01", 1, "byte 0x7f is not Verilog"},
		{"always", body("always @(A) ;"), 2, "always is not supported"},
		{"reg", body("reg [5:0] r;"), 2, "reg is not supported"},
		{"output reg", "module m(input A,\n output reg Y);", 2, "reg is not supported"},
		{"case", body("case (A) endcase"), 2, "case is not supported"},
		{"gate primitive", body("and g(Y[0], A[0], B[0]);"), 2, "and is not supported"},
		{"parameter", body("parameter N = 2;"), 2, "parameter is not supported"},
		{"parameters of a module", "module m #(parameter N = 2) (input A);", 1, "parameters) is not supported"},
		{"inout", "module m(inout A);", 1, "inout is not supported"},
		{"conditional", body("assign Y =\n A[0] ? A : B;"), 3, "?: is not supported"},
		{"minus", body("assign Y = A - B;"), 2, "operator - is not supported"},
		{"shift", body("assign Y = A << 2;"), 2, "operator << is not supported"},
		{"comparison", body("assign Y = A == B;"), 2, "operator == is not supported"},
		{"less", body("assign Y = A < B;"), 2, "operator < is not supported"},
		{"logical and", body("assign Y = A && B;"), 2, "operator && is not supported"},
		{"reduction", body("assign Y = &A;"), 2, "reduction operator & is not supported"},
		{"nand", body("assign Y = A ~& B;"), 2, "operator ~ is not supported"},
		{"system function", body("assign Y = $random(A);"), 2, "$random is not supported"},
		{"delay", body("assign #1 Y = A;"), 2, "# (a delay"},
		{"indexed part select", body("assign Y = A[0 +: 2];"), 2, "+: is not supported"},
		{"variable index", body("assign Y = A[B];"), 2, "B is not a constant"},
		{"include", "`include \"x.v\"\n" + body("assign Y = A * B;"), 1, "directive `include"},
		{"unknown value", body("assign Y = 6'bxxxxxx;"), 2, "x and z are not supported"},
		{"number too wide", body("assign Y = 3'd8;"), 2, "does not fit its width"},
		{"number without digits", body("assign Y = 3'h;"), 2, "want digits"},
		{"number of width 0", body("assign Y = 0'h1;"), 2, "want a width"},
		{"unknown cell", body("\nNAND2X1 u(A[0], B[0], Y[0]);"), 3, "cell NAND2X1 is no module of the file and no built-in cell"},
		{"undriven bit", body("assign Y[4:0] = A * B;"), 1, "net Y[5] of m is read and nothing drives it"},
		{"undriven wire", body("wire w;\nassign Y = A & w;"), 3, "net w of m is read and nothing drives it"},
		{"undriven in an instance", body("assign Y = A * B; sub u(.i(A));") + "module sub(input [2:0] i, output o);\nwire w; assign o =\n w; endmodule", 5, "net w of sub"},
		{"input not connected", body("assign Y[5:1] = 0;\nHAX1 u(.A(A[0]), .YS(Y[0]));"), 3, "input B of u, a HAX1, is not connected"},
		{"driven twice", body("assign Y = A;\nassign Y[3] = B[0];"), 3, "net Y[3] of m is driven twice, first on line 2"},
		{"driven by two instances", body("assign Y[5:1] = 0; BUFX2 u(A[0], Y[0]);\nBUFX2 v(B[0], Y[0]);"), 3, "driven twice, first on line 2"},
		{"input driven", body("assign Y = 0;\nassign A = B;"), 3, "input A is driven inside m"},
		{"loop", body("wire v, w;\nassign v = w & A[0];\nassign w = ~v;\nassign Y = v;"), 4, "combinational loop through net w of m"},
		{"loop on itself", body("wire [1:0] v;\nassign v[1] = v[1];\nassign Y = A;"), 3, "combinational loop through net v[1] of m"},
		{"loop through instances", body("wire v, w;\nBUFX2 a(v, w);\nBUFX2 b(w, v);\nassign Y = v;"), 4, "combinational loop through net v of m"},
		{"no loop, yet no driver", body("assign Y = {Y[4:0], A[0]};\nassign Y = 0;"), 3, "driven twice"},
		{"undeclared", body("assign Y = A & q;"), 2, "q is not declared"},
		{"undeclared target", body("assign q = A;"), 2, "q is driven and not declared"},
		{"declared twice", body("wire w;\nwire w;"), 3, "w is declared twice, first on line 2"},
		{"another range", body("wire w;\nwire [7:0] Y;"), 3, "Y is declared with another range on line 1"},
		{"index out of range", body("assign Y = A[3];"), 2, "[3:3] of A, which is [2:0]"},
		{"select backwards", body("assign Y = A[0:2];"), 2, "[0:2] of A, which is [2:0]"},
		{"select of a single bit", body("wire w; assign w = 0;\nassign Y = w[0];"), 3, "w is a single bit"},
		{"wrong width at an input", body("FAX1 u(A[1:0], B[0], B[1], Y[0], Y[1]);"), 2, "port A of FAX1 is 1 bits wide, 2 are connected"},
		{"wrong width at an output", body("HAX1 u(A[0], B[0], Y[1:0], Y[2]);"), 2, "port YS of HAX1 is 1 bits wide, 2 are connected"},
		{"number too wide for a port", body("HAX1 u(2, B[0], Y[0], Y[1]);"), 2, "the number at it has more"},
		{"too many ports", body("HAX1 u(A[0], B[0], Y[0], Y[1], Y[2]);"), 2, "HAX1 has 4 ports, 5 are connected"},
		{"no such port", body("HAX1 u(.Z(A[0]));"), 2, "HAX1 has no port Z"},
		{"port connected twice", body("HAX1 u(.A(A[0]), .A(A[1]));"), 2, "port A of u is connected twice"},
		{"mixed connections", body("HAX1 u(.A(A[0]), B[0]);"), 2, "by name, or none"},
		{"instance without a name", body("HAX1 (A[0], B[0], Y[0], Y[1]);"), 2, "without a name"},
		{"expression at an output", body("HAX1 u(A[0], B[0], Y[0] & Y[1], Y[2]);"), 2, "want a net, a select"},
		{"three inputs", "\nmodule m(input [1:0] A, input [1:0] B, input C, output Y);\nassign Y = C; endmodule", 2, "m (line 2: 3 inputs, 1 outputs)"},
		{"two outputs", "module m(input [1:0] A, input [1:0] B, output Y, output Z); assign Y = 0; assign Z = 0; endmodule", 1, "m (line 1: 2 inputs, 2 outputs)"},
		{"two tops", body("assign Y = 0;") + "\n" + strings.Replace(body("assign Y = 0;"), "module m", "module n", 1), 5, "m (line 1: 2 inputs, 1 outputs), n (line 5: 2 inputs, 1 outputs)"},
		{"port without direction", "module m(A, B, Y);\ninput A, B; endmodule", 1, "which module is the multiplier"},
		{"direction without port", body("input C;"), 2, "C is not among the ports"},
		{"module defined twice", body("assign Y = 0;") + body("assign Y = 0;"), 4, "module m is defined twice, first on line 1"},
		{"recursion", body("assign Y = A; m u(A, B, );"), 1, "which module is the multiplier"},
		{"recursion below the top", body("assign Y = A; n u(A[0]);") + "module n(input a);\nn u(a); endmodule", 4, "module n instantiates itself"},
		{"no end", bits33 + "assign Y = A;", 1, "module m without endmodule"},
		{"comment without end", "module m;\n/* ...", 2, "comment /* without */"},
		{"attribute without end", "\n(* keep", 2, "attribute (* without *)"},
		{"array", body("wire w [3:0];"), 2, "w is an array"},
		{"array of instances", body("BUFX2 u[1:0](A, Y);"), 2, "u is an array of instances"},
		{"number without width in a concatenation", body("assign Y = {1, A};"), 2, "without a width in a concatenation"},
		{"replication 0 times", body("assign Y = {0{A}};"), 2, "replication 0 times"},
		{"division by zero", body("wire [1/0:0] w;"), 2, "division by 0"},

		{"huge range", body("wire [2000000000:0] w;"), 2, "range [2000000000:0] of more than 65536 bits"},
		{"huge bound", body("wire [99999999999:0] w;"), 2, "it does not fit its width"},
		{"huge constant expression", body("wire [65536*65536*65536:0] w;"), 2, "beyond 32 bits"},
		{"huge replication", body("assign Y = {2000000000{A}};"), 2, "replication 2000000000 times"},
		{"replication of replications", body("assign Y = {65536{{65536{{65536{A}}}}}};"), 2, "expression of more than 65536 bits"},
		{"huge number", body("assign Y = 2000000000'h1;"), 2, "want a width of 1 to 65536"},
		{"wide product", body("wire [65535:0] w, v; assign w = {65536{A[0]}};\nassign v = w * w; assign Y = v[5:0];"), 3, "more than 1048576 nodes"},
		{"deep parentheses", body("assign Y = " + strings.Repeat("(", 1<<20)), 2, "nested more than 500 deep"},
		{"deep inversions", body("assign Y = " + strings.Repeat("~", 1<<20)), 2, "nested more than 500 deep"},
		{"deep braces", body("assign Y = " + strings.Repeat("{", 1<<20)), 2, "nested more than 500 deep"},
		{"long mixed chain", body("wire [0" + strings.Repeat("+1-1", 1<<10) + ":0] w;"), 2, "nested more than 500 deep"},
		{"long chain", body("assign Y = A" + strings.Repeat("&A", 1<<20)), 2, "more than 524288 modules, names"},
		{"many wires", body("wire w0" + manyNames(1<<20) + ";"), 2, "more than 524288 modules, names"},
		{"long name", body("wire " + strings.Repeat("w", 1<<20) + ";"), 2, "of more than 4096 bytes"},
		{"wide wires", body("wire [65535:0] w0" + manyNames(100) + ";\nassign Y = A;"), 2, "m has more than 1048576 nodes"},
		{"wide connections", body("assign Y = A; wire [65535:0] w; assign w = 0;"+strings.Repeat("sub u(w);", 300)) + "module sub(input [65535:0] i);\nendmodule", 2, "m has more than 1048576 nodes"},
		{"exponential hierarchy", exponential(40), 18, "m17 has more than 1048576 nodes"},
		{"exponential hierarchy of nothing", strings.NewReplacer("(input i, output o); wire w;", ";", "(i, w)", "()", "(w, o)", "()",
			"(input i, output o); assign o = ~i;", ";", "m40 u(A[0], Y);", "assign Y = 0; m40 u();").Replace(exponential(40)), 21, "m20 has more than 1048576 nodes"},
		{"wide expressions for one bit", body("wire [299:0] w; assign Y = A;" + wideForOne(300)), 2, "expressions of more than 16777216 bits"},
		{"wide wire, bit by bit", body("wire [65535:0] w; wire v; assign Y = A, v = " + strings.Repeat("w[0]&", 100000) + "w[1];"), 2, "net w[0] of m is read and nothing drives it"},
		{"deep hierarchy", chain(10000), 502, "modules nested more than 500 deep"},
		{"wide operands", "module m(input [14:0] A, input [14:0] B, output Y); assign Y = 0; endmodule", 1, "operands of 15 and 15 bits, want at most 28"},
		{"wide product port", "module m(input [7:0] A, input [7:0] B, output [39:0] Y); assign Y = 0; endmodule", 1, "a product of 40 bits, want at most 32"},
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",w%d", i+1)
	}
	return b.String()
}

// wideForOne assigns n bits of a wire from wide expressions, without gates.
func wideForOne(n int) string {
	b := new(strings.Builder)
	for i := range n {
		fmt.Fprintf(b, "assign w[%d] = {65536{A[0]}};", i)
	}
	return b.String()
}

// exponential is a module on each line of which each but the first
// instantiates the one before twice, and a top.
func exponential(levels int) string {
	b := new(strings.Builder)
	fmt.Fprintln(b, "module m0(input i, output o); assign o = ~i; endmodule")
	for i := range levels {
		fmt.Fprintf(b, "module m%d(input i, output o); wire w; m%d u(i, w), v(w, o); endmodule\n", i+1, i)
	}
	fmt.Fprintf(b, "module top(input [1:0] A, input [1:0] B, output Y); m%d u(A[0], Y); endmodule\n", levels)
	return b.String()
}

// chain is a top and n modules, one a line, each of which instantiates the
// next.
func chain(n int) string {
	b := new(strings.Builder)
	fmt.Fprintln(b, "module top(input [1:0] A, input [1:0] B, output Y); m0 u(A[0], Y); endmodule")
	fmt.Fprintln(b)
	for i := range n {
		fmt.Fprintf(b, "module m%d(input i, output o); m%d u(i, o); endmodule\n", i, i+1)
	}
	return b.String()
}

func TestBadBLIF(t *testing.T) {
	for _, b := range badBLIF() {
		t.Run(b.name, func(t *testing.T) { b.run(t, netlist.ReadBLIF, "f.blif") })
	}
}

func badBLIF() []badTest {
	return []badTest{
		{"empty", "", 1, "no .model"},
		{"prose", "hello, world\n", 1, "hello,: want a command"},
		{"binary", "\x7fELF\x00\x01", 1, `"\x7fELF\x00\x01": want a command`},
		{"no model", "\n.inputs a b\n", 2, ".inputs outside a model"},
		{"after the end", blif("") + ".names a\n", 6, ".names outside a model"},
		{"latch", blif(".latch A[0] Y[0]"), 4, ".latch is not supported"},
		{"gate", blif(".gate and2 a=A[0]"), 4, ".gate is not supported"},
		{"two names", ".model a b\n", 1, ".model with 2 names"},
		{"model twice", blif("") + blif(""), 6, "model top is defined twice, first on line 1"},
		{"names of nothing", blif(".names"), 4, ".names without an output"},
		{"row outside a cover", blif("11 1"), 4, "11: want a command"},
		{"row too short", blif(".names A[0] A[1] Y[0]\n1 1"), 5, "row 1 of 1 inputs, want 2"},
		{"row too long", blif(".names A[0] Y[0]\n11 1"), 5, "row 11 of 2 inputs, want 1"},
		{"row without output", blif(".names A[0] Y[0]\n1"), 5, "row of 1 words"},
		{"row of three words", blif(".names A[0] A[1] Y[0]\n1 1 1"), 5, "row of 3 words"},
		{"row of a constant with inputs", blif(".names Y[0]\n1 1"), 5, "row of 2 words"},
		{"letters in a row", blif(".names A[0] Y[0]\nx 1"), 5, "row x, want 0, 1 and - only"},
		{"output of a row", blif(".names A[0] Y[0]\n1 -"), 5, "output - of a row, want 0 or 1"},
		{"mixed cover", blif(".names A[0] Y[0]\n1 1\n0 0"), 6, "a cover with both 0 and 1"},
		{"driven twice", blif(".names A[0] Y[0]\n1 1\n.names Y[0]"), 6, "net Y[0] of top is driven twice, first on line 4"},
		{"input driven", blif(".names A[0]\n1"), 4, "net A[0] of top is driven twice, first on line 2"},
		{"input twice", ".model t\n.inputs a a\n", 2, "net a of t is driven twice"},
		{"loop", blif(".names v A[0] w\n11 1\n.names w v\n1 1\n.names v Y[0]\n1 1"), 6, "combinational loop through net v of top"},
		{"loop through models", blif(".subckt pass i=v o=w\n.subckt pass i=w o=v\n") + ".model pass\n.inputs i\n.outputs o\n.names i o\n1 1", 11, "combinational loop through net o of pass"},
		{"unknown model", blif(".subckt nand a=A[0]"), 4, "model nand is not in the file"},
		{"subckt of nothing", blif(".subckt"), 4, ".subckt without a model"},
		{"unknown port", blif(".subckt HAX1 Z=A[0]"), 4, "HAX1 has no port Z"},
		{"port without a net", blif(".subckt HAX1 A="), 4, "A=, want formal=actual"},
		{"port twice", blif(".subckt HAX1 A=A[0] A=A[1]"), 4, "port A of HAX1 is connected twice"},
		{"uses itself", blif(".subckt top A[0]=A[0]"), 1, "model top uses itself"},
		{"three inputs", ".model t\n.inputs A[0] A[1] B[0] B[1] cin\n.outputs Y\n", 1, "inputs A (2 bits), B (2 bits), cin (1 bits)"},
		{"two outputs", ".model t\n.inputs A[0] B[0]\n.outputs Y[0] Y[1] c\n", 1, "outputs Y (2 bits), c (1 bits)"},
		{"odd inputs", ".model t\n.inputs a b c\n.outputs Y\n", 1, "3 inputs, whose names do not tell two operands"},
		{"most significant first", ".model t\n.inputs A[1] A[0] B[0] B[1]\n.outputs Y\n", 1, "list the least significant bit first"},
		{"interleaved", ".model t\n.inputs A[0] B[0] A[1] B[1]\n.outputs Y\n", 1, "the bits of A do not stand together"},
		{"no outputs", ".model t\n.inputs A[0] B[0]\n", 1, "outputs none"},

		{"many nets", ".model t\n.inputs" + strings.ReplaceAll(manyNames(1<<20), ",", " ") + "\n", 2, "more than 1048576 words"},
		{"many models", manyModels(1 << 18), 1<<20/18 + 1, "more than 1048576 words"},
		{"wide operands", ".model t\n.inputs" + strings.ReplaceAll(manyNames(29), ",", " ") + "\n.outputs Y\n", 1, "t has 29 input bits, want at most 28"},
		{"wide product", ".model t\n.inputs A B\n.outputs" + strings.ReplaceAll(manyNames(33), ",", " ") + "\n", 1, "t has 33 output bits, want at most 32"},
		{"long word", ".model " + strings.Repeat("x", 1<<20), 1, "word of more than 4096 bytes"},
		{"exponential hierarchy", exponentialBLIF(40), 130, "has more than 1048576 nodes"},
	}
}

// manyModels is n models, one a line.
func manyModels(n int) string {
	b := new(strings.Builder)
	for i := range n {
		fmt.Fprintf(b, ".model m%d\n", i)
	}
	return b.String()
}

// exponentialBLIF is a top of five lines and models of five lines each, each
// of which uses the next twice.
func exponentialBLIF(levels int) string {
	b := new(strings.Builder)
	fmt.Fprint(b, ".model top\n.inputs A[0] A[1] B[0] B[1]\n.outputs o\n.subckt m0 i=A[0] o=o\n.end\n")
	for i := range levels {
		fmt.Fprintf(b, ".model m%d\n.inputs i\n.outputs o\n.subckt m%d i=i o=w\n.subckt m%[2]d i=w o=o\n", i, i+1)
	}
	fmt.Fprintf(b, ".model m%d\n.inputs i\n.outputs o\n.names i o\n0 1\n", levels)
	return b.String()
}

// endless is a file of the given length that repeats a piece of text.
type endless struct {
	piece string
	left  int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && e.left > 0 {
		k := copy(p[n:min(len(p), n+e.left)], e.piece)
		n += k
		e.left -= k
	}
	return n, nil
}

// TestGarbage feeds 100 MB of several kinds. Memory must stay within a few
// times what maxFile bytes can hold.
func TestGarbage(t *testing.T) {
	for name, piece := range map[string]string{
		"zeros": "\x00", "words": "x ", "lines": "\n", "open comment": "/* ", "comments": "// x\n",
		"hashes": "# x\n", "models": ".model m\n", "backslashes": "\\", "attributes": "(* ",
	} {
		for kind, read := range map[string]readFunc{"verilog": netlist.ReadVerilog, "blif": netlist.ReadBLIF} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := read(&endless{piece, 100 << 20}, "garbage", lut.LoadOptions{})
				runtime.ReadMemStats(&after)
				var fault *lut.FormatError
				if !errors.As(err, &fault) || fault.Line == 0 || fault.Path != "garbage" {
					t.Fatalf("%v, want a FormatError with file and line", err)
				}
				if len(err.Error()) > 300 || strings.Contains(err.Error(), "\n") {
					t.Errorf("not one short line: %q", err)
				}
				if total := after.TotalAlloc - before.TotalAlloc; total > 256<<20 {
					t.Errorf("allocated %d MiB", total>>20)
				}
			})
		}
	}
}

// TestCells uses a file of cells, and holds its faults to its own path.
func TestCells(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "cells.v")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const text = "module m(input [1:0] A, input [1:0] B, output [1:0] Y);\nNAND2X1 u(A[0], B[0], Y[0]); BUFX2 v(A[1], Y[1]); endmodule"
	cells := write("module NAND2X1(input A, input B, output Y); assign Y = ~(A & B); endmodule\nmodule BUFX2(input A, output Y); assign Y = ~A; endmodule")
	c, err := netlist.ReadVerilog(strings.NewReader(text), "f.v", lut.LoadOptions{Cells: cells})
	if err != nil {
		t.Fatal(err)
	}
	table, err := c.Table()
	if err != nil {
		t.Fatal(err)
	}
	if got := table.At(1, 3); got != 0 { // the user's BUFX2 inverts
		t.Errorf("AM(1, 3) = %d, want 0", got)
	}
	for _, tt := range []struct {
		cells string
		line  int
		want  string
	}{
		{write("module NAND2X1(input A, input B, output Y);\nalways; endmodule"), 2, "always is not supported"},
		{write("module NAND2X1(input A, input B, output Y);\nwire w; assign w = ~w; assign Y = A & w; endmodule"), 2, "combinational loop through net w of NAND2X1"},
		{filepath.Join(t.TempDir(), "absent.v"), 0, "no such file"},
	} {
		_, err := netlist.ReadVerilog(strings.NewReader(text), "f.v", lut.LoadOptions{Cells: tt.cells})
		var fault *lut.FormatError
		if !errors.As(err, &fault) || fault.Path != tt.cells || fault.Line != tt.line || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s:%d … %s", err, tt.cells, tt.line, tt.want)
		}
	}
}

// TestTableLimits: what a table cannot hold.
func TestTableLimits(t *testing.T) {
	for text, want := range map[string]string{
		"module m(input [8:0] A, input [3:0] B, output [3:0] Y); assign Y = 0; endmodule":   "m is 4u×9u: tables stop at 8 bits an operand; lut info gives its error metrics",
		"module m(input [3:0] A, input [3:0] B, output [31:0] Y); assign Y = ~A; endmodule": "product 4294967280 does not fit an int32",
		"module m(input A, input [3:0] B, output [31:0] Y); assign Y = A; endmodule":        "operand of 1 bits",
	} {
		path := filepath.Join(t.TempDir(), "f.v")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := lut.Load(path, lut.LoadOptions{})
		var fault *lut.FormatError
		if !errors.As(err, &fault) || fault.Line != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want … %s", err, want)
		}
		var wide *netlist.WideError
		if errors.As(err, &wide) != strings.Contains(want, "tables stop") {
			t.Errorf("WideError in %v", err)
		}
	}
}
