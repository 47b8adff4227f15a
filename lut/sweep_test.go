package lut_test

import (
	"slices"
	"strings"
	"testing"

	"gputrain/lut"
)

func TestParseSweep(t *testing.T) {
	for text, want := range map[string][]string{
		"mitchell:8u":                  {"mitchell:8u"},
		"trunc:8u,cols=2..4":           {"trunc:8u,cols=2", "trunc:8u,cols=3", "trunc:8u,cols=4"},
		"trunc:8u,cols=3,comp=0..9..4": {"trunc:8u,cols=3,comp=0", "trunc:8u,cols=3,comp=4", "trunc:8u,cols=3,comp=8"},
		"trunc:8u,cols=3,comp=7..7":    {"trunc:8u,cols=3,comp=7"},
		"bam:4ux3s,v=0..1,h=1..2":      {"bam:4ux3s,v=0,h=1", "bam:4ux3s,v=0,h=2", "bam:4ux3s,v=1,h=1", "bam:4ux3s,v=1,h=2"},
	} {
		specs, err := lut.ParseSweep(text)
		var got []string
		for _, s := range specs {
			got = append(got, s.String())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %q (%v), want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"trunc:8u,cols=4..2":       "begins after its end",
		"trunc:8u,cols=1..2..0":    "step 0",
		"trunc:8u,cols=1..2..3..4": "want lo..hi",
		"trunc:8u,cols=1..x":       "want lo..hi",
		"trunc:8u,cols=14..17":     "cols=15, want 0 to",
		"trunc:8u,cols=0..2000":    "more than 1024 values",
		"trunc:8u,cols=-9223372036854775808..9223372036854775807": "more than 1024 values",
		"bam:8u,v=0..60,h=0..60":                                  "more than 1024 multipliers",
		"drumm:8u,k=1..2":                                         "did you mean drum?",
		"trunc:8u,":                                               "want name=value",
		"":                                                        "want family:WIDTH",
	} {
		if _, err := lut.ParseSweep(text); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "lut:") != 1 {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzParseSweep: a sweep that is accepted is of legal specs, and bounded.
func FuzzParseSweep(f *testing.F) {
	for _, s := range []string{"trunc:8u,cols=2..12", "bam:8u,v=0..8..2,h=0..2", "drum:4s,k=..", "roba:8u", "trunc:2u,cols=0..9223372036854775807..9223372036854775806"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		specs, err := lut.ParseSweep(text)
		if err != nil {
			return
		}
		if len(specs) == 0 || len(specs) > lut.MaxSweep {
			t.Fatalf("%q is of %d specs", text, len(specs))
		}
		for _, s := range specs {
			if again, err := lut.ParseSpec(s.String()); err != nil || again.String() != s.String() {
				t.Fatalf("%q: spec %q: %v", text, s, err)
			}
		}
	})
}
