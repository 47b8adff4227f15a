package trainer

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gputrain/model"
	"gputrain/trainer/dataset"
)

// parse reads a recipe whose file is called r.yaml.
func parse(text string, settings ...string) (*Recipe, error) {
	var list []Setting
	for _, s := range settings {
		set, err := ParseSet(s)
		if err != nil {
			return nil, err
		}
		list = append(list, set)
	}
	return Parse("r.yaml", []byte(text), list...)
}

// small is a recipe without a fault, of data that needs no file.
const small = "model: {name: lenet5}\ndata: {name: synthetic}\n"

// TestFaults pins the text of every kind of fault.
func TestFaults(t *testing.T) {
	networks, sets := oneOf(model.Names()), oneOf(dataset.Names())
	tests := []struct {
		name, text string
		set        []string
		want       string // lines
	}{
		{"three at once, of three kinds", `
model: {name: lenet5}
data: {name: synthetic}
optimizer:
  momentun: 0.9
  lr: fast
train: {epochs: -1}
`, nil, `r.yaml:5:3: optimizer.momentun: unknown field, did you mean optimizer.momentum?
r.yaml:6:7: optimizer.lr = "fast", want a number
r.yaml:7:17: train.epochs = -1, want 0 to 1000000`},
		{"unknown section", "modle: {name: lenet5}\n" + small, nil,
			`r.yaml:1:1: modle: unknown field, did you mean model?`},
		{"unknown and like nothing", small + "train: {xyzzyx: 1}", nil,
			`r.yaml:3:9: train.xyzzyx: unknown field, want epochs, batch, seed, accumulate, label_smoothing, clip_norm, ema, patience, min_delta, calibrate, log_every, save_steps or save_minutes`},
		{"comma without quotes", small + "multiplier: {default: trunc:8u,cols=8}", nil,
			`r.yaml:3:32: multiplier.cols=8: unknown field: a value that holds a comma needs quotes here`},
		{"list for a mapping", small + "data2: 1\ntrain: [1]", nil,
			"r.yaml:3:1: data2: unknown field, did you mean data?\n" +
				"r.yaml:4:8: train = a list, want a mapping of its fields"},
		{"element of a list", "model: {name: lenet5}\ndata: {name: synthetic, augment: [crop, 3]}", nil,
			`r.yaml:2:41: data.augment[1] = 3, want text`},
		{"number in quotes", small + `train: {batch: "64"}`, nil,
			`r.yaml:3:16: train.batch = "64", want a whole number`},
		{"fraction", small + `train: {batch: 6.5}`, nil, `r.yaml:3:16: train.batch = 6.5, want a whole number`},
		{"yes is text", small + `train: {calibrate: yes}`, nil, `r.yaml:3:20: train.calibrate = "yes", want true or false`},
		{"window", small + `gradient: {method: lut2d, hws: wide}`, nil, `r.yaml:3:32: gradient.hws = "wide", want a number ≥ 1, or auto`},
		{"probe", small + `gradient: {method: lut2d, hws: probe}`, nil,
			`r.yaml:3:32: gradient.hws = "probe", want a number ≥ 1, or auto; a run probes when it begins, and its recipe.yaml has the number`},
		{"value of a setting", small, []string{"optimizer.lr=fast", "optimizer.lt=1"},
			"--set optimizer.lr=fast: optimizer.lr = \"fast\", want a number\n" +
				"--set optimizer.lt=1: optimizer.lt: unknown field, did you mean optimizer.lr?"},
		{"path too long", small, []string{"train.seed.x=1"},
			"--set train.seed.x=1: train.seed has no fields, want train.seed=value"},
		{"empty value", small, []string{"train.seed="}, `--set train.seed=: train.seed = "", want a whole number ≥ 0`},
		{"anchor", "model: &m {name: lenet5}\ndata: *m", nil,
			"r.yaml:1:8: model = an anchor, alias or tag, want a mapping of its fields\n" +
				"r.yaml:2:7: data = an anchor, alias or tag, want a mapping of its fields"},
		{"not a mapping", "lenet5", nil, `r.yaml:1:1: the recipe = "lenet5", want a mapping of its fields`},
		{"not YAML", "model: [", nil, `r.yaml:1:8: not YAML: sequence end token ']' not found`},
		{"twice", small + "data: {name: mnist}", nil, `r.yaml:3:1: not YAML: mapping key "data" already defined at [2:1]`},
		{"two documents", small + "---\nmodel: {}", nil, `r.yaml:4:1: a second document, want one`},
		{"deep", strings.Repeat("[", 65), nil, `r.yaml: nested more than 64 deep`},
		{"deep lists", strings.Repeat("- ", 65), nil, `r.yaml: nested more than 64 deep`},
		{"Latin-1", "init: \xe9", []string{"init=\xe9"}, "r.yaml: not UTF-8\n--set init=\xe9: not UTF-8"},
		{"long", strings.Repeat("#", 65537), nil, `r.yaml: longer than the 65536 bytes of a recipe`},
		{"preset", "preset: date2024", nil, `r.yaml:1:9: preset = "date2024", want date2025, vit or vit_retrain`},
		{"missing", "{}", nil, "model.name is missing, want " + networks + "\n" +
			"data.name is missing, want " + sets},
		{"near a name", "model: {name: resnet9}\ndata: {name: cifar}", nil,
			`r.yaml:1:15: model.name = "resnet9", want ` + networks + " (did you mean resnet8?)\n" +
				`r.yaml:2:14: data.name = "cifar", want ` + sets + " (did you mean cifar10?)"},
		{"no path", "model: {name: lenet5}\ndata: {name: mnist}", nil, `data.path is missing, want the folder or archive of mnist`},
		{"options of other methods", small + "optimizer: {momentum: 0.9}\nschedule: {every: 3}\ngradient: {rank: 2}", nil,
			"r.yaml:3:23: optimizer.momentum = 0.9, want it left out: it belongs to optimizer.name sgd\n" +
				"r.yaml:4:19: schedule.every = 3, want it left out: it belongs to schedule.name step\n" +
				"r.yaml:5:18: gradient.rank = 2, want it left out: it belongs to gradient.method lowrank"},
		{"per channel", small + "quantization: {weight: {granularity: channel, observer: ema}}", nil,
			`r.yaml:3:57: quantization.weight.observer = "ema", want minmax, the only one per channel`},
		{"zeros", small + "optimizer: {lr: 0, betas: [1, 0.9]}\ntrain: {batch: 0}", nil,
			"r.yaml:3:17: optimizer.lr = 0, want > 0\n" +
				"r.yaml:3:28: optimizer.betas[0] = 1, want at least 0, below 1\n" +
				"r.yaml:4:16: train.batch = 0, want 1 to 65536"},
		{"nesterov", small + "optimizer: {name: sgd, nesterov: true}", nil,
			`r.yaml:3:34: optimizer.nesterov = true, want false, or a momentum and no dampening`},
		{"milestones", small + "schedule: {name: step, milestones: [5, 3]}", nil,
			`r.yaml:3:36: schedule.milestones = [5 3], want epochs ≥ 1, ascending`},
		{"counts and shares", small + "train: {accumulate: 0, label_smoothing: 1, clip_norm: -1, ema: 1, patience: -2}", nil,
			"r.yaml:3:21: train.accumulate = 0, want ≥ 1\n" +
				"r.yaml:3:41: train.label_smoothing = 1, want at least 0, below 1\n" +
				"r.yaml:3:55: train.clip_norm = -1, want > 0, or 0 for no clipping\n" +
				"r.yaml:3:64: train.ema = 1, want above 0 and below 1, or 0 for none\n" +
				"r.yaml:3:77: train.patience = -2, want ≥ 1 epochs, or 0 for no end before the last"},
		{"delta without patience", small + "train: {min_delta: 0.1}", nil,
			"r.yaml:3:20: train.min_delta = 0.1, want it left out: it belongs to train.patience"},
		{"betas of another rule", small + "optimizer: {name: adan, betas: [0.9, 0.999]}", nil,
			"r.yaml:3:32: optimizer.betas = [0.9 0.999], want three numbers"},
		{"near a rule", small + "optimizer: {name: adamomentun}", nil,
			`r.yaml:3:19: optimizer.name = "adamomentun", want adam, adamw, adan, adamomentum or sgd (did you mean adamomentum?)`},
		{"freeze", small + "quantization: {freeze: {observers: -1, batch_norm: 2}}", nil,
			"r.yaml:3:36: quantization.freeze.observers = -1, want ≥ 0 epochs\n" +
				"r.yaml:3:40: quantization.freeze.batch_norm: unknown field, did you mean quantization.freeze.batchnorm?"},
		{"estimators of layers", small + `gradient:
  layers:
    conv1: lut2
    "fc[": ste
    conv2: {hws: 3}
    fc1: {method: lut2d, hws: probe}
    fc2: {method: ste, rank: 3}
    fc3: [ste]
    fc4: {methd: ste}
`, nil,
			`r.yaml:5:12: gradient.layers.conv1.method = "lut2", want ste, lut2d, lut1d, lowrank or table (did you mean lut2d?)` + "\n" +
				`r.yaml:6:12: gradient.layers.fc[ = "fc[", want a layer's name or a glob such as layer1.*` + "\n" +
				`r.yaml:8:31: gradient.layers.fc1.hws = "probe", want a number ≥ 1, or auto: a probe chooses gradient.hws alone` + "\n" +
				`r.yaml:9:30: gradient.layers.fc2.rank = 3, want it left out: it belongs to gradient.layers.fc2.method lowrank` + "\n" +
				`r.yaml:10:10: gradient.layers.fc3 = a list, want an estimator, as in ste or {method: lut2d, hws: 4}` + "\n" +
				`r.yaml:11:11: gradient.layers.fc4.methd: unknown field, did you mean gradient.layers.fc4.method?`},
		{"method of a layer", small + "gradient: {layers: {conv2: {hws: 3}}}", []string{"gradient.layers.conv1=lut3d", "gradient.layers.fc1={rank: x}"},
			`--set gradient.layers.fc1={rank: x}: gradient.layers.fc1.rank = "x", want a whole number` + "\n" +
				`--set gradient.layers.conv1=lut3d: gradient.layers.conv1.method = "lut3d", want ste, lut2d, lut1d, lowrank or table (did you mean lut2d?)`},
		{"glob", small + `multiplier: {layers: {"conv[": exact}}`, nil,
			`r.yaml:3:32: multiplier.layers.conv[ = "conv[", want a layer's name or a glob such as layer1.*`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parse(tt.text, tt.set...)
			if err == nil {
				_, _, err = r.Resolve(Pretrain)
			}
			if err == nil {
				t.Fatalf("no fault, want %s", tt.want)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if !IsInput(err) {
				t.Error("not an input error")
			}
		})
	}
}

