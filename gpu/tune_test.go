//go:build cgo && !nogpu

package gpu_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/gpu"
	"gputrain/lut"
	"gputrain/model/backend"
)

// TestPlanText checks that plans and classes are read back as they are written,
// and nothing else is.
func TestPlanText(t *testing.T) {
	for _, p := range append(append(gpu.Expansions(), gpu.GEMMs()...), "gather", "rowexp", "rowexp rows=8 columns=8 lanes=512 splits=64") {
		if got, err := gpu.PlanText(p); err != nil || got != p {
			t.Errorf("%q is read as %q (%v)", p, got, err)
		}
	}
	for _, p := range []string{"", "Gather", "gather ", "rowexp rows=8", "gemm tile=32x32", "gemm tile=64x64 splits=2",
		"rowexp rows=8 columns=4 lanes=256 splits=0", "rowexp rows=8 columns=4 lanes=256 splits=65", "rowexp rows=8 columns=4 lanes=256 splits=2x",
		"rowexp rows=8 columns=4 lanes=256 splits=+2", "rowexp rows=9 columns=4 lanes=256 splits=2"} {
		if got, err := gpu.PlanText(p); err == nil {
			t.Errorf("%q is read as %q", p, got)
		}
	}
	for _, c := range []string{"forward 8x8 16-bit 1x64x1024x4096/16", "product-w 0x0 f32 1x1x1x1/1", "backward-x 8x4 factored 16x2x2x65536/32"} {
		if got, err := gpu.ClassText(c); err != nil || got != c {
			t.Errorf("%q is read as %q (%v)", c, got, err)
		}
	}
	for _, c := range []string{"", "forward", "forward 8x8 16-bit 1x64x1000x4096/1", "forward 8x8 16-bit 1x64x1024x4096", "backward 8x8 int16 1x1x1x1/1",
		"forward 8x8 16-bit 0x1x1x1/1", "forward 8x8 16-bit 1x64x1024x4096/1 ", "forward 300x8 16-bit 1x1x1x1/1"} {
		if got, err := gpu.ClassText(c); err == nil {
			t.Errorf("%q is read as %q", c, got)
		}
	}
}

// TestTuning measures the variants of two operations, finds them in the cache
// again, and on a second device, and does without a cache that is spoilt.
func TestTuning(t *testing.T) {
	need(t)
	am := lut.New("bent8u", lut.Unsigned(8), lut.Unsigned(8), bent)
	c := newCodesCase(am, 9, 20, 300)
	g, err := lut.Estimator{Method: "ste"}.Gradients(am)
	if err != nil {
		t.Fatal(err)
	}
	// run computes a product and a gradient and returns the choices.
	run := func(d *gpu.Device) map[string]string {
		t.Helper()
		q := d.NewTensor(backend.F32, backend.Shape{3})
		d.Write(q, []float32{1, 1, 0})
		w := backend.Quantized{Code: d.NewTensor(backend.U8, backend.Shape{c.m, c.k}), Q: q}
		x := backend.Quantized{Code: d.NewTensor(backend.U8, backend.Shape{c.k, c.n}), Q: q}
		y, dy, dx := d.NewTensor(backend.I32, backend.Shape{c.m, c.n}), d.NewTensor(backend.F32, backend.Shape{c.m, c.n}), d.NewTensor(backend.F32, backend.Shape{c.k, c.n})
		d.Write(w.Code, c.w)
		d.Write(x.Code, c.x)
		ones := make([]float32, c.m*c.n)
		for i := range ones {
			ones[i] = 1
		}
		d.Write(dy, ones)
		tables := d.NewTables(am, g)
		d.LUTMatMul(y, w, x, tables)
		d.LUTMatMulBackwardX(dx, dy, w, x, tables)
		got, sums := make([]int32, len(c.y)), make([]float32, c.k*c.n)
		if err := d.Read(got, y); err != nil {
			t.Fatal(err)
		}
		if err := d.Read(sums, dx); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.y) {
			t.Error("tuning changed a result")
		}
		want := float32(0) // the sum of the weights of the first channel
		for m := range c.m {
			want += float32(c.w[m*c.k])
		}
		if sums[0] != want {
			t.Errorf("dx[0,0] = %v, want %v", sums[0], want)
		}
		return d.Choices()
	}
	folder := t.TempDir()
	var notes []string
	o := gpu.Options{Tune: gpu.TuneAlways, Cache: folder, Note: func(line string) { notes = append(notes, line) }}
	first := run(open(t, o))
	if len(first) != 2 || len(notes) != 1 || !strings.HasPrefix(notes[0], "measuring") {
		t.Fatalf("choices %v, notes %q", first, notes)
	}
	notes = nil
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Fatalf("cache folder holds %v (%v)", files, err)
	}
	path := filepath.Join(folder, files[0].Name())
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	// What the cache says is believed: here a variant that is the best nowhere.
	const slow = "rowexp rows=16 columns=8 lanes=512 splits=2"
	for class := range first {
		if strings.HasPrefix(class, "forward") {
			old := `"` + class + `": "` + first[class] + `"`
			if !bytes.Contains(kept, []byte(old)) {
				t.Fatalf("cache %s has no %s", kept, old)
			}
			text := bytes.Replace(kept, []byte(old), []byte(`"`+class+`": "`+slow+`"`), 1)
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			if again := run(open(t, o)); again[class] != slow || len(notes) != 0 {
				t.Errorf("chosen %v with a cache that says %s, notes %q", again, slow, notes)
			}
			// It is not, if measuring is asked for.
			fresh := o
			fresh.Tune = gpu.TuneAgain
			if again := run(open(t, fresh)); again[class] == slow {
				t.Errorf("chosen %v anew", again)
			}
		}
	}

	for name, text := range map[string]string{
		"not JSON":       "nonsense",
		"of another":     strings.Replace(string(kept), `"device": "`, `"device": "not `, 1),
		"of the future":  strings.Replace(string(kept), `"version": `, `"version": 9`, 1),
		"unknown field":  strings.Replace(string(kept), `"version": `, `"size": 1, "version": `, 1),
		"unknown plan":   strings.Replace(string(kept), `": "g`, `": "G`, 1),
		"too large":      string(kept) + strings.Repeat(" ", 1<<20),
		"does not suit":  strings.NewReplacer("forward", "backward-w", "16-bit", "factored", first["forward"], "rowexp").Replace(string(kept)),
		"a plan of none": `{"version": 1, "device": ` + string(kept[bytes.Index(kept, []byte(`"device": `))+10:bytes.Index(kept, []byte("\"choices"))-3]) + `, "choices": {"forward 8x8 factored 1x1x1x1/1": "rowexp"}}`,
	} {
		if name == "does not suit" && text == string(kept) {
			continue
		}
		notes = nil
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		d := open(t, o)
		if len(notes) != 1 || !strings.Contains(notes[0], "tuning anew: "+path) {
			t.Errorf("a cache that is %s: notes %q", name, notes)
		}
		d.Close()
	}

	// A folder that cannot be made: one note, and no failure.
	notes = nil
	o.Cache = filepath.Join(path, "no folder")
	if choices := run(open(t, o)); len(choices) != 2 || len(notes) != 3 || !strings.Contains(notes[2], "choices are not kept") {
		t.Errorf("without a folder: choices %v, notes %q", choices, notes)
	}

	// Software renderers are not measured unless it is asked for.
	o = gpu.Options{Cache: folder + "/other"}
	if d := open(t, o); d.Info().Software {
		run(d)
		if _, err := os.Stat(o.Cache); err == nil {
			t.Error("a software renderer was measured")
		}
	}
}

