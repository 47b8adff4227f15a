package lut_test

import (
	"slices"
	"strings"
	"testing"

	"gputrain/lut"
)

func codes(warnings []lut.Warning) []string {
	c := []string{}
	for _, w := range warnings {
		c = append(c, w.Code)
	}
	return c
}

func TestLint(t *testing.T) {
	u, s := lut.Unsigned(4), lut.Signed(4)
	exact := func(W, X int) int { return W * X }
	wrongBelow := func(below, by int) func(W, X int) int {
		return func(W, X int) int {
			if W < below && X < below {
				return W*X + by
			}
			return W*X + W&1*X&1
		}
	}
	for _, tt := range []struct {
		t    *lut.Table
		want []string
		text string
	}{
		{lut.New("product", u, u, exact), nil, ""},
		{lut.New("exact:4u", u, u, exact), nil, ""},
		{lut.New("mul8s_acc", s, s, exact), nil, ""},
		{lut.New("mul8s_1KV8", s, s, exact), []string{"exact_named_approximate"}, "mul8s_1KV8 reads like"},
		{lut.New("trunc:4u,cols=0", u, u, exact), []string{"exact_named_approximate"}, ""},
		{lut.New("t", u, u, func(W, X int) int { return W*X + W>>1&X }), []string{"not_commutative"}, "AM(1, 2) = 2 but AM(2, 1) = 3"},
		{lut.New("t", s, u, func(W, X int) int { return W*X + W&1&(X>>1) }), nil, ""},
		{lut.New("t", u, u, func(W, X int) int { return W*X | 1 }), []string{"zero_not_zero"}, "AM(0, 0) = 1 and 15 of 16 like it, AM(0, 0) = 1 and 15 of 16"},
		{lut.New("t", s, u, func(W, X int) int { return W * (X | 4) }), []string{"zero_not_zero"}, "0: AM(-8, 0) = -32 and 14 of 16 like it; zeros"},
		{lut.New("t", s, s, wrongBelow(0, 4)), []string{"sign_quadrant"}, "both operands are negative the mean |error| is 4, elsewhere at most"},
		{lut.New("t", s, s, wrongBelow(0, 0)), nil, ""},
		{lut.New("t", s, u, func(W, X int) int { return W*X + min(0, W)*-9*min(X, 1) }), []string{"sign_quadrant"}, "where weight < 0 the mean"},
		{lut.New("t", u, s, func(W, X int) int { return W*X + max(0, X)*9*min(W, 1) }), []string{"sign_quadrant"}, "where activation ≥ 0 the mean"},
		// A single corner that saturates is no quadrant gone wrong.
		{lut.New("t", s, s, func(W, X int) int { return min(W*X, 63) }), nil, ""},
	} {
		got := lut.Lint(tt.t)
		text := ""
		for _, w := range got {
			text += w.Text + "\n"
		}
		if !slices.Equal(codes(got), append([]string{}, tt.want...)) || !strings.Contains(text, tt.text) {
			t.Errorf("%s %v×%v: %+v, want %v and %q", tt.t.Name(), tt.t.W(), tt.t.X(), got, tt.want, tt.text)
		}
	}
}

// TestLint1L2H: the table that is distributed with AdaPT is wrong where both
// operands are negative; the circuit itself is not.
func TestLint1L2H(t *testing.T) {
	wrong := load(t, sharedFile(t, "mults", "formats", "adapt", "mul8s_1L2H.h"), lut.LoadOptions{}).Table
	i := slices.IndexFunc(lut.Lint(wrong), func(w lut.Warning) bool { return w.Code == lut.SignQuadrant })
	if i < 0 || !strings.Contains(lut.Lint(wrong)[i].Text, "both operands are negative the mean |error| is 316.25, elsewhere at most 63.25") {
		t.Errorf("%+v, want the quadrant of negative operands", lut.Lint(wrong))
	}
	for _, name := range []string{"mul8s_1L2H", "mul8s_1KR3"} {
		right := load(t, sharedFile(t, "mults", "evoapprox", name, "product.npy"), lut.LoadOptions{Order: "xw", Signed: signed(true), Codes: "twos"}).Table
		if c := codes(lut.Lint(right)); slices.Contains(c, lut.SignQuadrant) {
			t.Errorf("the circuit %s itself: %v", name, lut.Lint(right))
		}
	}
	for _, spec := range []string{"drum:8s,k=3", "drum:8sx8u,k=4", "bam:8s,v=6,h=2", "mitchell:8s", "roba:8s", "trunc:8s,cols=4", "exact:8s"} {
		l, err := lut.Resolve(spec, lut.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if c := codes(lut.Lint(l.Table)); slices.Contains(c, lut.SignQuadrant) {
			t.Errorf("%s: %v", spec, lut.Lint(l.Table))
		}
	}
}
