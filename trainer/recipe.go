package trainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// A Recipe says everything that determines a run. Zero values stand for the
// defaults given here; [Recipe.Resolve] replaces them.
//
// A field's name in YAML is its name in [Setting] paths and in JSON.
type Recipe struct {
	// Preset is a set of values that the recipe's own override; see [Presets].
	Preset string `yaml:"preset,omitempty"`

	Model Model `yaml:"model"`

	// Init is the checkpoint to start from; without one, Model is initialised
	// from Train.Seed.
	Init string `yaml:"init,omitempty"`

	// NoStrict lets Init lack tensors of the network, which then stay as new
	// weights have them, and hold others, which are left out. Both are told. A
	// tensor of another shape is a fault nevertheless.
	NoStrict bool `yaml:"no_strict,omitempty"`

	Data         Data         `yaml:"data"`
	Quantization Quantization `yaml:"quantization"`
	Multiplier   Multiplier   `yaml:"multiplier"`
	Gradient     Gradient     `yaml:"gradient"`
	Optimizer    Optimizer    `yaml:"optimizer"`
	Schedule     Schedule     `yaml:"schedule"`
	Train        Train        `yaml:"train"`

	// place says where each given field stands, by its path.
	place map[string]place
}

// A place is where a field was given: in a file, or by a setting.
type place struct {
	file         string
	line, column int
}

// Model chooses the network.
type Model struct {
	Name    string `yaml:"name"`              // one of model.Names
	Stem    string `yaml:"stem,omitempty"`    // cifar or imagenet, of networks that have both; default: as the size of the images asks
	Classes int    `yaml:"classes,omitempty"` // default: those of the data
}

// Data chooses the images and what is done to them. Package dataset has the
// meaning of the fields: those up to Seed are of its Source, the rest of its
// Pipeline.
type Data struct {
	Name        string `yaml:"name"`                   // cifar10, cifar100, folder, idx, mnist, synthetic
	Path        string `yaml:"path,omitempty"`         // folder or archive
	Coarse      bool   `yaml:"coarse,omitempty"`       // of cifar100: label by the 20 superclasses
	Size        int    `yaml:"size,omitempty"`         // edge of the images of a folder for the network
	Resize      int    `yaml:"resize,omitempty"`       // to which their shorter side is brought before they are cut; default: size
	Channels    int    `yaml:"channels,omitempty"`     // of images of a folder: 3 (default) or 1
	Store       string `yaml:"store,omitempty"`        // of images of a folder: memory (default), packed, files
	CacheDir    string `yaml:"cache_dir,omitempty"`    // where packed images are kept
	SkipBad     bool   `yaml:"skip_bad,omitempty"`     // leave out images of a folder that cannot be decoded
	TrainImages int    `yaml:"train_images,omitempty"` // 0: all there are; of synthetic, dataset's defaults
	TestImages  int    `yaml:"test_images,omitempty"`
	Seed        uint64 `yaml:"seed,omitempty"` // of synthetic images

	Augment    []string  `yaml:"augment,flow,omitempty"` // crop, flip, jitter, resized-crop, rotate
	CropPad    int       `yaml:"crop_pad,omitempty"`     // of crop: pixels added on each side; −1 none
	Scale      []float64 `yaml:"scale,flow,omitempty"`   // of resized-crop: bounds of the area, as a share
	Ratio      []float64 `yaml:"ratio,flow,omitempty"`   // and of width over height
	Degrees    float64   `yaml:"degrees,omitempty"`      // of rotate: the greatest angle
	Brightness float64   `yaml:"brightness,omitempty"`   // these four of jitter
	Contrast   float64   `yaml:"contrast,omitempty"`
	Saturation float64   `yaml:"saturation,omitempty"`
	Hue        float64   `yaml:"hue,omitempty"`

	// Mixup and CutMix are the α of the mixing of the images of a batch with each
	// other (Zhang et al., ICLR 2018; Yun et al., ICCV 2019), 0 for none. With both
	// each batch is mixed in one way or the other.
	Mixup  float64 `yaml:"mixup,omitempty"`
	CutMix float64 `yaml:"cutmix,omitempty"`

	Normalize string `yaml:"normalize"`         // half (default), none, cifar10, cifar100, mnist, imagenet
	Workers   int    `yaml:"workers,omitempty"` // goroutines that prepare batches; changes no result
}

