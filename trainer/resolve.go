package trainer

import (
	"fmt"
	"path"
	"reflect"
	"slices"

	"gputrain/model"
	"gputrain/trainer/dataset"
)

// A Phase is what a run is for. It stands in every line of the metrics.
type Phase string

const (
	// Pretrain trains a network, in float32 or quantization-aware.
	Pretrain Phase = "train"
	// Retrain lets a trained network adapt to its multipliers.
	Retrain Phase = "retrain"
	// Calibrate passes over the training set without steps.
	Calibrate Phase = "calibrate"
	// Eval measures a checkpoint.
	Eval Phase = "eval"
)

// Resolve returns r with every default filled in, and what was assumed in doing
// so. Fields that the chosen methods do not use are dropped. All faults are
// reported at once, as [Faults].
//
// Defaults that depend on tables or data are left to [Prepare].
func (r *Recipe) Resolve(phase Phase) (*Recipe, []string, error) {
	c := checker{r: r.clone()}
	c.model()
	c.init(phase)
	c.data()
	c.quantization()
	c.multiplier(phase)
	c.gradient()
	c.optimizer()
	c.schedule()
	c.train(phase)
	if c.r.Preset != "" {
		c.assume("preset %s is written out in the recipe that is saved", c.r.Preset)
		c.r.Preset = ""
	}
	return c.r, c.assumed, c.faults.err()
}

// clone returns a copy that shares nothing that Resolve changes.
func (r *Recipe) clone() *Recipe {
	c := *r
	c.Data.Augment = slices.Clone(r.Data.Augment)
	c.Data.Scale, c.Data.Ratio = slices.Clone(r.Data.Scale), slices.Clone(r.Data.Ratio)
	c.Multiplier.Layers = slices.Clone(r.Multiplier.Layers)
	c.Gradient.Layers = slices.Clone(r.Gradient.Layers)
	c.Optimizer.Betas = slices.Clone(r.Optimizer.Betas)
	c.Schedule.Milestones = slices.Clone(r.Schedule.Milestones)
	return &c
}

// A checker fills defaults into r and collects its faults.
type checker struct {
	r       *Recipe
	assumed []string
	faults  Faults
}

func (c *checker) assume(format string, args ...any) {
	c.assumed = append(c.assumed, fmt.Sprintf(format, args...))
}

func (c *checker) fault(path string, got any, want string) {
	c.faults = append(c.faults, c.r.fault(path, got, want))
}

// missing reports that a field has to be given.
func (c *checker) missing(path, want string) {
	e := c.r.fault(path, "", want)
	e.Got = ""
	c.faults = append(c.faults, e)
}

// fill sets a field that was not given and is zero to its default.
func fill[T any](c *checker, path string, field *T, value T) {
	if !c.r.given(path) && reflect.ValueOf(field).Elem().IsZero() {
		*field = value
	}
}

// oneOf checks that text is one of the names, after filling in a default.
func (c *checker) oneOf(path string, field *string, value string, names ...string) {
	fill(c, path, field, value)
	if slices.Contains(names, *field) {
		return
	}
	want := oneOf(names)
	if near := nearest(*field, names); near != "" {
		want += fmt.Sprintf(" (did you mean %s?)", near)
	}
	c.fault(path, *field, want)
}

// number checks a field against a condition.
func number[T int | uint64 | float64](c *checker, path string, v T, ok bool, want string) {
	if !ok {
		c.fault(path, v, want)
	}
}

// only drops a field that is not used, and reports it if it was given: who
// sets an option that does nothing has something else in mind.
func only[T any](c *checker, path string, field *T, used bool, owner string) {
	if used {
		return
	}
	v := reflect.ValueOf(field).Elem()
	if c.r.given(path) && !v.IsZero() {
		c.fault(path, reflect.Indirect(v).Interface(), "it left out: it belongs to "+owner)
	}
	v.SetZero()
}

// cifarOnly are the networks that are themselves for small images. Their recipes
// say so, and package model, where they have no stem to choose, does not.
var cifarOnly = []string{"resnet8", "resnet20", "resnet32", "resnet56"}

func (c *checker) model() {
	m := &c.r.Model
	switch {
	case m.Name == "":
		c.missing("model.name", oneOf(model.Names()))
	default:
		c.oneOf("model.name", &m.Name, "", model.Names()...)
	}
	switch {
	case slices.Contains(cifarOnly, m.Name):
		c.oneOf("model.stem", &m.Stem, model.StemCIFAR, model.StemCIFAR)
	case m.Stem != "" || c.r.given("model.stem"):
		c.oneOf("model.stem", &m.Stem, "", model.StemCIFAR, model.StemImageNet)
	}
	number(c, "model.classes", m.Classes, m.Classes == 0 && !c.r.given("model.classes") || m.Classes >= 2, "≥ 2")
}

