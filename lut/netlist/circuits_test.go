package netlist_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

// A circuitTest is a small circuit and what it computes of the values of its
// first and second port.
type circuitTest struct {
	name, text string
	signed     bool
	bits       [2]int
	want       func(a, b int) int
}

type readFunc func(r io.Reader, path string, o lut.LoadOptions) (*netlist.Circuit, error)

// run holds the circuit's table to the function.
func (c circuitTest) run(t *testing.T, read readFunc) {
	t.Helper()
	circuit, err := read(strings.NewReader(c.text), "", lut.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := circuit.Table()
	if err != nil {
		t.Fatal(err)
	}
	x := lut.Operand{Bits: c.bits[0], Signed: c.signed}
	w := lut.Operand{Bits: c.bits[1], Signed: c.signed}
	if table.X() != x || table.W() != w {
		t.Fatalf("first port %v, second %v, want %v, %v", table.X(), table.W(), x, w)
	}
	for a := x.Min(); a <= x.Max(); a++ {
		for b := w.Min(); b <= w.Max(); b++ {
			if got, want := table.At(b, a), c.want(a, b); int(got) != want {
				t.Fatalf("product of %d and %d is %d, want %d", a, b, got, want)
			}
		}
	}
}

func exact(a, b int) int { return a * b }

// ports wraps statements into a module of 3×4 bits with a product of n bits.
func ports(n int, statements string) string {
	return fmt.Sprintf("module m(input [2:0] A, input [3:0] B, output [%d:0] Y);\n%s\nendmodule\n", n-1, statements)
}

// TestVerilog takes the grammar word by word. What an expression must give is
// written with Go's operators, by the standard's rules of width and sign.
func TestVerilog(t *testing.T) {
	for _, c := range unsignedVerilog {
		c.bits = [2]int{3, 4}
		t.Run(c.name, func(t *testing.T) { c.run(t, netlist.ReadVerilog) })
	}
	for _, c := range signedVerilog {
		c.signed, c.bits = true, [2]int{4, 3}
		t.Run(c.name, func(t *testing.T) { c.run(t, netlist.ReadVerilog) })
	}
}

var (
	unsignedVerilog = []circuitTest{
		{name: "product", text: ports(7, "assign Y = A * B;"), want: exact},
		{name: "product cut by its port", text: ports(4, "assign Y = A * B;"), want: func(a, b int) int { return a * b & 15 }},
		{name: "sum keeps its carry in a wide target", text: ports(7, "assign Y = A + B;"), want: func(a, b int) int { return a + b }},
		{name: "sum loses its carry in a concatenation", text: ports(7, "assign Y = {A + B};"), want: func(a, b int) int { return (a + b) & 15 }},
		{name: "sum of three", text: ports(7, "assign Y = A + B + 3'd5 + 1;"), want: func(a, b int) int { return a + b + 6 }},
		{name: "inversion at the target's width", text: ports(7, "assign Y = ~A;"), want: func(a, b int) int { return ^a & 127 }},
		{name: "logical not", text: ports(7, "assign Y = !B;"), want: func(a, b int) int { return map[bool]int{true: 1}[b == 0] }},
		{name: "precedence", text: ports(7, "assign Y = A | B ^ A & B + A * B;"), want: func(a, b int) int { return (a | (b ^ (a & (b + a*b)))) & 127 }},
		{name: "parentheses", text: ports(7, "assign Y = ((A | B) ^ A) & (B + A) * B;"), want: func(a, b int) int { return ((a | b) ^ a) & ((b + a) * b) & 127 }},
		{name: "xnor", text: ports(7, "assign Y = A ^~ B;"), want: func(a, b int) int { return (a ^ ^b) & 127 }},
		{name: "selects and concatenation", text: ports(7, "assign Y = {B[2:1], A[0], B[3], A[2:0]};"),
			want: func(a, b int) int { return (b>>1&3)<<5 | (a&1)<<4 | (b>>3)<<3 | a }},
		{name: "replication", text: ports(7, "assign Y = {2{A[2], {2{B[0]}}}};"),
			want: func(a, b int) int { g := (a>>2)<<2 | (b&1)*3; return g<<3 | g }},
		{name: "target of a concatenation", text: ports(7, "assign {Y[6:4], Y[3:0]} = {A, B};"), want: func(a, b int) int { return a<<4 | b }},
		{name: "$signed extends the sign", text: ports(7, "assign Y = $signed(A);"), want: func(a, b int) int { return ((a ^ 4) - 4) & 127 }},
		{name: "$signed times $signed", text: ports(7, "assign Y = $signed(A) * $signed(B);"), want: func(a, b int) int { return ((a ^ 4) - 4) * ((b ^ 8) - 8) & 127 }},
		{name: "one unsigned operand makes all unsigned", text: ports(7, "assign Y = $signed(A) * B;"), want: exact},
		{name: "$signed of a sum keeps the sum's width", text: ports(7, "assign Y = $signed(A + 3'd1);"), want: func(a, b int) int { return (((a+1)&7 ^ 4) - 4) & 127 }},
		{name: "numbers", text: ports(7, "assign Y = 7'b10_1 ^ 7'o17 ^ 7'h3_A ^ 7'd9 ^ 'h1 ^ 2;"), want: func(a, b int) int { return 5 ^ 15 ^ 0x3A ^ 9 ^ 1 ^ 2 }},
		{name: "signed number", text: ports(7, "assign Y = 3'sb101 + $signed(A);"), want: func(a, b int) int { return (-3 + (a ^ 4) - 4) & 127 }},
		{name: "number cut by its target", text: ports(1, "assign Y = 1;"), want: func(a, b int) int { return 1 }},
		{name: "localparam", text: ports(7, "localparam N = 2*3 - 1, M = N % 4; localparam [4:0] K = 5'b10110; wire [N-1:M-1] w; assign w = K; assign Y = w[N-1:M+0] + M;"),
			want: func(a, b int) int { return 0b1011 + 1 }},
		{name: "negative and ascending ranges", text: ports(7, "wire [-1:2] w; wire [0:2] v; assign w = B; assign v = A; assign Y = {v[0:1], w[-1], w[1:2], v[2]};"),
			want: func(a, b int) int { return (a>>1)<<4 | (b>>3)<<3 | (b&3)<<1 | a&1 }},
		{name: "read before assigned and declared", text: ports(7, "assign Y = w; assign w = v & A; assign v = ~B; wire [3:0] w, v;"), want: func(a, b int) int { return a &^ b }},
		{name: "wire with a value", text: ports(7, "wire [3:0] v = ~B, w = v & A; assign Y = w;"), want: func(a, b int) int { return a &^ b }},
		{name: "several assignments", text: ports(7, "assign Y[3:0] = B, Y[6:4] = A;"), want: func(a, b int) int { return a<<4 | b }},
		{name: "comments, attributes, directives", text: "`timescale 1ns/1ps\n(* top = \"m;\" *) " + ports(7, "/* assign Y = 0; // */ assign Y = (* keep *) A * B; // assign Y = 1;"), want: exact},
		{name: "escaped names", text: ports(7, "wire [6:0] \\a+b ; assign \\a+b = A * B; assign Y = \\a+b ;"), want: exact},
		{name: "plain ports", text: "module m(A, B, Y); output [6:0] Y; input [2:0] A; input [3:0] B; wire [6:0] Y; assign Y = A * B; endmodule", want: exact},
		{name: "ports that share a header", text: "module m(output wire [6:0] Y, input [2:0] A, input wire [3:0] B); assign Y = A * B; endmodule", want: exact},
		{name: "instances by name", text: ports(7, "mul u(.y(Y), .b(B), .a(A));") + "module mul(input [2:0] a, input [3:0] b, output [6:0] y); assign y = a * b; endmodule", want: exact},
		{name: "instances by place, expressions in ports", text: "module inv(x, y); input [3:0] x; output [3:0] y; assign y = ~x; endmodule\n" +
			ports(7, "wire [3:0] n; inv u({1'b0, A} ^ B, n), v(~n, Y[3:0]); assign Y[6:4] = 3'b0;"), want: func(a, b int) int { return ^(a ^ b) & 15 }},
		{name: "plain number at a port", text: ports(7, "wire [3:0] n; inv u(.x(5), .y(n)); assign Y = n;") +
			"module inv(input [3:0] x, output [3:0] y); assign y = ~x; endmodule", want: func(a, b int) int { return ^5 & 15 }},
		{name: "empty ports", text: ports(7, "HAX1 u(A[0], B[0], , Y[0]), v(.A(A[1]), .B(B[1]), .YS(Y[1]), .YC()); assign Y[6:2] = 0;"),
			want: func(a, b int) int { return a&b&1 | (a^b)&2 }},
		{name: "built-in cells", text: ports(4, "AND2X1 u(A[0], B[0], Y[0]); BUFX2 v(A[1], Y[1]); FAX1 w(A[0], A[1], A[2], Y[2], Y[3]);"),
			want: func(a, b int) int { n := a&1 + a>>1&1 + a>>2; return a&b&1 | a&2 | n<<2 }},
	}
	signedVerilog = []circuitTest{
		{name: "signed ports", text: "module m(input signed [3:0] A, input signed [2:0] B, output signed [6:0] Y); assign Y = A * B; endmodule", want: exact},
		{name: "sign by name", text: "module mul8s_X(input [3:0] A, input [2:0] B, output [6:0] Y); assign Y = $signed(A) * $signed(B); endmodule", want: exact},
		{name: "wide signed product", text: "module mul8s_X(input [3:0] A, input [2:0] B, output [31:0] Y); assign Y = $signed(A) * $signed(B); endmodule", want: exact},
		{name: "narrow signed product", text: "module mul8s_X(input [3:0] A, input [2:0] B, output [3:0] Y); assign Y = $signed(A) * $signed(B); endmodule",
			want: func(a, b int) int { return (a*b&15 ^ 8) - 8 }},
	}
)

// blif wraps the body of a model of 2×2 bits and 4 bits of product.
func blif(body string) string {
	return ".model top\n.inputs A[0] A[1] B[0] B[1]\n.outputs Y[0] Y[1] Y[2] Y[3]\n" + body + "\n.end\n"
}

func TestBLIF(t *testing.T) {
	for _, c := range blifTests {
		c.bits = [2]int{2, 2}
		t.Run(c.name, func(t *testing.T) { c.run(t, netlist.ReadBLIF) })
	}
}

var blifTests = []circuitTest{
	{name: "covers", text: blif(".names A[0] B[0] Y[0]\n11 1\n.names A[0] B[1] A[1] B[0] Y[1]\n110- 1\n11-0 1\n0-11 1\n-011 1\n" +
		".names A[0] B[0] A[1] B[1] Y[2]\n0-11 1\n-011 1\n.names A[0] B[0] A[1] B[1] Y[3]\n1111 1"), want: exact},
	{name: "off-set, constants", text: blif(".names A[0] B[0] Y[0]\n0- 0\n-0 0\n.names Y[1]\n1\n.names Y[2]\n.names A[1] Y[3]\n1 0"),
		want: func(a, b int) int { return a&b&1 | 2 | (^a>>1&1)<<3 }},
	{name: "off-set constant", text: blif(".names Y[0]\n0\n.names Y[1]\n 1\n.names Y[2]\n.names Y[3]"), want: func(a, b int) int { return 2 }},
	{name: "row of dashes", text: blif(".names A[0] Y[0]\n- 1\n.names A[0] A[1] Y[1]\n-- 0\n.names Y[2]\n.names Y[3]"), want: func(a, b int) int { return 1 }},
	{name: "undriven nets are 0, $true is 1", text: blif(".names $false Y[0]\n0 1\n.names $true Y[1]\n1 1\n.names nothing Y[2]\n1 1"), want: func(a, b int) int { return 3 }},
	{name: "hierarchy, model used before its definition, input open", text: blif(".subckt pass i=A[0] o=Y[0]\n.subckt pass i=A[1] o=Y[1]\n.subckt pass o=Y[2]\n.names Y[3]") +
		".model pass\n.inputs i\n.outputs o\n.names i o\n1 1\n", want: func(a, b int) int { return a }},
	{name: "cells of Verilog", text: blif(".subckt HAX1 A=A[0] B=B[0] YS=Y[0] YC=Y[1]"), want: func(a, b int) int { return a&1 + b&1 }},
	{name: "continuation and comments", text: "# MAE = 1\n.model t\n.inputs A[0] \\\nA[1] B[0] B[1] # an input\n.outputs \\\n Y\r\n.names A[0]\\\n B[1] Y # and\n11 1 # row\n",
		want: func(a, b int) int { return a & (b >> 1) & 1 }},
	{name: "bits without brackets", text: ".model t\n.inputs a0 a1 b0 b1\n.outputs y0 y1\n.names a1 y0\n1 1\n.names b0 y1\n1 1\n", want: func(a, b int) int { return a>>1 | (b&1)<<1 }},
	{name: "inputs of one name, in halves", text: ".model t\n.inputs i0 i1 i2 i3\n.outputs o\n.names i1 i2 o\n11 1\n", want: func(a, b int) int { return a >> 1 & b }},
	{name: "inputs of many names, in halves", text: ".model t\n.inputs p q r s\n.outputs o\n.names q r o\n11 1\n", want: func(a, b int) int { return a >> 1 & b & 1 }},
	{name: "an input that is an output", text: ".model t\n.inputs A[0] A[1] B[0] B[1]\n.outputs B[0]\n", want: func(a, b int) int { return b & 1 }},
}

// TestAssumed holds the printed assumptions and the options that settle them.
func TestAssumed(t *testing.T) {
	yes, no := true, false
	const text = "module mul4s_X(input [3:0] A, input [2:0] B, output [6:0] Y); assign Y = {B[0], 2'b0, A}; endmodule"
	for _, tt := range []struct {
		o       lut.LoadOptions
		w, x    string
		assumed string
	}{
		{lut.LoadOptions{}, "3s", "4s", "operand order xw (assumed): port A is the activation, port B the weight"},
		{lut.LoadOptions{Order: "wx"}, "4s", "3s", "operand order wx (as asked): port A is the weight, port B the activation"},
		{lut.LoadOptions{Signed: &no}, "3u", "4u", "weight 3u × activation 4u: sign as asked"},
		{lut.LoadOptions{Signed: &yes}, "3s", "4s", "weight 3s × activation 4s: sign as asked"},
		{lut.LoadOptions{}, "3s", "4s", "weight 3s × activation 4s: sign by the module's name mul4s_X"},
		{lut.LoadOptions{}, "3s", "4s", "product port Y of 7 bits, two's complement"},
	} {
		c, err := netlist.ReadVerilog(strings.NewReader(text), "f.v", tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if c.W().String() != tt.w || c.X().String() != tt.x {
			t.Errorf("%+v: weight %v, activation %v, want %s, %s", tt.o, c.W(), c.X(), tt.w, tt.x)
		}
		if got := strings.Join(c.Assumed(), "; "); !strings.Contains(got, tt.assumed) {
			t.Errorf("%+v: %q lacks %q", tt.o, got, tt.assumed)
		}
	}
	c, err := netlist.ReadBLIF(strings.NewReader(blif(".names a b $true Y[0]\n111 1\n.subckt HAX1 B=B[0] YC=Y[1]")), "", lut.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Assumed(), "; ")
	for _, want := range []string{
		"$true of model top is 1",
		"undriven in model top, taken as 0: Y[2], Y[3], a, b",
		"unconnected inputs of HAX1, taken as 0: A",
		"sign assumed",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

// TestTop holds the rule by which the multiplier of a file is found.
func TestTop(t *testing.T) {
	module := func(name, inputs string, body string) string {
		return fmt.Sprintf("module %s(%s, output [3:0] Y); assign Y = 0; %s endmodule\n", name, inputs, body)
	}
	const two, three = "input [1:0] A, input [1:0] B", "input [1:0] A, input [1:0] B, input C"
	for _, tt := range []struct{ name, path, top, text, want string }{
		{"option", "x.v", "q", module("p", two, "") + module("q", two, ""), "q"},
		{"file", "dir/q.v", "", module("p", two, "") + module("q", two, ""), "q"},
		{"file less _pdk45", "q_pdk45.v", "", module("p", two, "") + module("q", two, ""), "q"},
		{"file goes before shape", "q.v", "", module("p", two, "q u(2'b0, 2'b0, );") + module("q", two, ""), "q"},
		{"not instantiated", "x.v", "", module("q", two, "p u(2'b0, 2'b0, );") + module("p", two, ""), "q"},
		{"shape", "x.v", "", module("p", three, "") + module("q", two, ""), "q"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := netlist.ReadVerilog(strings.NewReader(tt.text), tt.path, lut.LoadOptions{Top: tt.top})
			if err != nil {
				t.Fatal(err)
			}
			if c.Name() != tt.want {
				t.Errorf("top %s, want %s", c.Name(), tt.want)
			}
		})
	}
	text := strings.Replace(blif(""), ".model top", ".model first", 1) + blif(".names A[0] Y[0]\n1 1")
	for top, want := range map[string]string{"": "first", "top": "top"} {
		c, err := netlist.ReadBLIF(strings.NewReader(text), "", lut.LoadOptions{Top: top})
		if err != nil {
			t.Fatal(err)
		}
		if c.Name() != want {
			t.Errorf("top %q is %s, want %s", top, c.Name(), want)
		}
	}
}
