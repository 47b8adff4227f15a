package lut_test

import (
	"strings"
	"testing"

	"gputrain/lut"
)

func TestParseSpec(t *testing.T) {
	for _, tt := range []struct {
		text string
		w, x lut.Operand
		want string // as String writes it; empty if the same
	}{
		{"exact:8u", lut.Unsigned(8), lut.Unsigned(8), ""},
		{"exact:8ux4s", lut.Unsigned(8), lut.Signed(4), ""},
		{"trunc:7u,cols=6,comp=48", lut.Unsigned(7), lut.Unsigned(7), ""},
		{"trunc:7u,comp=48,cols=6", lut.Unsigned(7), lut.Unsigned(7), "trunc:7u,cols=6,comp=48"},
		{"bam:8ux8u,h=2,v=6", lut.Unsigned(8), lut.Unsigned(8), "bam:8u,v=6,h=2"},
		{"drum:2s,k=1", lut.Signed(2), lut.Signed(2), ""},
	} {
		s, err := lut.ParseSpec(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if tt.want == "" {
			tt.want = tt.text
		}
		if s.W != tt.w || s.X != tt.x || s.String() != tt.want {
			t.Errorf("%s is %v: %v × %v, want %s: %v × %v", tt.text, s, s.W, s.X, tt.want, tt.w, tt.x)
		}
		tab, err := s.Table()
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if tab.Name() != tt.want || tab.W() != tt.w || tab.X() != tt.x {
			t.Errorf("table of %s is %s, %v × %v", tt.text, tab.Name(), tab.W(), tab.X())
		}
	}
}

// TestParseSpecErrors lists what each message must hold.
func TestParseSpecErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"trunc":                     {"family:WIDTH"},
		"drumm:8u,k=3":              {`family "drumm"`, "did you mean drum?", "kulkarni"},
		"Trunc:8u,cols=8":           {"did you mean trunc?"},
		"trunc:8u":                  {"cols is missing", "cols=0 to 14"},
		"trunc:8s,cols=8":           {"cols=8, want 0 to 7"},
		"trunc:8u,cols=15":          {"cols=15, want 0 to 14"},
		"trunc:8u,cols=-1":          {"cols=-1"},
		"trunc:8u,cols=8,comp=-1":   {"comp=-1, want 0 to 65535"},
		"trunc:8u,col=8":            {`parameter "col"`, "did you mean cols?"},
		"trunc:8u,cols=8,cols=9":    {"cols is given twice"},
		"trunc:8u,cols=eight":       {`cols="eight", want an integer`},
		"trunc:8u,cols":             {`"cols", want name=value`},
		"trunc:9u,cols=8":           {"operand of 9 bits, want 2 to 8"},
		"trunc:1u,cols=8":           {"operand of 1 bits, want 2 to 8"},
		"trunc:8,cols=8":            {`width "8"`, "8u or 7s"},
		"trunc:+8u,cols=8":          {`width "+8u"`},
		"trunc:08u,cols=8":          {`width "08u"`},
		"trunc:8us,cols=8":          {`width "8us"`},
		"trunc:8ux,cols=8":          {`width ""`},
		"trunc:9u,col=8,comp=a":     {"9 bits", `parameter "col"`, `comp="a"`}, // all at once
		"trunc:8u,cols=99,comp=-99": {"cols=99", "comp=-99"},
		"bam:8u,v=6":                {"h is missing, want h=0 to 7"},
		"bam:8ux4u,v=6,h=4":         {"h=4, want 0 to 3"},
		"drum:8u,k=0":               {"k=0, want 1 to 8"},
		"drum:8u,k=9":               {"k=9, want 1 to 8"},
		"kulkarni:8s":               {"unsigned operands only"},
		"kulkarni:8ux8s":            {"unsigned operands only"},
		"mitchell:8u,k=3":           {`parameter "k", but mitchell takes none`},
		"exact:":                    {`width ""`},
	} {
		_, err := lut.ParseSpec(text)
		if err == nil {
			t.Errorf("%s: no error, want one", text)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v\nwant %q in it", text, err, w)
			}
		}
	}
	// A Spec that was not parsed is checked too.
	if _, err := (lut.Spec{Family: "drum", W: lut.Unsigned(8), X: lut.Unsigned(8), Params: map[string]int{"j": 3}}).Table(); err == nil ||
		!strings.Contains(err.Error(), "k is missing") || !strings.Contains(err.Error(), `parameter "j"`) {
		t.Errorf("drum with j for k: %v", err)
	}
	if _, err := (lut.Spec{Family: "exact", W: lut.Unsigned(8)}).Table(); err == nil {
		t.Error("exact with an operand of 0 bits: no error, want one")
	}
}

func TestIsSpec(t *testing.T) {
	for text, want := range map[string]bool{
		"trunc:8u,cols=8":    true,
		"trunc:":             true, // and ParseSpec says what is missing
		"drumm:8u":           true,
		"trunc":              false,
		"float":              false,
		"C:8u.npy":           false,
		`C:\tables\8u.npy`:   false,
		"tables/trunc:8u":    false,
		"mul8u_rm8.npy":      false,
		"run 1:8u.npy":       false,
		"":                   false,
		":8u":                false,
		"name:with:colons":   false,
		"trunc_2:8u,cols=8":  true,
		"results:final.npy":  false,
		"kulkarni:8u,x=4":    true,
		"./exact:8u":         false,
		"exact8u":            false,
		"mitchell:8ux4u.npy": true, // the family is known: not a file's name
	} {
		if got := lut.IsSpec(text); got != want {
			t.Errorf("IsSpec(%q) = %v, want %v", text, got, want)
		}
	}
}

// TestTruncPaper compares families with the circuits of the paper.
func TestTruncPaper(t *testing.T) {
	for spec, name := range map[string]string{
		"trunc:6u,cols=4":         "mul6u_rm4",
		"trunc:7u,cols=6":         "mul7u_rm6",
		"trunc:7u,cols=6,comp=48": "mul7u_rm6_c48_derived",
		"trunc:8u,cols=8":         "mul8u_rm8",
		"bam:8u,v=8,h=0":          "mul8u_rm8",
	} {
		built, err := lut.Resolve(spec, lut.LoadOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		file, err := lut.Load(sharedFile(t, "mults", "paper", name, "product.npy"), lut.LoadOptions{Order: "xw"})
		if err != nil {
			t.Error(err)
		} else if built.Table.SHA256() != file.Table.SHA256() {
			t.Errorf("%s is not %s", spec, name)
		}
	}
}