func (c *checker) init(phase Phase) {
	if c.r.Init == "" && phase != Pretrain {
		c.missing("init", "the checkpoint to start from (--init)")
	}
}

func (c *checker) data() {
	d := &c.r.Data
	switch {
	case d.Name == "":
		c.missing("data.name", oneOf(dataset.Names()))
		return
	case !slices.Contains(dataset.Names(), d.Name):
		c.oneOf("data.name", &d.Name, "", dataset.Names()...)
		return
	}
	only(c, "data.path", &d.Path, d.Name != "synthetic", "data that is read; synthetic is drawn")
	if d.Path == "" && d.Name != "synthetic" {
		c.missing("data.path", "the folder or archive of "+d.Name)
	}
	only(c, "data.coarse", &d.Coarse, d.Name == "cifar100", "data.name cifar100")
	folder := d.Name == "folder"
	only(c, "data.size", &d.Size, folder, "data.name folder")
	only(c, "data.resize", &d.Resize, folder, "data.name folder")
	only(c, "data.channels", &d.Channels, folder, "data.name folder")
	only(c, "data.store", &d.Store, folder, "data.name folder")
	only(c, "data.cache_dir", &d.CacheDir, d.Store == "packed", "data.store packed")
	only(c, "data.skip_bad", &d.SkipBad, folder, "data.name folder")
	number(c, "data.size", d.Size, d.Size >= 0, "≥ 1, or left out to keep the size of the images")
	number(c, "data.resize", d.Resize, d.Resize == 0 || d.Size > 0 && d.Resize >= d.Size, "at least data.size, which is cut out of it")
	number(c, "data.channels", d.Channels, d.Channels == 0 || d.Channels == 1 || d.Channels == 3, "1 or 3")
	if d.Store != "" {
		c.oneOf("data.store", &d.Store, "", dataset.Stores()...)
		if d.Size == 0 && (d.Store == "packed" || d.Store == "files") {
			c.missing("data.size", "the size that the network sees: data.store is "+d.Store)
		}
	}
	number(c, "data.train_images", d.TrainImages, d.TrainImages >= 0, "≥ 1, or 0 for all")
	number(c, "data.test_images", d.TestImages, d.TestImages >= 0, "≥ 1, or 0 for all")
	only(c, "data.seed", &d.Seed, d.Name == "synthetic", "data.name synthetic")
	for i, a := range d.Augment {
		path := fmt.Sprintf("data.augment[%d]", i)
		c.oneOf(path, &d.Augment[i], "", dataset.Augmentations()...)
		if slices.Contains(d.Augment[:i], a) {
			c.fault(path, a, "each only once")
		}
	}
	c.augment()
	c.oneOf("data.normalize", &d.Normalize, "half", dataset.Normalizations()...)
	fill(c, "data.workers", &d.Workers, 1)
	number(c, "data.workers", d.Workers, d.Workers >= 1 && d.Workers <= 256, "1 to 256")
}

// augment checks the strengths of augmentation.
func (c *checker) augment() {
	d := &c.r.Data
	does := func(name string) bool { return slices.Contains(d.Augment, name) }
	if i := slices.Index(d.Augment, "resized-crop"); i >= 0 && does("crop") {
		c.fault(fmt.Sprintf("data.augment[%d]", i), "resized-crop", "one way to crop alone")
	}
	only(c, "data.crop_pad", &d.CropPad, does("crop"), "data.augment crop")
	number(c, "data.crop_pad", d.CropPad, d.CropPad >= -1, "≥ 1, 0 for the default, or -1 for none")
	for _, f := range []struct {
		path   string
		bounds *[]float64
		lo, hi float64
	}{{"data.scale", &d.Scale, 0, 1}, {"data.ratio", &d.Ratio, 0.01, 100}} {
		only(c, f.path, f.bounds, does("resized-crop"), "data.augment resized-crop")
		if b := *f.bounds; b != nil && !(len(b) == 2 && b[0] > 0 && b[0] >= f.lo && b[0] <= b[1] && b[1] <= f.hi) {
			c.fault(f.path, b, fmt.Sprintf("two numbers above 0, ascending, %v to %v", f.lo, f.hi))
		}
	}
	for _, f := range []struct {
		path  string
		value *float64
		by    string
		most  float64
	}{
		{"data.degrees", &d.Degrees, "rotate", 180}, {"data.brightness", &d.Brightness, "jitter", 10},
		{"data.contrast", &d.Contrast, "jitter", 10}, {"data.saturation", &d.Saturation, "jitter", 10}, {"data.hue", &d.Hue, "jitter", 0.5},
	} {
		only(c, f.path, f.value, does(f.by), "data.augment "+f.by)
		number(c, f.path, *f.value, *f.value >= 0 && *f.value <= f.most, fmt.Sprintf("0 to %v", f.most))
	}
	for _, f := range []struct {
		path  string
		alpha float64
	}{{"data.mixup", d.Mixup}, {"data.cutmix", d.CutMix}} {
		number(c, f.path, f.alpha, f.alpha == 0 || f.alpha >= 0.01 && f.alpha <= 100, "0.01 to 100, or 0 for none")
	}
}