// TestPreset holds date2025 to numerics.md §7.
func TestPreset(t *testing.T) {
	r, err := parse("preset: date2025\n"+small, "init=fp32.safetensors", "multiplier.default=trunc:8u,cols=8")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := r.Resolve(Retrain)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parse(`
model: {name: lenet5}
init: fp32.safetensors
data: {name: synthetic, augment: [crop, flip], normalize: half, workers: 1}
quantization:
  weight: {granularity: tensor, observer: minmax}
  activation: {observer: ema, momentum: 0.1}
  padding: int-zero
  pool_inputs: true
multiplier: {default: "trunc:8u,cols=8", linear: exact}
gradient: {method: lut2d, hws: auto, boundary: paper, storage: int16}
optimizer: {name: adam, lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0}
schedule: {name: step, every: 10, gamma: 0.5}
train: {epochs: 30, batch: 64, seed: 1, calibrate: true, log_every: 50}
`)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
	for epoch, lr := range map[int]float64{1: 1e-3, 10: 1e-3, 11: 5e-4, 20: 5e-4, 21: 2.5e-4, 30: 2.5e-4} {
		if got := got.Schedule.Rate(got.Optimizer.LR, (epoch-1)*7+6, 7, 30); got != lr {
			t.Errorf("rate in epoch %d = %v, want %v", epoch, got, lr)
		}
	}
}

