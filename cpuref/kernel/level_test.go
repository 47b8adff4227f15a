package kernel

import "testing"

func TestParseLevel(t *testing.T) {
	for _, c := range []struct {
		name    string
		highest Level
		want    Level
		fault   string
	}{
		{"go", Go, Go, ""},
		{"go", AVX512VBMI, Go, ""},
		{"avx512", AVX512, AVX512, ""},
		{"avx512vbmi", AVX2, 0, "CPU level avx512vbmi is more than this machine has, want one of go, avx2"},
		{"avx2", Go, 0, "CPU level avx2 is more than this machine has, want one of go"},
		{"AVX2", AVX2, 0, `CPU level "AVX2", want one of go, avx2, avx512, avx512vbmi`},
		{"sse", AVX2, 0, `CPU level "sse", want one of go, avx2, avx512, avx512vbmi`},
	} {
		got, err := parseLevel(c.name, c.highest)
		fault := ""
		if err != nil {
			fault = err.Error()
		}
		if got != c.want || fault != c.fault {
			t.Errorf("%q where %v is the highest: %v, %q, want %v, %q", c.name, c.highest, got, fault, c.want, c.fault)
		}
	}
}

func TestLevels(t *testing.T) {
	levels := Levels()
	if len(levels) != int(highest)+1 || levels[0] != Go || levels[len(levels)-1] != highest {
		t.Errorf("levels %v, want those from go to %v", levels, highest)
	}
	for _, l := range levels {
		if got, err := ParseLevel(l.String()); got != l || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v", l, got, err)
		}
	}
}