func (c *checker) quantization() {
	q := &c.r.Quantization
	c.oneOf("quantization.weight.granularity", &q.Weight.Granularity, "tensor", "tensor", "channel")
	c.observer("quantization.weight", &q.Weight.Observer, "minmax", &q.Weight.Momentum, &q.Weight.Percentile)
	if q.Weight.Granularity == "channel" && q.Weight.Observer != "minmax" {
		c.fault("quantization.weight.observer", q.Weight.Observer, "minmax, the only one per channel")
	}
	c.observer("quantization.activation", &q.Activation.Observer, "ema", &q.Activation.Momentum, &q.Activation.Percentile)
	for _, f := range []struct {
		path string
		bits int
	}{{"quantization.weight.bits", q.Weight.Bits}, {"quantization.activation.bits", q.Activation.Bits}} {
		number(c, f.path, f.bits, f.bits == 0 && !c.r.given(f.path) || f.bits >= 2 && f.bits <= 8, "2 to 8")
	}
	c.oneOf("quantization.padding", &q.Padding, "zero-point", "zero-point", "int-zero")
	for _, f := range []struct {
		path   string
		epochs *int
	}{{"quantization.freeze.observers", q.Freeze.Observers}, {"quantization.freeze.batchnorm", q.Freeze.BatchNorm}} {
		if f.epochs != nil {
			number(c, f.path, *f.epochs, *f.epochs >= 0, "≥ 0 epochs")
		}
	}
}

func (c *checker) observer(path string, name *string, value string, momentum, percentile *float64) {
	c.oneOf(path+".observer", name, value, "minmax", "ema", "percentile")
	only(c, path+".momentum", momentum, *name != "minmax", "the observers ema and percentile")
	only(c, path+".percentile", percentile, *name == "percentile", "the observer percentile")
	if *name != "minmax" {
		fill(c, path+".momentum", momentum, 0.1)
		number(c, path+".momentum", *momentum, *momentum > 0 && *momentum <= 1, "above 0, at most 1")
	}
	if *name == "percentile" {
		fill(c, path+".percentile", percentile, 99.99)
		number(c, path+".percentile", *percentile, *percentile > 0 && *percentile <= 100, "above 0, at most 100")
	}
}

func (c *checker) multiplier(phase Phase) {
	m := &c.r.Multiplier
	if m.Default == "" {
		switch {
		case phase == Retrain:
			c.missing("multiplier.default", "a file, a spec such as trunc:8u,cols=8, or exact (--multiplier)")
		default:
			m.Default = "float"
			c.assume("no multiplier given: float32")
		}
	}
	for _, rule := range m.Layers {
		at := "multiplier.layers." + rule.Pattern
		c.pattern(at, rule.Pattern)
		if rule.Multiplier == "" {
			c.missing(at, "a multiplier")
		}
	}
	for _, f := range []struct{ path, value string }{{"multiplier.order", m.Order}, {"multiplier.codes", m.Codes}} {
		names := map[string][]string{"multiplier.order": {"wx", "xw"}, "multiplier.codes": {"ascending", "twos"}}[f.path]
		if f.value != "" {
			c.oneOf(f.path, &f.value, "", names...)
		}
	}
}

func (c *checker) gradient() {
	g := &c.r.Gradient
	c.estimator("gradient", &g.Estimator)
	for i := range g.Layers {
		r := &g.Layers[i]
		at := "gradient.layers." + r.Pattern
		c.pattern(at, r.Pattern)
		if r.Method == "" {
			c.missing(at+".method", oneOf(estimators))
			continue
		}
		if r.HWS == HWSProbe {
			c.fault(at+".hws", r.HWS.String(), "a number ≥ 1, or auto: a probe chooses gradient.hws alone")
			continue
		}
		c.estimator(at, &r.Estimator)
	}
}

