package lut_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gputrain/lut"
)

// someLayers are two layers under trunc 3u and one under another table of the
// same operands, and one of other operands.
func someLayers() (*lut.Histograms, *lut.Table) {
	trunc := lut.New("trunc 3u", lut.Unsigned(3), lut.Unsigned(3), truncatedProduct(3))
	bent := lut.New("bent 3u", lut.Unsigned(3), lut.Unsigned(3), bentProduct)
	signed := lut.New("bent 2s×3u", lut.Signed(2), lut.Unsigned(3), bentProduct)
	layer := func(name string, t *lut.Table, w, x []int64, k int, products int64) lut.LayerHistogram {
		return lut.LayerHistogram{Name: name, Multiplier: t.Name(), SHA256: t.SHA256(), WOperand: t.W(), XOperand: t.X(),
			W: w, X: x, K: k, Products: products, Scale: 0.125, Measured: lut.SumError{Mean: -1.5, RMS: 2.25}}
	}
	return &lut.Histograms{Images: 7, Layers: []lut.LayerHistogram{
		layer("conv1", trunc, []int64{0, 1, 0, 3, 0, 0, 0, 0}, []int64{5, 0, 0, 0, 0, 2, 0, 1}, 2, 300),
		layer("conv2", trunc, []int64{0, 0, 0, 0, 1, 0, 0, 1}, []int64{0, 1, 1, 1, 1, 0, 0, 0}, 9, 100),
		layer("fc1", bent, []int64{1, 0, 0, 0, 0, 0, 0, 0}, []int64{1, 0, 0, 0, 0, 0, 0, 0}, 4, 1000),
		layer("fc2", signed, []int64{1, 2, 3, 4}, []int64{1, 1, 1, 1, 1, 1, 1, 0}, 4, 10),
	}}, trunc
}

// TestPredict compares with all outcomes of two independent products, each
// weighted by how probable it is.
func TestPredict(t *testing.T) {
	h, tab := someLayers()
	l := &h.Layers[0]
	type outcome struct{ e, p float64 }
	var one []outcome
	for w, nw := range l.W {
		for x, nx := range l.X {
			one = append(one, outcome{float64(int(tab.At(w, x)) - w*x), float64(nw) / 4 * float64(nx) / 8})
		}
	}
	var mean, square, abs float64
	for _, a := range one {
		abs += a.p * math.Abs(a.e)
		for _, b := range one {
			mean += a.p * b.p * (a.e + b.e)
			square += a.p * b.p * (a.e + b.e) * (a.e + b.e)
		}
	}
	if mean == 0 || square == mean*mean {
		t.Fatal("the example has no error, or no variance")
	}
	got, err := l.Predict(tab)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Sum.Mean-mean) > 1e-12 || math.Abs(got.Sum.RMS-math.Sqrt(square)) > 1e-12 || math.Abs(got.MED-abs) > 1e-12 {
		t.Errorf("predicted %+v, want mean %v, rms %v, WMED %v", got, mean, math.Sqrt(square), abs)
	}
	if _, err := h.Layers[3].Predict(tab); err == nil || !strings.Contains(err.Error(), "layer fc2 multiplies 2s×3u operands, trunc 3u 3u×3u") {
		t.Errorf("other operands: %v", err)
	}
}

