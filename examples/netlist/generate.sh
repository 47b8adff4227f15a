#!/bin/sh
# Writes an approximate 8×8 multiplier as structural Verilog:
#
#   sh generate.sh 10 > mul8u_or10.v
#
# Partial products a[i]·b[j] of the columns i + j < COLS are not added but ORed,
# column by column and without carries; the columns above are added exactly, by
# full and half adders.
awk -v cols="${1:?usage: generate.sh COLS}" '
function add(c, net) { column[c, height[c]++] = net }
function take(c)     { return column[c, --height[c]] }
BEGIN {
	n = 8
	print "// 8x8 multiplier: columns below " cols " are ORed, those above added exactly."
	print "// Written by examples/netlist/generate.sh."
	print "module mul8u_or" cols " (a, b, o);"
	print "  input [7:0] a;\n  input [7:0] b;\n  output [15:0] o;"
	for (i = 0; i < n; i++) for (j = 0; j < n; j++) {
		net = "p" i "_" j
		body = body "  assign " net " = a[" i "] & b[" j "];\n"
		wires = wires "  wire " net ";\n"
		add(i + j, net)
	}
	for (c = 0; c < 2 * n; c++) {
		if (c < cols) {
			sum = take(c)
			while (height[c] > 0) sum = sum " | " take(c)
			body = body "  assign o[" c "] = " sum ";\n"
			continue
		}
		while (height[c] > 1) { # carries of column c go into column c + 1
			k++
			wires = wires "  wire s" k ", c" k ";\n"
			if (height[c] > 2)
				body = body "  fa u" k " (.x(" take(c) "), .y(" take(c) "), .z(" take(c) "), .s(s" k "), .c(c" k "));\n"
			else
				body = body "  ha u" k " (.x(" take(c) "), .y(" take(c) "), .s(s" k "), .c(c" k "));\n"
			add(c, "s" k)
			add(c + 1, "c" k)
		}
		body = body "  assign o[" c "] = " (height[c] ? take(c) : "1'"'"'b0") ";\n"
	}
	printf "%s%s", wires, body
	print "endmodule"
	print "\nmodule ha (x, y, s, c);\n  input x, y;\n  output s, c;\n  assign s = x ^ y;\n  assign c = x & y;\nendmodule"
	print "\nmodule fa (x, y, z, s, c);\n  input x, y, z;\n  output s, c;\n  assign s = x ^ y ^ z;\n  assign c = x & y | x & z | y & z;\nendmodule"
}'