// estimators are the methods of gradients.
var estimators = []string{"ste", "lut2d", "lut1d", "lowrank", "table"}

// estimator checks the one at path.
func (c *checker) estimator(path string, e *Estimator) {
	c.oneOf(path+".method", &e.Method, "ste", estimators...)
	lut2d, lut1d, lowrank := e.Method == "lut2d", e.Method == "lut1d", e.Method == "lowrank"

	only(c, path+".reading", &e.Reading, lut1d, path+".method lut1d")
	if lut1d {
		c.oneOf(path+".reading", &e.Reading, "mean", "mean", "range", "slope")
	}
	window := e.smooths()
	only(c, path+".hws", &e.HWS, window, path+".method lut2d, lowrank, and lut1d with reading mean")
	if window {
		if e.HWS == 0 {
			e.HWS = HWSAuto
			c.assume("%s.hws not given: auto", path)
		}
		if e.HWS < HWSAuto {
			c.fault(path+".hws", e.HWS.String(), "a number ≥ 1, or auto; a run probes when it begins, and its recipe.yaml has the number")
		}
	}
	only(c, path+".boundary", &e.Boundary, lut2d, path+".method lut2d")
	only(c, path+".storage", &e.Storage, lut2d, path+".method lut2d")
	if lut2d {
		c.oneOf(path+".boundary", &e.Boundary, "paper", "paper", "upstream")
		c.oneOf(path+".storage", &e.Storage, "int16", "int16", "float32")
		if e.Boundary == "upstream" && e.Storage != "int16" {
			c.fault(path+".storage", e.Storage, "int16, which boundary upstream defines")
		}
	}
	only(c, path+".rank", &e.Rank, lowrank, path+".method lowrank")
	if lowrank {
		fill(c, path+".rank", &e.Rank, 4)
		number(c, path+".rank", e.Rank, e.Rank >= 1 && e.Rank <= 256, "1 to 256")
	}
	only(c, path+".file", &e.File, e.Method == "table", path+".method table")
	only(c, path+".histograms", &e.Histograms, lowrank, path+".method lowrank")
}

// pattern checks a pattern of layer names.
func (c *checker) pattern(at, pattern string) {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		c.fault(at, pattern, "a layer's name or a glob such as layer1.*")
	}
}

// Optimizers returns the names that [Optimizer] may have.
func Optimizers() []string { return []string{"adam", "adamw", "adan", "adamomentum", "sgd"} }

func (c *checker) optimizer() {
	o := &c.r.Optimizer
	c.oneOf("optimizer.name", &o.Name, "adam", Optimizers()...)
	fill(c, "optimizer.lr", &o.LR, 1e-3)
	number(c, "optimizer.lr", o.LR, o.LR > 0, "> 0")
	adaptive := o.Name != "sgd"
	betas := []float64{0.9, 0.999}
	switch o.Name {
	case "adamw":
		fill(c, "optimizer.weight_decay", &o.WeightDecay, 0.01)
	case "adan":
		fill(c, "optimizer.weight_decay", &o.WeightDecay, 0.02)
		betas = []float64{0.98, 0.92, 0.99}
	}
	number(c, "optimizer.weight_decay", o.WeightDecay, o.WeightDecay >= 0, "≥ 0")

	only(c, "optimizer.betas", &o.Betas, adaptive, "optimizer.name adam, adamw, adan and adamomentum")
	only(c, "optimizer.eps", &o.Eps, adaptive, "optimizer.name adam, adamw, adan and adamomentum")
	if adaptive {
		if !c.r.given("optimizer.betas") && len(o.Betas) != len(betas) { // a preset's are of another rule
			o.Betas = nil
		}
		fill(c, "optimizer.betas", &o.Betas, betas)
		if len(o.Betas) != len(betas) {
			c.fault("optimizer.betas", o.Betas, map[int]string{2: "two numbers", 3: "three numbers"}[len(betas)])
		}
		for i, b := range o.Betas {
			number(c, fmt.Sprintf("optimizer.betas[%d]", i), b, b >= 0 && b < 1, "at least 0, below 1")
		}
		fill(c, "optimizer.eps", &o.Eps, 1e-8)
		number(c, "optimizer.eps", o.Eps, o.Eps > 0, "> 0")
	}
	only(c, "optimizer.momentum", &o.Momentum, !adaptive, "optimizer.name sgd")
	only(c, "optimizer.dampening", &o.Dampening, !adaptive, "optimizer.name sgd")
	only(c, "optimizer.nesterov", &o.Nesterov, !adaptive, "optimizer.name sgd")
	number(c, "optimizer.momentum", o.Momentum, o.Momentum >= 0 && o.Momentum < 1, "at least 0, below 1")
	number(c, "optimizer.dampening", o.Dampening, o.Dampening >= 0 && o.Dampening <= 1, "0 to 1")
	if o.Nesterov && (o.Momentum == 0 || o.Dampening != 0) {
		c.fault("optimizer.nesterov", true, "false, or a momentum and no dampening")
	}
}

