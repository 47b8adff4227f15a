package netlist

import (
	"os"
	"strings"
)

// pdk45 are the cells that the _pdk45.v files of EvoApproxLib use and do not
// define: half adder, full adder, and gate, buffer (FreePDK45).
const pdk45 = `
module HAX1(input A, input B, output YS, output YC);
  assign YS = A ^ B;
  assign YC = A & B;
endmodule
module FAX1(input A, input B, input C, output YS, output YC);
  assign YS = A ^ B ^ C;
  assign YC = A & B | B & C | A & C;
endmodule
module AND2X1(input A, input B, output Y);
  assign Y = A & B;
endmodule
module BUFX2(input A, output Y);
  assign Y = A;
endmodule
`

// cellsHint is the remedy for an unknown cell.
const cellsHint = " and no built-in cell (HAX1, FAX1, AND2X1, BUFX2): name a Verilog file that defines it with --cells"

// A library finds modules in several texts, of which the earlier ones win.
type library struct {
	units []*unit
	work  int // bits of expressions of the modules built, see builder.spend
}

// openCells returns the library of the cells of a user's file, if path names
// one, and of the built-in ones. Faults bail out.
func openCells(path string) *library {
	l := &library{}
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			fail(path, 0, "%w", err)
		}
		defer f.Close()
		l.units = append(l.units, parseVerilog(f, path))
	}
	l.units = append(l.units, parseVerilog(strings.NewReader(pdk45), "built-in cells"))
	return l
}

// find returns the named module, nil if there is none.
func (l *library) find(name string) *verilogModule {
	for _, u := range l.units {
		if m := u.byName[name]; m != nil {
			return m
		}
	}
	return nil
}

// module returns the named module, built; nil if there is none.
func (l *library) module(name string, depth int) *module {
	v := l.find(name)
	if v == nil {
		return nil
	}
	return l.build(v, depth)
}
