package trainer

import (
	"context"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gputrain/cpuref"
	"gputrain/model/weights"
)

// TestInit starts from checkpoints that fit, in part, and not at all.
func TestInit(t *testing.T) {
	images := writeImages(t)
	r := plainRecipe(images)
	r.Train.Epochs, r.Train.EMA = 1, 0.9
	out := filepath.Join(t.TempDir(), "run")
	run(t, r, Options{Out: out})
	whole, err := weights.ReadFile(filepath.Join(out, "last.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	save := func(name string, keep func(x *weights.Tensor) bool, more ...weights.Tensor) string {
		f := &weights.File{}
		for _, x := range whole.Tensors {
			if keep(&x) {
				f.Tensors = append(f.Tensors, x)
			}
		}
		f.Tensors = append(f.Tensors, more...)
		path := filepath.Join(t.TempDir(), name)
		if err := weights.WriteFile(path, f); err != nil {
			t.Fatal(err)
		}
		return path
	}
	all := func(*weights.Tensor) bool { return true }
	alone := func(x *weights.Tensor) bool { return strings.HasPrefix(x.Name, "fc") }
	extra := weights.FromFloat32("head.weight", []int{2}, []float32{1, 2})
	headless := func(x *weights.Tensor) bool { return alone(x) && !strings.HasPrefix(x.Name, "fc3") }

	tests := []struct {
		name, path          string
		noStrict            bool
		missing, unexpected []string
		fault               string
	}{
		{name: "a run's", path: save("run.safetensors", all)},
		{name: "PyTorch's", path: save("alone.pth", alone)},
		{name: "other head", path: save("head.safetensors", headless, extra), noStrict: true,
			missing: []string{"fc3.weight", "fc3.bias"}, unexpected: []string{"head.weight"}},
		{name: "other head, strict", path: save("head.safetensors", headless, extra),
			fault: `head.safetensors: the tensors are not those of this mlp: Missing key(s) in state_dict: "fc3.weight", "fc3.bias". Unexpected key(s) in state_dict: "head.weight". --no-strict lets that pass`},
		{name: "headless, strict", path: save("headless.safetensors", headless),
			fault: `the tensors are not those of this mlp: Missing key(s) in state_dict: "fc3.weight", "fc3.bias". --no-strict`},
		{name: "shape", path: save("shape.safetensors", alone, weights.FromFloat32("x", []int{1}, []float32{1})), noStrict: true,
			unexpected: []string{"x"}},
		{name: "wrong shape", path: save("wrong.safetensors", func(x *weights.Tensor) bool {
			if x.Name == "fc3.bias" {
				x.Shape, x.Data = []int{3}, x.Data[:12]
			}
			return alone(x)
		}), noStrict: true, fault: "fc3.bias is [3], want [4]"},
		{name: "nothing in common", path: save("other.safetensors", func(*weights.Tensor) bool { return false }, extra), noStrict: true,
			fault: "init: no tensor in it is one of mlp"},
		{name: "not finite", path: save("nan.safetensors", func(x *weights.Tensor) bool {
			if x.Name == "fc2.bias" {
				x.Data = slices.Clone(x.Data)
				binary.LittleEndian.PutUint32(x.Data[8:], math.Float32bits(float32(math.Inf(-1))))
			}
			return alone(x)
		}), fault: `nan.safetensors: init: tensor "fc2.bias": element [2] is -Inf, want finite numbers`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := plainRecipe(images)
			r.Init, r.NoStrict, r.Train.Epochs = tt.path, tt.noStrict, 0
			r.place = map[string]place{"train.epochs": {}}
			var told []Loaded
			res, err := Run(context.Background(), cpuref.New(), planFor(t, r), Options{Events: func(e Event) {
				if l, ok := e.(Loaded); ok {
					told = append(told, l)
				}
			}})
			if tt.fault != "" {
				if err == nil || !IsInput(err) || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want %s", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(told) != 1 || !slices.Equal(told[0].Missing, tt.missing) || !slices.Equal(told[0].Unexpected, tt.unexpected) {
				t.Errorf("told %+v, want %q missing and %q unexpected", told, tt.missing, tt.unexpected)
			}
			for _, x := range res.State.Tensors {
				from, _ := whole.Get(x.Name)
				if same, want := string(x.Data) == string(from.Data), !slices.Contains(tt.missing, x.Name); same != want {
					t.Errorf("%s is the checkpoint's: %v, want %v", x.Name, same, want)
				}
			}
		})
	}
}

func TestKeysLine(t *testing.T) {
	many := make([]string, 22)
	for i := range many {
		many[i] = "w"
	}
	if got := KeysLine("Missing", many); !strings.HasPrefix(got, `Missing key(s) in state_dict: "w", `) || !strings.HasSuffix(got, `"w" and 2 more.`) {
		t.Error(got)
	}
}