func (c *checker) schedule() {
	s := &c.r.Schedule
	c.oneOf("schedule.name", &s.Name, "constant", "constant", "step", "cosine")
	step, cosine := s.Name == "step", s.Name == "cosine"
	if step && c.r.given("schedule.milestones") && !c.r.given("schedule.every") {
		s.Every = 0 // milestones take the place of a preset's
	}
	only(c, "schedule.every", &s.Every, step, "schedule.name step")
	only(c, "schedule.milestones", &s.Milestones, step, "schedule.name step")
	only(c, "schedule.gamma", &s.Gamma, step, "schedule.name step")
	only(c, "schedule.min_lr", &s.MinLR, cosine, "schedule.name cosine")
	if step {
		fill(c, "schedule.gamma", &s.Gamma, 0.5)
		number(c, "schedule.gamma", s.Gamma, s.Gamma > 0 && s.Gamma <= 1, "above 0, at most 1")
		switch {
		case len(s.Milestones) > 0 && s.Every != 0:
			c.fault("schedule.milestones", s.Milestones, "either every or milestones")
		case len(s.Milestones) == 0:
			fill(c, "schedule.every", &s.Every, 10)
			number(c, "schedule.every", s.Every, s.Every >= 1, "≥ 1")
		case !slices.IsSorted(s.Milestones) || s.Milestones[0] < 1:
			c.fault("schedule.milestones", s.Milestones, "epochs ≥ 1, ascending")
		}
	}
	number(c, "schedule.min_lr", s.MinLR, s.MinLR == 0 || s.MinLR > 0 && s.MinLR <= c.r.Optimizer.LR, "0 to optimizer.lr")
	number(c, "schedule.warmup", s.Warmup, s.Warmup >= 0, "≥ 0 epochs")
}

func (c *checker) train(phase Phase) {
	t := &c.r.Train
	fill(c, "train.epochs", &t.Epochs, 30)
	number(c, "train.epochs", t.Epochs, t.Epochs >= 0 && t.Epochs <= 1e6, "0 to 1000000")
	fill(c, "train.batch", &t.Batch, 64)
	number(c, "train.batch", t.Batch, t.Batch >= 1 && t.Batch <= 1<<16, "1 to 65536")
	number(c, "train.accumulate", t.Accumulate, t.Accumulate >= 1 || t.Accumulate == 0 && !c.r.given("train.accumulate"), "≥ 1")
	if t.Accumulate == 1 {
		t.Accumulate = 0
	}
	number(c, "train.label_smoothing", t.LabelSmoothing, t.LabelSmoothing >= 0 && t.LabelSmoothing < 1, "at least 0, below 1")
	number(c, "train.clip_norm", t.ClipNorm, t.ClipNorm >= 0, "> 0, or 0 for no clipping")
	number(c, "train.ema", t.EMA, t.EMA >= 0 && t.EMA < 1, "above 0 and below 1, or 0 for none")
	number(c, "train.patience", t.Patience, t.Patience >= 0, "≥ 1 epochs, or 0 for no end before the last")
	only(c, "train.min_delta", &t.MinDelta, t.Patience > 0, "train.patience")
	number(c, "train.min_delta", t.MinDelta, t.MinDelta >= 0 && t.MinDelta < 1, "at least 0, below 1: a fraction")
	if d := c.r.Data; t.Batch == 1 && (d.Mixup > 0 || d.CutMix > 0) {
		c.fault("train.batch", t.Batch, "2 or more, for data.mixup or data.cutmix to mix")
	}
	fill(c, "train.seed", &t.Seed, 1)
	if t.Calibrate == nil && phase == Retrain {
		yes := true
		t.Calibrate = &yes
	}
	fill(c, "train.log_every", &t.LogEvery, 50)
	number(c, "train.log_every", t.LogEvery, t.LogEvery >= 1, "≥ 1")
	number(c, "train.save_steps", t.SaveSteps, t.SaveSteps >= 0, "≥ 1, or 0 for once an epoch")
	number(c, "train.save_minutes", t.SaveMinutes, t.SaveMinutes >= 0, "> 0, or 0 for once an epoch")
}