// Quantization says how real numbers become operands (numerics.md §2).
type Quantization struct {
	Weight     WeightQuantizer     `yaml:"weight"`
	Activation ActivationQuantizer `yaml:"activation"`
	Padding    string              `yaml:"padding"`     // zero-point (default), int-zero
	PoolInputs bool                `yaml:"pool_inputs"` // fake-quantize the inputs of pooling
	Freeze     Freeze              `yaml:"freeze,omitempty"`
}

// Freeze says after how many epochs of training what follows the data stands
// still. 0 is from the first step on, calibration being over; nothing is never.
type Freeze struct {
	// Observers hold the ranges of all quantizers.
	Observers *int `yaml:"observers,omitempty"`

	// BatchNorm lets batch normalisation normalise by its running statistics, as
	// in evaluation, and holds them; its scale and shift go on learning.
	BatchNorm *int `yaml:"batchnorm,omitempty"`
}

// A WeightQuantizer quantizes weights. Bits and Signed serve where no table
// says the width; stating others than a table's is a fault.
type WeightQuantizer struct {
	Bits        int     `yaml:"bits,omitempty"`      // default 8
	Signed      *bool   `yaml:"signed,omitempty"`    // default false
	Symmetric   *bool   `yaml:"symmetric,omitempty"` // default: as Signed
	Granularity string  `yaml:"granularity"`         // tensor (default), channel
	Observer    string  `yaml:"observer"`            // minmax (default), ema, percentile
	Momentum    float64 `yaml:"momentum,omitempty"`
	Percentile  float64 `yaml:"percentile,omitempty"`
}

// An ActivationQuantizer quantizes activations, per tensor.
type ActivationQuantizer struct {
	Bits       int     `yaml:"bits,omitempty"`
	Signed     *bool   `yaml:"signed,omitempty"`
	Symmetric  *bool   `yaml:"symmetric,omitempty"`
	Observer   string  `yaml:"observer"`             // ema (default), minmax, percentile
	Momentum   float64 `yaml:"momentum,omitempty"`   // default 0.1
	Percentile float64 `yaml:"percentile,omitempty"` // default 99.99
}

// Multiplier says which multiplier each layer computes with: float, exact, a
// spec such as "trunc:8u,cols=8", or a file.
type Multiplier struct {
	Default string     `yaml:"default"`
	Layers  LayerRules `yaml:"layers,omitempty"` // by layer name, globs allowed; later ones win

	// Linear is the multiplier of the linear layers, which the paper keeps exact.
	Linear string `yaml:"linear,omitempty"`

	// Ends is the multiplier of the first and the last layer that has products,
	// which quantization hurts most. Ends wins over Linear, Layers over both.
	Ends string `yaml:"ends,omitempty"`

	// How to read files that leave it open; see lut.LoadOptions.
	From   string `yaml:"from,omitempty"`
	Order  string `yaml:"order,omitempty"`
	Signed *bool  `yaml:"signed,omitempty"`
	Codes  string `yaml:"codes,omitempty"`
	Top    string `yaml:"top,omitempty"`
}

// LayerRules assign multipliers to layers, in the order given.
type LayerRules []LayerRule

// A LayerRule gives the layers whose name matches Pattern a multiplier.
type LayerRule struct {
	Pattern, Multiplier string
}