// TestPresetOfTransformers holds what vit and vit_retrain take from DeiT, and
// that both resolve without a fault.
func TestPresetOfTransformers(t *testing.T) {
	for preset, phase := range map[string]Phase{"vit": Pretrain, "vit_retrain": Retrain} {
		r, err := parse("preset: "+preset+"\nmodel: {name: vit_cifar}\ndata: {name: cifar10, path: x}", "init=a", "multiplier.default=trunc:8u,cols=8")
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := r.Resolve(phase)
		if err != nil {
			t.Fatal(err)
		}
		o := got.Optimizer
		if o.Name != "adamw" || o.WeightDecay != 0.05 || *o.DecayNorms || got.Schedule.Name != "cosine" || got.Schedule.Warmup == 0 {
			t.Errorf("%s: optimizer %+v, schedule %+v", preset, o, got.Schedule)
		}
		if smooth := got.Train.LabelSmoothing; (smooth == 0.1) != (preset == "vit") {
			t.Errorf("%s smooths labels by %v", preset, smooth)
		}
		if calibrates := got.Train.Calibrate != nil && *got.Train.Calibrate; calibrates != (preset == "vit_retrain") {
			t.Errorf("%s calibrates: %v", preset, calibrates)
		}
	}
}

func diff(want, got *Recipe) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(Recipe{}))
}

