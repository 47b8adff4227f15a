package catalog_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/lut"
	"gputrain/lut/catalog"
)

// sharedFile returns the path of a file of the shared data: in the folder that
// GPUTRAIN_SHARED names, else in a folder "shared" beside the repository. It
// skips the test if there is none, or fails it if GPUTRAIN_REQUIRE_SHARED=1.
func sharedFile(t testing.TB, elem ...string) string {
	t.Helper()
	folder := os.Getenv("GPUTRAIN_SHARED")
	if folder == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil || root == filepath.Dir(root) {
				break
			}
			root = filepath.Dir(root)
		}
		folder = filepath.Join(filepath.Dir(root), "shared")
	}
	path := filepath.Join(append([]string{folder}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("GPUTRAIN_REQUIRE_SHARED") == "1" {
			t.Fatalf("GPUTRAIN_REQUIRE_SHARED=1: %v", err)
		}
		t.Skipf("shared data: %v", err)
	}
	return path
}

func exact(name string, w, x lut.Operand) *lut.Table {
	return lut.New(name, w, x, func(W, X int) int { return W * X })
}

// names returns source and name of each match, with its order.
func names(matches []catalog.Match) []string {
	var n []string
	for _, m := range matches {
		n = append(n, m.Source+": "+m.Name+" "+m.Order)
	}
	return n
}

func TestAll(t *testing.T) {
	entries := catalog.All()
	count := map[string]int{}
	for _, e := range entries {
		count[e.Source]++
		if len(e.Digest) != 64 && e.Digest != "" {
			t.Errorf("%s: digest %q", e.Name, e.Digest)
		}
		if (e.Library == "") != math.IsNaN(e.Power) {
			t.Errorf("%s of %s: power %v with library %q", e.Name, e.Source, e.Power, e.Library)
		}
	}
	if count[catalog.Master]+count[catalog.V2022] != 673 || count[catalog.TableI] != 18 || count[catalog.Shipped] != 1 {
		t.Errorf("%v entries", count)
	}
	entries[0].Name = "changed"
	if catalog.All()[0].Name == "changed" {
		t.Error("All gives its own entries away")
	}
}

// TestFindExact needs no file: exact multipliers are published under several
// names, with power.
func TestFindExact(t *testing.T) {
	for _, tt := range []struct {
		w, x lut.Operand
		want []string
	}{
		{lut.Unsigned(8), lut.Unsigned(8), []string{"EvoApproxLib master: mul8u_1JFF ", "EvoApproxLib v2022: mul8u_1JJQ ", "Meng et al. 2025, Table I: mul8u_acc "}},
		{lut.Signed(8), lut.Signed(8), []string{"EvoApproxLib master: mul8s_1KV8 ", "EvoApproxLib v2022: mul8s_1KV6 "}},
		{lut.Unsigned(8), lut.Unsigned(4), []string{"EvoApproxLib master: mul8x4u_2UU wx", "EvoApproxLib v2022: mul8x4u_2DB wx"}},
		{lut.Unsigned(4), lut.Unsigned(8), []string{"EvoApproxLib master: mul8x4u_2UU xw", "EvoApproxLib v2022: mul8x4u_2DB xw"}},
		{lut.Unsigned(6), lut.Unsigned(6), []string{"Meng et al. 2025, Table I: mul6u_acc "}},
		{lut.Signed(6), lut.Signed(6), nil},
	} {
		if got := names(catalog.Find(exact("e", tt.w, tt.x))); !slices.Equal(got, tt.want) {
			t.Errorf("exact %v×%v is %q, want %q", tt.w, tt.x, got, tt.want)
		}
	}
	m := catalog.Find(exact("e", lut.Unsigned(8), lut.Unsigned(8)))
	if m[0].Power != 391 || m[0].Library != "FreePDK45" || m[2].Power != 22.93 || m[2].Library != "ASAP7" || m[2].Delay != 730.1 {
		t.Errorf("published figures %+v", m)
	}
}

// TestCircuits: tables that came with the circuits are found by their products,
// under both orders of the operands and under any name.
func TestCircuits(t *testing.T) {
	for _, tt := range []struct {
		folder, name, source string
		alone                bool // commutative
	}{
		{"evoapprox", "mul8u_2AC", catalog.Master, false},
		{"evoapprox", "mul8u_17KS", catalog.Master, false},
		{"evoapprox", "mul8u_L40", catalog.Master, false},
		{"evoapprox", "mul8s_1KV8", catalog.Master, true},
		{"evoapprox", "mul8s_1L2H", catalog.Master, true},
		{"evoapprox", "mul8s_1KR3", catalog.Master, false},
		{"paper", "mul7u_06Q", catalog.V2022, false},
		{"paper", "mul8u_17C8", catalog.V2022, false},
		{"paper", "mul8u_syn1", catalog.TableI, false},
		{"paper", "mul8u_rm8", catalog.TableI, true},
		{"paper", "mul7u_rm6", catalog.Shipped, true},
	} {
		path := sharedFile(t, "mults", tt.folder, tt.name, "product.npy")
		for _, order := range []string{"wx", "xw"} {
			signed := strings.HasPrefix(tt.name, "mul8s")
			o := lut.LoadOptions{Order: order, Signed: &signed}
			if signed {
				o.Codes = "twos"
			}
			l, err := lut.Load(path, o)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.source + ": " + tt.name + " " + order
			if tt.alone {
				want = tt.source + ": " + tt.name + " "
			}
			found := catalog.Find(l.Table) // named "product"
			if !slices.Contains(names(found), want) {
				t.Errorf("%s %s is %q, want %q", tt.name, order, names(found), want)
			}
			for _, m := range found {
				agree(t, m.Entry, l.Table.Metrics())
			}
		}
	}
}

