package plot

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/vg"

	"gputrain/lut"
)

func table(t testing.TB, text string) *lut.Table {
	t.Helper()
	spec, err := lut.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := spec.Table()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// pictures returns one of each kind of a table.
func pictures(t *testing.T, tab *lut.Table) map[string]*Picture {
	t.Helper()
	must := func(p *Picture, err error) *Picture {
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	e := lut.Estimator{Method: "lut2d", HWS: 1}
	return map[string]*Picture{
		"error":     Error(tab),
		"stair":     must(Stair(tab, []int{tab.W().Min(), tab.W().Max()}, e)),
		"histogram": Histogram(tab),
		"gradient":  must(Gradient(tab, e)),
		"singular":  must(Singular(tab, 1)),
		"pareto": must(Pareto([]Point{{"exact", 0, 20, "A"}, {tab.Name(), tab.Metrics().NMED, 10, "A"},
			{"worse", 0.5, 11, "A"}, {"other", 0.01, 300, "B"}})),
	}
}

// TestSameBytes draws each picture twice, a second apart, so that a time of
// day would show. No file is larger than 1 MB, and in an SVG a table is an
// image and not a path an entry.
func TestSameBytes(t *testing.T) {
	spec := "trunc:8u,cols=8" // as large as a table gets
	first := map[string][]byte{}
	for round := range 2 {
		if round > 0 {
			time.Sleep(1100 * time.Millisecond)
		}
		for name, p := range pictures(t, table(t, spec)) {
			for _, format := range Formats() {
				var buf bytes.Buffer
				if err := p.Write(&buf, format); err != nil {
					t.Fatal(err)
				}
				key := name + "." + format
				if round == 0 {
					first[key] = buf.Bytes()
					continue
				}
				if !bytes.Equal(first[key], buf.Bytes()) {
					t.Errorf("%s: two runs differ", key)
				}
				if buf.Len() > 1e6 {
					t.Errorf("%s has %d bytes, want at most 1 MB", key, buf.Len())
				}
				if format != "svg" {
					continue
				}
				text := buf.String()
				wantImages := map[string]int{"error": 2, "gradient": 8}[name]
				if n := strings.Count(text, "<image "); n != wantImages {
					t.Errorf("%s: %d images, want %d", key, n, wantImages)
				}
				if n := strings.Count(text, "<path"); n > 1000 {
					t.Errorf("%s: %d paths", key, n)
				}
				if err := xml.Unmarshal(buf.Bytes(), new(struct{})); err != nil {
					t.Errorf("%s: %v", key, err)
				}
			}
		}
	}
}

// TestOddTables draws tables that are signed, not square, tiny, or exact.
func TestOddTables(t *testing.T) {
	for _, tab := range []*lut.Table{
		table(t, "exact:2u"), table(t, "exact:4s"), table(t, "drum:5s,k=2"), table(t, "mitchell:6ux3u"), table(t, "mitchell:3ux6s"),
		lut.New("constant", lut.Unsigned(3), lut.Unsigned(3), func(_, _ int) int { return 7 }),
		lut.New("zero", lut.Signed(2), lut.Unsigned(2), func(_, _ int) int { return 0 }),
	} {
		for name, p := range pictures(t, tab) {
			var buf bytes.Buffer
			if err := p.Write(&buf, "svg"); err != nil {
				t.Errorf("%s of %s: %v", name, tab.Name(), err)
			}
			text := regexp.MustCompile(`base64,[^"]*`).ReplaceAllString(buf.String(), "")
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("%s of %s: a coordinate is not a number", name, tab.Name())
			}
		}
	}
}

// TestErrorImage reads the heat map back from the SVG and holds the colours of
// all entries to their errors: grey at 0, else bluer or redder the greater.
func TestErrorImage(t *testing.T) {
	tab := lut.New("bent", lut.Signed(3), lut.Unsigned(4), func(W, X int) int { return W*X + W*W - 2*X })
	var buf bytes.Buffer
	if err := Error(tab).Write(&buf, "svg"); err != nil {
		t.Fatal(err)
	}
	data := regexp.MustCompile(`data:image/png;base64,([^"]+)"`).FindAllStringSubmatch(buf.String(), -1)
	if len(data) != 2 {
		t.Fatalf("%d images, want the map and its scale", len(data))
	}
	raw, err := base64.StdEncoding.DecodeString(data[0][1])
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	cell := img.Bounds().Dx() / 16
	if img.Bounds().Dy() != 8*cell {
		t.Fatalf("an image of %v, want 16 × 8 cells", img.Bounds())
	}
	redness := map[int]int{} // of errors
	for w := range 8 {
		for x := range 16 {
			W, X := w-4, x
			e := W*W - 2*X
			c := color.NRGBAModel.Convert(img.At(x*cell+cell/2, (7-w)*cell+cell/2)).(color.NRGBA)
			red := int(c.R) - int(c.B)
			if old, seen := redness[e]; seen && old != red {
				t.Errorf("error %d has two colours", e)
			}
			redness[e] = red
		}
	}
	var errors []int
	for e := range redness {
		errors = append(errors, e)
	}
	slices.Sort(errors)
	for i, e := range errors {
		switch red := redness[e]; {
		case e < 0 && red >= 0, e > 0 && red <= 0, e == 0 && (red < -3 || red > 3):
			t.Errorf("error %d is red − blue = %d", e, red)
		}
		// Towards the ends the scale grows darker rather than purer.
		if e > -20 && e < 15 && i > 0 && redness[e] < redness[errors[i-1]] {
			t.Errorf("error %d is less red than %d", e, errors[i-1])
		}
	}
}

// TestErrorBars counts the errors of a multiplier by hand.
func TestErrorBars(t *testing.T) {
	// Errors: −3, −2, −1, 0, 1, 2, 3, 4 once for each of 8 values of X.
	tab := lut.New("steps", lut.Unsigned(3), lut.Unsigned(3), func(W, X int) int { return W*X + W - 3 })
	for _, c := range []struct {
		width int
		want  map[float64]float64 // by lower end, in percent
	}{
		{1, map[float64]float64{-3: 12.5, -2: 12.5, -1: 12.5, 0: 12.5, 1: 12.5, 2: 12.5, 3: 12.5}},
		{2, map[float64]float64{-4: 12.5, -2: 25, 0: 25, 2: 25}},
		{5, map[float64]float64{-5: 37.5, 0: 50}},
	} {
		h, exact := errorBars(tab, c.width)
		got := map[float64]float64{}
		for _, b := range h.Bins {
			got[b.Min] = b.Weight
			if b.Max-b.Min != float64(c.width) {
				t.Errorf("bar [%v, %v], want width %d", b.Min, b.Max, c.width)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || exact != 1./8 {
			t.Errorf("width %d: bars %v and %v exact, want %v and 1/8", c.width, got, exact, c.want)
		}
	}
}

// TestStairSeries compares what Fig. 3 shows with the equations: of the
// truncated multiplier of 7 bits at W = 10.
func TestStairSeries(t *testing.T) {
	tab := table(t, "trunc:7u,cols=6")
	const W, hws = 10, 4
	list := productsOf(tab, W, hws)
	if len(list) != 3 {
		t.Fatalf("%d lines, want products, exact products and smoothed ones", len(list))
	}
	for X := range 128 {
		if q := list[0].xy[X]; q.X != float64(X) || q.Y != float64(tab.At(W, X)) {
			t.Errorf("product %d at %v", X, q)
		}
		if q := list[1].xy[X]; q.Y != float64(W*X) {
			t.Errorf("exact product %d at %v", X, q)
		}
	}
	if n := len(list[2].xy); n != 128-2*hws {
		t.Errorf("%d smoothed products, want those where the window fits", n)
	}
	for _, q := range list[2].xy {
		var want float64
		for i := -hws; i <= hws; i++ {
			want += float64(tab.At(W, int(q.X)+i))
		}
		if want /= 2*hws + 1; math.Abs(q.Y-want) > 1e-9 {
			t.Errorf("smoothed at %v: %v, want %v", q.X, q.Y, want)
		}
	}
}

func TestFront(t *testing.T) {
	points := []Point{{Name: "a", NMED: 0.3, Power: 1}, {Name: "b", NMED: 0.1, Power: 5}, {Name: "c", NMED: 0.2, Power: 5},
		{Name: "d", NMED: 0.1, Power: 6}, {Name: "e", NMED: 0, Power: 9}, {Name: "f", NMED: 0.4, Power: 2}, {Name: "g", NMED: 0.1, Power: 5}}
	var names string
	for _, q := range Front(points) {
		names += q.Name
	}
	if names != "abe" {
		t.Errorf("front %q, want abe", names)
	}
}

func TestErrors(t *testing.T) {
	tab := table(t, "exact:4u")
	ste := lut.Estimator{Method: "ste"}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no weight": {second(Stair(tab, nil, ste)), "0 weights, want 1 to 4"},
		"weights":   {second(Stair(tab, []int{1, 2, 3, 4, 5}, ste)), "5 weights"},
		"weight":    {second(Stair(tab, []int{16}, ste)), "weight 16, want 0 to 15"},
		"estimator": {second(Stair(tab, []int{1}, lut.Estimator{Method: "lut2d"})), "half window"},
		"gradient":  {second(Gradient(tab, lut.Estimator{Method: "none"})), `method "none"`},
		"window":    {second(Singular(tab, 0)), "half window"},
		"no points": {second(Pareto(nil)), "nothing to draw"},
		"no power":  {second(Pareto([]Point{{Name: "m", NMED: 0.1}})), "m: NMED 0.1, power 0"},
		"libraries": {second(Pareto([]Point{{"a", 0, 1, "A"}, {"b", 0, 1, "B"}, {"c", 0, 1, "C"}, {"d", 0, 1, "D"}, {"e", 0, 1, "E"}})),
			"5 libraries of cells, want at most 4"},
		"not a power": {second(Pareto([]Point{{Name: "m", NMED: 0.1, Power: math.NaN()}})), "power NaN"},
		"extension":   {Error(tab).Save("a.bmp"), "a.bmp: its extension names no format of pictures, want one of pdf, png, svg"},
		"no folder":   {Error(tab).Save(filepath.Join(t.TempDir(), "no", "a.png")), "no such file"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, c.err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "A.PNG")
	if err := Error(tab).Save(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Error(err)
	}
}

func second(_ *Picture, err error) error { return err }

func TestTicks(t *testing.T) {
	text := func(ticks func(lo, hi float64) []string, lo, hi float64) string {
		return strings.Join(ticks(lo, hi), " ")
	}
	nice := func(lo, hi float64) (labels []string) {
		for _, tick := range niceTicks(lo, hi) {
			labels = append(labels, tick.Label)
		}
		return labels
	}
	decades := func(lo, hi float64) (labels []string) {
		for _, tick := range decadeTicks(lo, hi) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		return labels
	}
	for _, c := range []struct{ got, want string }{
		{text(nice, -1793, 0), "–1500 –1000 –500 0"},
		{text(nice, 0, 1), "0.0 0.2 0.4 0.6 0.8 1.0"},
		{text(nice, -0.004, 0.01), "–0.004 –0.002 0.000 0.002 0.004 0.006 0.008 0.010"},
		{text(nice, -10, 20), "–10 –5 0 5 10 15 20"},
		{text(decades, -3.2, 0.3), "0.001 0.01 0.1 1"},
	} {
		if c.got != c.want {
			t.Errorf("ticks %s, want %s", c.got, c.want)
		}
	}
	for o, want := range map[lut.Operand]string{
		lut.Unsigned(8): "0 64 128 192 255", lut.Signed(8): "–128 –64 0 64 127", lut.Unsigned(3): "0 1 2 3 4 5 6 7", lut.Signed(2): "–2 –1 0 1",
	} {
		var labels []string
		for _, tick := range operandTicks(o).Ticks(0, 0) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("ticks of %v: %s, want %s", o, got, want)
		}
	}
}

func TestOverlap(t *testing.T) {
	box := func(x, y vg.Length) vg.Rectangle {
		return vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + 2, Y: y + 2}}
	}
	if !overlap(box(0, 0), box(1, 1)) || overlap(box(0, 0), box(2, 0)) || overlap(box(0, 0), box(1, 3)) {
		t.Error("overlap of squares of side 2 is not that of their corners")
	}
}

func TestWindows1252(t *testing.T) {
	if got := windows1252("W·X – 1 µW ×∂"); got != "W\xb7X \x96 1 \xb5W \xd7?" {
		t.Errorf("%q", got)
	}
}