func TestHistogramsFor(t *testing.T) {
	h, trunc := someLayers()
	other := lut.New("other", lut.Unsigned(3), lut.Unsigned(3), exactProduct)
	for _, c := range []struct {
		tab     *lut.Table
		pattern string
		hw, hx  []float64
	}{
		// 300/4 of each weight, 300/8 of each activation of conv1, and 100/2, 100/4 of conv2
		{trunc, "", []float64{0, 75, 0, 225, 50, 0, 0, 50}, []float64{187.5, 25, 25, 25, 25, 75, 0, 37.5}},
		{trunc, "conv2", []float64{0, 0, 0, 0, 50, 0, 0, 50}, []float64{0, 25, 25, 25, 25, 0, 0, 0}},
		{trunc, "fc*", []float64{1000, 0, 0, 0, 0, 0, 0, 0}, []float64{1000, 0, 0, 0, 0, 0, 0, 0}},
		{other, "", []float64{1000, 75, 0, 225, 50, 0, 0, 50}, []float64{1187.5, 25, 25, 25, 25, 75, 0, 37.5}},
	} {
		hw, hx, err := h.For(c.tab, c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(hw, c.hw) || !reflect.DeepEqual(hx, c.hx) {
			t.Errorf("for %s, %q: %v, %v; want %v, %v", c.tab.Name(), c.pattern, hw, hx, c.hw, c.hx)
		}
	}
	for pattern, want := range map[string]string{
		"fc2":  `no layer "fc2" has 3u×3u operands, those of trunc 3u`,
		"none": `no layer "none"`,
		"[":    "syntax error in pattern",
	} {
		if _, _, err := h.For(trunc, pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", pattern, err, want)
		}
	}
}

func TestHistogramFile(t *testing.T) {
	h, _ := someLayers()
	path := filepath.Join(t.TempDir(), "h.json")
	var digests [2]string
	for i := range digests {
		if err := h.Save(path); err != nil {
			t.Fatal(err)
		}
		got, digest, err := lut.LoadHistograms(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, h) {
			t.Errorf("read %+v, want %+v", got, h)
		}
		digests[i] = digest
	}
	if digests[0] != digests[1] || len(digests[0]) != 64 {
		t.Errorf("digests %q", digests)
	}
	var good bytes.Buffer
	if err := h.Write(&good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"gputrain histograms 1", "other", `format "other", want "gputrain histograms 1"`},
		{`"images":7`, `"images":0`, "images 0"},
		{`"images":7`, `"images":"7"`, "h.json:1: images is a string, want int"},
		{`{"name":"conv2"`, `{"name":"conv2",`, "h.json:3: not JSON"},
		{`"name":"conv2"`, `"name":""`, `layer 1 (""): no name`},
		{`"k":9`, `"k":0`, `layer 1 ("conv2"): k 0`},
		{`"products":100,`, `"products":-1,`, "products -1"},
		{`"scale":0.125`, `"scale":0`, "scale 0"},
		{`"w_operand":"2s"`, `"w_operand":"9s"`, "w_operand: operand of 9 bits"},
		{`"w_operand":"2s"`, `"w_operand":"3s"`, "w has 4 counts, want 8"},
		{`"w":[1,2,3,4]`, `"w":[1,2,-3,4]`, "w[2] is -3"},
		{`"w":[1,2,3,4]`, `"w":[0,0,0,0]`, "w: all counts are 0"},
		{`"sha256":"`, `"sha256":"x`, "sha256"},
	} {
		text := strings.Replace(good.String(), c.old, c.new, 1)
		if text == good.String() {
			t.Fatalf("%s is not in the file", c.old)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := lut.LoadHistograms(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "h.json") {
			t.Errorf("%s: %v, want %q in it", c.new, err, c.want)
		}
	}
	if _, _, err := lut.LoadHistograms(filepath.Join(t.TempDir(), "none")); err == nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// FuzzHistograms holds what is accepted to surviving a round trip, and to being
// of use.
func FuzzHistograms(f *testing.F) {
	h, tab := someLayers()
	var good bytes.Buffer
	if err := h.Write(&good); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte(`{"format":"gputrain histograms 1","images":1,"layers":[{}]}`))
	f.Add([]byte(`[[[`))
	path := filepath.Join(f.TempDir(), "h.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		h, _, err := lut.LoadHistograms(path)
		if err != nil {
			return
		}
		if err := h.Save(path); err != nil {
			t.Fatal(err)
		}
		again, _, err := lut.LoadHistograms(path)
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("%+v reads back as %+v, %v", h, again, err)
		}
		for i := range h.Layers {
			if l := &h.Layers[i]; l.WOperand == tab.W() && l.XOperand == tab.X() {
				if _, err := l.Predict(tab); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