// agree compares published error metrics with recomputed ones, within half a
// unit of the last digit that the coarsest of the printed ones keeps.
func agree(t *testing.T, e catalog.Entry, m lut.Metrics) {
	t.Helper()
	for _, f := range []struct {
		name            string
		published, real float64
		digits          float64 // relative, for figures of two digits and more
	}{{"ER", e.ER, m.ER, 1e-3}, {"MED", e.MED, m.MED, 5e-2}, {"NMED", e.NMED, m.NMED, 5e-2}, {"WCE", e.WCE, float64(m.WCE), 0}, {"MSE", e.MSE, m.MSE, 5e-2}} {
		if math.Abs(f.published-f.real) > f.digits*f.real { // NaN: not published
			t.Errorf("%s of %s: %s = %v, want %v", e.Name, e.Source, f.name, f.published, f.real)
		}
	}
}

// TestDigest: the layout of the catalog against the README of the shared data,
// by the digest that came with a circuit there.
func TestDigest(t *testing.T) {
	signed := true
	l, err := lut.Load(sharedFile(t, "mults", "evoapprox", "mul8s_1L2H", "product.npy"), lut.LoadOptions{Signed: &signed, Codes: "twos"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := catalog.Digest(l.Table, "wx"), "ef588b130ab2f588c37c2f9e169de12a6b74cef70aa8fcb48aeacfc53505c222"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestNamed(t *testing.T) {
	for name, want := range map[string][]string{
		"mul8u_17C8": {catalog.Master, catalog.V2022, catalog.TableI},
		"mul7u_syn2": {catalog.TableI},
		"mul7u_rm6":  {catalog.TableI, catalog.Shipped},
		"product":    nil,
	} {
		var got []string
		for _, e := range catalog.Named(name) {
			got = append(got, e.Source)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"mul7u_06Q_lutfp": "mul7u_06Q", "mul6u_rm4_lutfp+bp_avg_2_2": "mul6u_rm4", "mul8x4u_2UU": "mul8x4u_2UU",
		"mul8s_1L2H_pdk45": "mul8s_1L2H", "product": "product", "": "",
	} {
		if got := catalog.CircuitName(name); got != want {
			t.Errorf("CircuitName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLintName(t *testing.T) {
	e := exact("", lut.Signed(8), lut.Signed(8))
	other := lut.New("", lut.Unsigned(8), lut.Unsigned(8), func(W, X int) int { return W*X + 1 })
	for _, tt := range []struct {
		t          *lut.Table
		code, text string
	}{
		{e.Renamed("product"), "", ""},
		{e.Renamed("mul8s_1KV6"), "", ""},
		{e.Renamed("mul8s_1KV8"), catalog.AmbiguousName, "names several circuits: this one is that of EvoApproxLib master, another is that of EvoApproxLib v2022 (ER 50 %, NMED 0.0018 %, WCE 5)"},
		{e.Renamed("mul8s_1L2H"), catalog.NameOfAnother, "; this one is mul8s_1KV8 of EvoApproxLib master"},
		{other.Renamed("mul8u_17C8_v2"), catalog.NameOfAnother, "(ER 99.21 %, NMED 7.41 %, WCE 16896), and that of EvoApproxLib v2022"},
		{other.Renamed("mul8u_17C8_v2"), catalog.NameOfAnother, "this one is not in the catalog"},
		{other.Renamed("mul8u_syn2"), "", ""}, // whose products nobody knows
	} {
		got := catalog.LintName(tt.t)
		switch {
		case tt.code == "" && len(got) != 0, tt.code != "" && (len(got) != 1 || got[0].Code != tt.code || !strings.Contains(got[0].Text, tt.text)):
			t.Errorf("%s: %+v, want %q and %q", tt.t.Name(), got, tt.code, tt.text)
		}
	}
	all := catalog.Lint(e.Renamed("mul8s_1KV8"))
	if len(all) != 2 || all[0].Code != lut.ExactNamedApproximate || all[1].Code != catalog.AmbiguousName {
		t.Errorf("Lint of an exact mul8s_1KV8: %+v", all)
	}
}
