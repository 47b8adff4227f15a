package netlist_test

import (
	"testing"

	"gputrain/lut"
)

// TestExampleNetlist holds the circuit of examples/netlist, which
// docs/multipliers.md walks through, to what it says of itself: partial products
// of the columns below 10 are ORed, those above are added.
func TestExampleNetlist(t *testing.T) {
	m, err := lut.Load("../../examples/netlist/mul8u_or10.v", lut.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const cols = 10
	want := lut.New("mul8u_or10", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int {
		ored, added := 0, 0
		for i := range 8 {
			for j := range 8 {
				p := (W >> i & 1) * (X >> j & 1) << (i + j)
				if i+j < cols {
					ored |= p
				} else {
					added += p
				}
			}
		}
		return ored + added
	})
	if m.Table.SHA256() != want.SHA256() || m.Table.Name() != want.Name() {
		t.Errorf("%s, sha256 %s; want %s, %s", m.Table.Name(), m.Table.SHA256(), want.Name(), want.SHA256())
	}
}