// MarshalYAML writes the rules as a mapping, in order.
func (l LayerRules) MarshalYAML() (any, error) {
	m := yaml.MapSlice{}
	for _, r := range l {
		m = append(m, yaml.MapItem{Key: r.Pattern, Value: r.Multiplier})
	}
	return m, nil
}

// with returns l with a rule added at the end; one for the same pattern gives
// way to it.
func (l LayerRules) with(r LayerRule) LayerRules {
	out := make(LayerRules, 0, len(l)+1)
	for _, old := range l {
		if old.Pattern != r.Pattern {
			out = append(out, old)
		}
	}
	return append(out, r)
}

// Optimizer chooses the rule of a step. Those of sgd, adam and adamw are
// torch.optim's; adan is Xie et al., arXiv 2208.06677, adamomentum Wang et al.,
// arXiv 2106.11514. Package backend has their equations.
type Optimizer struct {
	Name        string    `yaml:"name"`                 // adam (default), adamw, adan, adamomentum, sgd
	LR          float64   `yaml:"lr"`                   // default 0.001
	Betas       []float64 `yaml:"betas,flow,omitempty"` // of all but sgd; default 0.9, 0.999; of adan 0.98, 0.92, 0.99
	Eps         float64   `yaml:"eps,omitempty"`        // of all but sgd; default 1e-8
	Momentum    float64   `yaml:"momentum,omitempty"`   // this and the next two of sgd
	Dampening   float64   `yaml:"dampening,omitempty"`
	Nesterov    bool      `yaml:"nesterov,omitempty"`
	WeightDecay float64   `yaml:"weight_decay"` // default 0; of adamw 0.01, of adan 0.02

	// DecayNorms lets weight decay act on every parameter, as torch.optim does;
	// default true. With false it spares biases, the scales and shifts of
	// normalisation, class tokens and position embeddings, as is usual with
	// transformers (Touvron et al., arXiv 2012.12877).
	DecayNorms *bool `yaml:"decay_norms,omitempty"`
}

// Schedule says how the learning rate moves; see [Rate].
type Schedule struct {
	Name       string  `yaml:"name"`                      // constant (default), step, cosine
	Every      int     `yaml:"every,omitempty"`           // of step: epochs between drops
	Milestones []int   `yaml:"milestones,flow,omitempty"` // of step: epochs after which it drops
	Gamma      float64 `yaml:"gamma,omitempty"`           // of step: factor of a drop; default 0.5
	MinLR      float64 `yaml:"min_lr,omitempty"`          // of cosine: where it ends
	Warmup     float64 `yaml:"warmup,omitempty"`          // epochs of linear rise, of any schedule
}

// Train says how long and how.
type Train struct {
	Epochs int    `yaml:"epochs"` // default 30
	Batch  int    `yaml:"batch"`  // images that pass at once; default 64
	Seed   uint64 `yaml:"seed"`   // of weights, shuffling, augmentation; default 1

	// Accumulate sums the gradients of so many batches before each step of the
	// optimizer, which is then that of one batch as many times larger, save that
	// batch normalisation looks at each alone. Where an epoch has no whole
	// number of such steps its last is made of the batches that are left.
	Accumulate int `yaml:"accumulate,omitempty"` // default 1

	// LabelSmoothing is the share of a label's weight that goes to all classes
	// alike (Szegedy et al., CVPR 2016), in training only.
	LabelSmoothing float64 `yaml:"label_smoothing,omitempty"`

	// ClipNorm scales the gradients of a step down to so great a norm, taken
	// over all parameters together; 0 leaves them alone.
	ClipNorm float64 `yaml:"clip_norm,omitempty"`

	// EMA keeps, besides the weights, their exponential moving average with this
	// decay, as in 0.999; see [Run] for what becomes of it. 0 keeps none.
	EMA float64 `yaml:"ema,omitempty"`

	// Patience ends the run when, for so many epochs in a row, the accuracy on
	// the test split has not risen more than MinDelta above its best; 0 never.
	Patience int     `yaml:"patience,omitempty"`
	MinDelta float64 `yaml:"min_delta,omitempty"` // a fraction, as in 0.001

	// Calibrate runs one pass over the un-augmented training set before the
	// first epoch, in training mode but without steps, so that observers and
	// batch-norm statistics meet the multiplier before the weights do.
	// Default: true for retrain where a layer is quantized.
	Calibrate *bool `yaml:"calibrate,omitempty"`

	LogEvery    int     `yaml:"log_every"`              // steps between looks at the loss; default 50
	SaveSteps   int     `yaml:"save_steps,omitempty"`   // save every so many steps, besides every epoch
	SaveMinutes float64 `yaml:"save_minutes,omitempty"` // … or minutes
}