// TestPresetOverridden lays a recipe's own fields over a preset.
func TestPresetOverridden(t *testing.T) {
	r, err := parse(`
preset: date2025
model: {name: lenet5}
data: {name: synthetic, augment: []}
multiplier: {default: exact, layers: {conv1: float, "fc*": float}}
schedule: {milestones: [2]}
optimizer: {name: sgd, momentum: 0.9}
train: {calibrate: false}
`, "init=a", "quantization.padding=zero-point")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := r.Resolve(Retrain)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Schedule{Name: "step", Milestones: []int{2}, Gamma: 0.5}); !reflect.DeepEqual(got.Schedule, want) {
		t.Errorf("schedule %+v, want %+v", got.Schedule, want)
	}
	if want := (Optimizer{Name: "sgd", LR: 1e-3, Momentum: 0.9}); !reflect.DeepEqual(got.Optimizer, want) {
		t.Errorf("optimizer %+v, want %+v", got.Optimizer, want)
	}
	if want := (LayerRules{{"conv1", "float"}, {"fc*", "float"}}); !reflect.DeepEqual(got.Multiplier.Layers, want) {
		t.Errorf("layers %v, want %v", got.Multiplier.Layers, want)
	}
	if len(got.Data.Augment) != 0 || *got.Train.Calibrate || got.Quantization.Padding != "zero-point" {
		t.Errorf("augment %v, calibrate %v, padding %s; want none, false, zero-point",
			got.Data.Augment, *got.Train.Calibrate, got.Quantization.Padding)
	}
}

// TestSettings applies settings of every type over a file.
func TestSettings(t *testing.T) {
	r, err := parse(small+"optimizer: {lr: 0.5}\ntrain: {epochs: 7, seed: 3}\nmultiplier: {layers: {fc1: float}}",
		"optimizer.lr=1e-3", "train.seed=18446744073709551615", "train.epochs=null", "train.calibrate=true",
		"data.augment=[flip]", "data={train_images: 5}", "init=7", "model.name='mlp'",
		"multiplier.default=trunc:8u,cols=8", "multiplier.layers.layer1.0.conv1=exact", "multiplier.layers={fc1: exact}",
		"gradient.hws=32", "optimizer.betas=[0.5, 1e-1]", "gradient.layers.layer2.*=lut1d", "gradient.layers.conv1={method: lut2d, hws: 4}",
		"quantization.freeze.observers=0", "quantization.freeze={batchnorm: 2}", "no_strict=true")
	if err != nil {
		t.Fatal(err)
	}
	yes, two := true, 2
	want := &Recipe{
		Model: Model{Name: "mlp"}, Init: "7",
		Data: Data{Name: "synthetic", TrainImages: 5, Augment: []string{"flip"}},
		Multiplier: Multiplier{Default: "trunc:8u,cols=8",
			Layers: LayerRules{{"layer1.0.conv1", "exact"}, {"fc1", "exact"}}},
		Gradient: Gradient{Estimator: Estimator{HWS: 32}, Layers: EstimatorRules{
			{"layer2.*", Estimator{Method: "lut1d"}}, {"conv1", Estimator{Method: "lut2d", HWS: 4}}}},
		Quantization: Quantization{Freeze: Freeze{Observers: new(int), BatchNorm: &two}}, NoStrict: true,
		Optimizer: Optimizer{LR: 1e-3, Betas: []float64{0.5, 0.1}},
		Train:     Train{Seed: 1<<64 - 1, Calibrate: &yes},
	}
	if d := diff(want, r); d != "" {
		t.Error(d)
	}
}

