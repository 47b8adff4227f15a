package trainer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/weights"
)

// Sizes of the data that the tests train on: small enough for a ResNet in
// milliseconds, and such that neither split is a whole number of batches.
const (
	testEdge        = 8
	testTrainImages = 27
	testTestImages  = 11
	testBatch       = 5
	testSteps       = testTrainImages / testBatch
)

// writeImages writes a data set in the format idx: noise with a bright spot
// whose place says the class.
func writeImages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, split := range []string{"train", "t10k"} {
		n := testTrainImages
		if split == "t10k" {
			n = testTestImages
		}
		images := binary.BigEndian.AppendUint32(nil, 0x803)
		labels := binary.BigEndian.AppendUint32(nil, 0x801)
		for _, d := range []int{n, testEdge, testEdge} {
			images = binary.BigEndian.AppendUint32(images, uint32(d))
		}
		labels = binary.BigEndian.AppendUint32(labels, uint32(n))
		for range n {
			class := rng.IntN(4)
			labels = append(labels, byte(class))
			for p := range testEdge * testEdge {
				v := byte(rng.IntN(100))
				if p/testEdge/4*2+p%testEdge/4 == class {
					v += 120
				}
				images = append(images, v)
			}
		}
		write(t, filepath.Join(dir, split+"-images-idx3-ubyte"), images)
		write(t, filepath.Join(dir, split+"-labels-idx1-ubyte"), labels)
	}
	return dir
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// recipeFor is a recipe that uses all that a run can have to remember: batch
// normalisation, quantizers of both kinds, two moments, a rate that changes
// with every step, augmentation, calibration.
func recipeFor(images string) *Recipe {
	yes := true
	return &Recipe{
		Model:        Model{Name: "resnet8"},
		Data:         Data{Name: "idx", Path: images, Augment: []string{"crop", "flip"}},
		Quantization: Quantization{Padding: "int-zero"},
		Multiplier:   Multiplier{Default: "trunc:6u,cols=4", Layers: LayerRules{{"conv1", "float"}, {"fc", "exact"}}},
		Gradient:     Gradient{Estimator: Estimator{Method: "lut2d", HWS: 2}},
		Optimizer:    Optimizer{LR: 0.01},
		Schedule:     Schedule{Name: "cosine", Warmup: 1},
		Train:        Train{Epochs: 3, Batch: testBatch, LogEvery: 3, Calibrate: &yes},
	}
}