// TestSetChoices checks what choices mean from outside.
func TestSetChoices(t *testing.T) {
	d := open(t, gpu.Options{})
	given := map[string]string{
		"forward 8x8 16-bit 1x16x32x512/1": "rowexp rows=8 columns=4 lanes=256 splits=2",
		"backward-w":                       "gather",
	}
	if err := d.SetChoices(given); err != nil || !maps.Equal(d.Choices(), given) {
		t.Errorf("choices %v (%v), want %v", d.Choices(), err, given)
	}
	for key, plan := range map[string]string{
		"forward":                          "fast",
		"sideways":                         "gather",
		"forward 8x8 32-bit 1x16x32x512/1": "rowexp rows=8 columns=4 lanes=256 splits=2",
		"product 0x0 f32 1x1x1x1/1":        "rowexp",
	} {
		if err := d.SetChoices(map[string]string{key: plan}); err == nil || !strings.HasPrefix(err.Error(), "gpu: choice") {
			t.Errorf("%s by %s: %v", key, plan, err)
		}
		if !maps.Equal(d.Choices(), given) {
			t.Errorf("choices %v after a refusal", d.Choices())
		}
	}
}

// FuzzCache feeds any text to the reader of what was measured. What it accepts
// it writes as it reads it.
func FuzzCache(f *testing.F) {
	f.Add([]byte(`{"version": 1, "device": "x", "choices": {"forward 8x8 16-bit 1x64x1024x4096/1": "rowexp rows=8 columns=4 lanes=256 splits=2"}}`))
	f.Add([]byte(`{"version": 1, "device": "x", "choices": {"product 0x0 f32 1x1x1x1/1": "gemm tile=64x64", "backward-w 8x8 int16 1x1x1x1/1": "rowexp"}}`))
	f.Add([]byte(`{"version": 1}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		plans, err := gpu.ParseCache(text, "x")
		if err != nil {
			return
		}
		for class, plan := range plans {
			if c, err := gpu.ClassText(class); err != nil || c != class {
				t.Errorf("class %q becomes %q (%v)", class, c, err)
			}
			if p, err := gpu.PlanText(plan); err != nil || p != plan {
				t.Errorf("plan %q becomes %q (%v)", plan, p, err)
			}
		}
	})
}