// TestWrittenRecipe reads back what was written, resolved and not.
func TestWrittenRecipe(t *testing.T) {
	for _, text := range []string{
		small,
		small + "preset: date2025\ninit: x\nmultiplier: {default: 'drum:8u,k=4', layers: {'layer1.*': float, fc1: exact, 'a b': 'trunc:8u,cols=8'}}",
		small + "quantization: {weight: {bits: 7, signed: false, granularity: channel}}\noptimizer: {name: sgd, lr: 1e-20}\ntrain: {epochs: 0, seed: 0, calibrate: false}",
		small + "optimizer: {name: adan, decay_norms: false}\ntrain: {accumulate: 4, label_smoothing: 0.1, clip_norm: 1, ema: 0.99, patience: 2, min_delta: 1e-3}\n" +
			"gradient: {layers: {'conv*': {method: lut2d, hws: 4}, fc1: ste}}\nquantization: {freeze: {observers: 0}}\nmultiplier: {ends: exact}\nno_strict: true",
		small + "schedule: {name: step, milestones: [1, 2], warmup: 0.25}\ngradient: {method: lowrank, hws: auto}\ninit: '0x10'",
	} {
		r, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		resolved, _, err := r.Resolve(Pretrain)
		if err != nil {
			t.Fatal(err)
		}
		written, err := resolved.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(string(written))
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if d := diff(resolved, again); d != "" {
			t.Errorf("read back: %s\nof\n%s", d, written)
		}
		twice, _, err := again.Resolve(Pretrain)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(resolved, twice); d != "" {
			t.Errorf("resolved twice: %s", d)
		}
	}
}

func TestParseSetFault(t *testing.T) {
	_, err := ParseSet("optimizer.lr")
	const want = "--set optimizer.lr: want path=value, as in optimizer.lr=0.01"
	if err == nil || err.Error() != want || !IsInput(err) {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestInputErrorFields(t *testing.T) {
	_, err := parse("train: {epocs: 3}")
	var e *InputError
	if !errors.As(err, &e) {
		t.Fatalf("error %v holds no InputError", err)
	}
	if e.File != "r.yaml" || e.Line != 1 || e.Column != 9 || e.Got != "epocs" || e.Want != "epochs" {
		t.Errorf("%+v", e)
	}
}

// FuzzParse holds that no text makes the reader panic or run away, and that
// what it accepts and resolves can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add(small, "optimizer.lr=0.1")
	f.Add("preset: date2025\n"+small, "multiplier.layers.fc*=float")
	f.Add(small+"gradient: {layers: {a.*: {method: lut2d}, b: ste}}", "gradient.layers.c={method: lut1d, hws: 3}")
	f.Add("a: &x [1, {b: *x}]\n---\n? c\n: !!int d\n<<: *x", "=")
	f.Add("train: {epochs: 1e3, seed: 0x10, batch: -}", "data.augment=[crop")
	f.Add(strings.Repeat("- ", 500)+"|\n x", "model={}")
	f.Fuzz(func(t *testing.T, text, set string) {
		r, err := parse(text, set)
		if err != nil {
			if !IsInput(err) {
				t.Fatalf("not an input error: %v", err)
			}
			return
		}
		resolved, _, err := r.Resolve(Pretrain)
		if err != nil {
			return
		}
		written, err := resolved.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(string(written))
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if d := diff(resolved, again); d != "" {
			t.Fatal(d)
		}
	})
}