func planFor(t *testing.T, r *Recipe) *Plan {
	t.Helper()
	p, err := Prepare(context.Background(), r, Pretrain, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// digest is over names, types, shapes and bytes of the tensors of a file.
func digest(t *testing.T, path string) string {
	t.Helper()
	f, err := weights.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(f.Tensors, func(a, b weights.Tensor) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, x := range f.Tensors {
		fmt.Fprintf(h, "%s %s %v %d\n", x.Name, x.DType, x.Shape, len(x.Data))
		h.Write(x.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// means returns the lines of a metrics file without what the clock says.
func means(t *testing.T, dir string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		r.Seconds, r.ImagesPerSecond, r.WaitShare = 0, 0, 0
		lines = append(lines, fmt.Sprintf("%+v", r))
	}
	return lines
}

// TestMetricsKeys holds the keys of a line to cli.md.
func TestMetricsKeys(t *testing.T) {
	out := finished(t, writeImages(t))
	text, err := os.ReadFile(filepath.Join(out, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"event", "phase", "epoch", "split", "loss", "accuracy", "top5", "lr", "seconds", "images_per_second", "wait_share"}
	var heads []string
	for line := range bytes.Lines(text) {
		var keys []string
		d := json.NewDecoder(bytes.NewReader(line))
		for depth := 0; ; {
			tok, err := d.Token()
			if err != nil {
				break
			}
			if tok == json.Delim('{') {
				depth++
				continue
			}
			if key, ok := tok.(string); ok && depth == 1 {
				keys = append(keys, key)
				if _, err := d.Token(); err != nil { // the value
					t.Fatal(err)
				}
			}
		}
		if !slices.Equal(keys, want) {
			t.Errorf("keys %v, want %v", keys, want)
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		heads = append(heads, fmt.Sprintf("%s %s %d %s %g", r.Event, r.Phase, r.Epoch, r.Split, r.LR))
		if r.Loss <= 0 || r.Accuracy < 0 || r.Accuracy > 1 || r.WaitShare < 0 || r.WaitShare > 1 || r.ImagesPerSecond <= 0 {
			t.Errorf("out of range: %s", line)
		}
	}
	// One epoch of cosine after one of warm-up: all warm-up, to 5/6 of the rate.
	lr := 0.01 * 5 / 6
	if want := []string{"epoch calibrate 0 train 0", "epoch calibrate 0 test 0",
		fmt.Sprintf("epoch train 1 train %g", lr), fmt.Sprintf("epoch train 1 test %g", lr)}; !slices.Equal(heads, want) {
		t.Errorf("lines %q, want %q", heads, want)
	}
}

func TestManifest(t *testing.T) {
	images := writeImages(t)
	out := filepath.Join(t.TempDir(), "run")
	r := recipeFor(images)
	r.Train.Epochs = 1
	r.Train.Seed = 5
	p := planFor(t, r)
	machine := Machine{Version: "v1", Renderer: "r", Kernels: map[string]string{"matmul": "tile16"}}
	b := cpuref.New()
	if _, err := Run(context.Background(), b, p, Options{Out: out, Machine: machine}); err != nil {
		t.Fatal(err)
	}
	m, err := ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "v1" || m.Device != b.Name() || m.Renderer != "r" || m.Kernels["matmul"] != "tile16" || m.Seed != 5 || m.Phase != Pretrain {
		t.Errorf("manifest %+v", m)
	}
	if got := m.Tables["trunc:6u,cols=4"]; got.SHA256 != p.Config.Default.Table.SHA256() || got.W != "6u" || got.Gradient != "lut2d" || got.HWS != 2 {
		t.Errorf("table %+v", got)
	}
	if got := m.Tables["exact"]; got.X != "6u" || got.Gradient != "ste" {
		t.Errorf("exact %+v, want 6u under ste", got)
	}
	if !slices.Equal(m.Layers, p.Layers) || len(m.Layers) != 10 {
		t.Errorf("layers %+v, want the 10 of %+v", m.Layers, p.Layers)
	}
	if m.Data["train"] != p.Train.SHA256() || m.Data["test"] != p.Test.SHA256() {
		t.Errorf("data %v", m.Data)
	}
	again, err := Load(RecipePath(out))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(p.Recipe, again); d != "" {
		t.Error(d)
	}
}

// TestNotFinite puts a NaN into one layer, and asks for its name.
func TestNotFinite(t *testing.T) {
	images := writeImages(t)
	r := recipeFor(images)
	r.Multiplier = Multiplier{Default: "float"}
	r.Train.LogEvery = 1
	s, err := newSession(cpuref.New(), planFor(t, r), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.net.Params() {
		if p.Name == "layer2.0.conv2.weight" {
			v := make([]float32, p.Shape.Len())
			v[2] = float32(math.NaN())
			s.b.Write(p.Value, v)
		}
	}
	err = s.epoch(context.Background())
	if err == nil || IsInput(err) {
		t.Fatalf("error %v, want a failure", err)
	}
	for _, part := range []string{"epoch 1, batch 1 of 5", "the loss is NaN", "first at fault is layer layer2.0.conv2 ("} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}

	// And without help: a rate that blows the weights up.
	r = recipeFor(images)
	r.Multiplier = Multiplier{Default: "float"}
	r.Optimizer = Optimizer{Name: "sgd", LR: 1e30}
	r.Schedule = Schedule{}
	_, err = Run(context.Background(), cpuref.New(), planFor(t, r), Options{})
	if err == nil || !strings.Contains(err.Error(), "first at fault is layer ") {
		t.Errorf("error %v, want one that names a layer", err)
	}
}

// TestRunLearns trains on images that a network can tell apart, and repeats
// the run: the same bits.
func TestRunLearns(t *testing.T) {
	images := writeImages(t)
	r := recipeFor(images)
	r.Model.Name = "mlp"
	r.Multiplier = Multiplier{Default: "exact"}
	r.Schedule = Schedule{}
	r.Data.Augment = nil
	r.Train.Epochs = 12
	var digests []string
	for range 2 {
		res, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Best.Accuracy < 0.9 {
			t.Errorf("accuracy %v after %d epochs of 4 classes, want 0.9", res.Best.Accuracy, r.Train.Epochs)
		}
		h := sha256.New()
		for _, x := range res.State.Tensors {
			h.Write(x.Data)
		}
		digests = append(digests, hex.EncodeToString(h.Sum(nil)))
	}
	if digests[0] != digests[1] {
		t.Error("two runs of one recipe differ")
	}
}

// TestEvaluate measures a checkpoint, and compares with what the run said.
func TestEvaluate(t *testing.T) {
	images := writeImages(t)
	out := finished(t, images)
	last := filepath.Join(out, "last.safetensors")
	r, err := FromCheckpoint(last)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(context.Background(), r, Eval, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(context.Background(), cpuref.New(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCheckpoint(f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if was := c.Progress.Last; e.Accuracy != was.Accuracy || math.Abs(e.Loss-was.Loss) > 1e-6*was.Loss || e.Images != testTestImages {
		t.Errorf("accuracy %v, loss %v of %d images; the run had %v, %v of %d", e.Accuracy, e.Loss, e.Images, was.Accuracy, was.Loss, testTestImages)
	}
	if e.Calibrated || e.Multiplier.Name != "trunc:6u,cols=4" || e.Multiplier.SHA256 != p.Config.Default.Table.SHA256() {
		t.Errorf("calibrated %v, under %+v", e.Calibrated, e.Multiplier)
	}
	labels := make([]int, 4)
	for _, l := range p.Test.Labels {
		labels[l]++
	}
	hits := 0
	for label, row := range e.Confusion {
		sum := 0
		for class, n := range row {
			sum += n
			if class == label {
				hits += n
			}
		}
		if sum != labels[label] {
			t.Errorf("confusion of label %d counts %d images, there are %d", label, sum, labels[label])
		}
	}
	if got := float64(hits) / testTestImages; got != e.Accuracy {
		t.Errorf("confusion has %v on its diagonal, the accuracy is %v", got, e.Accuracy)
	}
}

// TestEvaluateCalibrates measures float32 weights under a multiplier.
func TestEvaluateCalibrates(t *testing.T) {
	images := writeImages(t)
	out := filepath.Join(t.TempDir(), "float")
	r := recipeFor(images)
	r.Multiplier = Multiplier{Default: "float"}
	r.Train.Epochs = 1
	if _, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	best := filepath.Join(out, "best.safetensors")
	for _, calibrate := range []string{"true", "false"} {
		r, err := FromCheckpoint(best, Setting{Path: "multiplier.default", Value: "exact:8u"}, Setting{Path: "train.calibrate", Value: calibrate})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Prepare(context.Background(), r, Eval, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Evaluate(context.Background(), cpuref.New(), p, nil)
		switch {
		case calibrate == "false":
			if err == nil || !IsInput(err) || !strings.Contains(err.Error(), "train.calibrate is false") {
				t.Errorf("error %v, want one that says so", err)
			}
		case err != nil:
			t.Error(err)
		case !e.Calibrated:
			t.Error("not calibrated")
		}
	}
}
