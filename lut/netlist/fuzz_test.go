package netlist_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/lut"
	"gputrain/lut/netlist"
)

// fuzz reads data. A fault must be a FormatError of one line; what is accepted
// must say what it assumes, and a table of it must be the same when the text is
// read again and the transpose when the operands change places.
func fuzz(t *testing.T, read readFunc, data []byte) {
	c, err := read(bytes.NewReader(data), "fuzz", lut.LoadOptions{})
	if err != nil {
		var fault *lut.FormatError
		if !errors.As(err, &fault) {
			t.Fatalf("%T: %v", err, err)
		}
		if strings.ContainsAny(err.Error(), "\n\r\x00") {
			t.Fatalf("not one line: %q", err)
		}
		return
	}
	if len(c.Assumed()) < 4 || c.Gates() < 0 {
		t.Fatalf("assumed %q, %d gates", c.Assumed(), c.Gates())
	}
	if c.W().Bits+c.X().Bits > 12 {
		return // tables of wider circuits take long and find no more
	}
	table, err := c.Table()
	swapped, errAgain := read(bytes.NewReader(data), "fuzz", lut.LoadOptions{Order: "wx"})
	if errAgain != nil {
		t.Fatalf("not accepted again: %v", errAgain)
	}
	other, errOther := swapped.Table()
	if (err == nil) != (errOther == nil) {
		t.Fatalf("table: %v, and with the operands changed: %v", err, errOther)
	}
	if err != nil {
		return
	}
	for W := table.W().Min(); W <= table.W().Max(); W++ {
		for X := table.X().Min(); X <= table.X().Max(); X++ {
			if table.At(W, X) != other.At(X, W) {
				t.Fatalf("AM(%d, %d) = %d, with the operands changed %d", W, X, table.At(W, X), other.At(X, W))
			}
		}
	}
}

func FuzzVerilog(f *testing.F) {
	addSeeds(f, "*.v", slices.Concat(unsignedVerilog, signedVerilog), badVerilog())
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, netlist.ReadVerilog, data) })
}

func FuzzBLIF(f *testing.F) {
	addSeeds(f, "*.blif", blifTests, badBLIF())
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, netlist.ReadBLIF, data) })
}

// addSeeds adds the small circuits of testdata and the short texts of the
// other tests.
func addSeeds(f *testing.F, pattern string, good []circuitTest, bad []badTest) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("seeds %s: %v, %v", pattern, files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, c := range good {
		f.Add([]byte(c.text))
	}
	for _, b := range bad {
		if len(b.text) < 1000 {
			f.Add([]byte(b.text))
		}
	}
}