// maxRecipe bounds the bytes of a recipe. The YAML parser takes time in the
// square of the nesting, which this bounds too.
const maxRecipe = 64 << 10

// Load reads a recipe and applies settings to it, later ones over earlier. An
// empty path stands for an empty recipe.
//
// A recipe that cannot be read gives all its faults at once, as [Faults]: also
// those that [Recipe.Resolve] would find, but for fields that are missing.
func Load(path string, settings ...Setting) (*Recipe, error) {
	if path == "" {
		return Parse("", nil, settings...)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, inputf("", "recipe: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecipe+1))
	if err != nil {
		return nil, inputf("", "recipe: %w", err)
	}
	return Parse(path, text, settings...)
}

// Parse is [Load] of a text; name stands in faults for the file's.
func Parse(name string, text []byte, settings ...Setting) (*Recipe, error) {
	// The first pass finds the preset, over which the second lays the rest.
	r, faults := decode(&Recipe{}, name, text, settings)
	if r.Preset == "" {
		return complete(r, faults)
	}
	preset, ok := presets[r.Preset]
	if !ok {
		at := r.place["preset"]
		return nil, append(faults, &InputError{File: at.file, Line: at.line, Column: at.column,
			Field: "preset", Got: show(r.Preset), Want: oneOf(Presets())})
	}
	base := preset()
	return complete(decode(&base, name, text, settings))
}

// complete adds to the faults of decoding those of the values, so that the
// user sees all at once.
func complete(r *Recipe, faults Faults) (*Recipe, error) {
	if len(faults) == 0 {
		return r, nil
	}
	bad := map[string]bool{}
	for _, f := range faults {
		bad[f.Field] = true
	}
	_, _, err := r.Resolve(Pretrain)
	var more Faults
	errors.As(err, &more)
	for _, f := range more {
		if f.Got != "" && !bad[f.Field] {
			faults = append(faults, f)
		}
	}
	return nil, faults.err()
}

// YAML returns r as a document that [Parse] reads back to the same recipe.
func (r *Recipe) YAML() ([]byte, error) {
	text, err := yaml.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("trainer: write recipe: %w", err)
	}
	return text, nil
}

// given reports whether the field at path was stated by the user.
func (r *Recipe) given(path string) bool {
	_, ok := r.place[path]
	return ok
}

// fault returns an InputError about the field at path.
func (r *Recipe) fault(path string, got any, want string) *InputError {
	at := r.place[path]
	return &InputError{File: at.file, Line: at.line, Column: at.column, Field: path, Got: show(got), Want: want}
}

// A Setting gives one field of a recipe, over what the file says.
type Setting struct {
	Origin string // what the user wrote, as in "--lr 0.1"
	Path   string // of the field, as in "optimizer.lr"
	Value  string // YAML; text for a text field needs no quotes
}

// ParseSet splits the path=value of a --set flag.
func ParseSet(s string) (Setting, error) {
	path, value, ok := strings.Cut(s, "=")
	if !ok || path == "" {
		return Setting{}, &InputError{File: "--set " + s, Err: errors.New("want path=value, as in optimizer.lr=0.01")}
	}
	return Setting{Origin: "--set " + s, Path: path, Value: value}, nil
}
