package main

import (
	"strings"
	"testing"

	"gputrain/lut/plot"
)

func TestReadPoints(t *testing.T) {
	points, without, err := readPoints(strings.NewReader("Library, SPEC ,x,nmed,power_uw\nL,\"a,b\",,0.25, 5\n,c,,0, \n,d,,1,0.5\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []plot.Point{{Name: "a,b", NMED: 0.25, Power: 5, Library: "L"}, {Name: "d", NMED: 1, Power: 0.5}}
	if len(points) != 2 || points[0] != want[0] || points[1] != want[1] || len(without) != 1 || without[0] != "c" {
		t.Errorf("points %v, without power %q; want %v, c", points, without, want)
	}
	for text, want := range map[string]string{
		"":                                "line 1: no header",
		"spec,nmed\n":                     "line 1: no column power_uw",
		"spec,nmed,power_uw\na,0.1\n":     "line 2: wrong number of fields",
		"spec,nmed,power_uw\na,2,1\n":     `line 2: nmed "2"`,
		"spec,nmed,power_uw\n\na,NaN,1\n": `line 3: nmed "NaN"`,
		"spec,nmed,power_uw\na,0.1,Inf\n": `line 2: power_uw "Inf"`,
		"spec,nmed,power_uw\na,0.1,\"\n":  "line 2: extraneous",
		"spec,nmed,power_uw\n" + strings.Repeat("a,0,1\n", maxPoints/6): "more than 4 MiB",
	} {
		if _, _, err := readPoints(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q in it", text, err, want)
		}
	}
}

// FuzzReadPoints holds what is accepted to what can be drawn.
func FuzzReadPoints(f *testing.F) {
	f.Add("spec,nmed,power_uw,library\na,0.1,3,L\nb,0,,\n")
	f.Add("name,power_uw,nmed\n\"a\nb\",1e-3,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		points, _, err := readPoints(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, q := range points {
			if !(q.NMED >= 0 && q.NMED <= 1 && q.Power > 0 && q.Power < 1e12) {
				t.Errorf("accepts %+v", q)
			}
		}
	})
}
