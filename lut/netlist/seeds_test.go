package netlist_test

import (
	"path/filepath"
	"testing"

	"gputrain/lut"
)

// TestSeeds loads the small circuits of testdata, which are exact but for one,
// as files.
func TestSeeds(t *testing.T) {
	for file, tt := range map[string]struct {
		format string
		w, x   lut.Operand
		am     func(W, X int) int
	}{
		"mul3u_array.v":   {"verilog", lut.Unsigned(3), lut.Unsigned(3), exact},
		"mul2x2.blif":     {"blif", lut.Unsigned(2), lut.Unsigned(2), exact},
		"constants.blif":  {"blif", lut.Unsigned(2), lut.Unsigned(2), func(W, X int) int { return X&1 | (^W>>1&1)<<1 }},
		"mul4s_behaved.v": {"verilog", lut.Signed(4), lut.Signed(4), func(W, X int) int { return (X&^1)*(W&^1) + map[bool]int{true: 1}[X == 0] }},
	} {
		l, err := lut.Load(filepath.Join("testdata", file), lut.LoadOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		want := lut.New("", tt.w, tt.x, tt.am)
		if l.Format != tt.format || l.Table.SHA256() != want.SHA256() {
			t.Errorf("%s: format %s, products %v, want %v", file, l.Format, l.Table.Products(), want.Products())
		}
		for _, p := range l.Published {
			if p.Differs {
				t.Errorf("%s: published %s = %s differs from %v", file, p.Key, p.Value, *p.Recomputed)
			}
		}
	}
}
