package trainer

// presets are recipes that a recipe may start from, by name. Each call makes a
// new one.
var presets = map[string]func() Recipe{
	"date2025":    date2025,
	"vit":         vit,
	"vit_retrain": vitRetrain,
}

// Presets returns the names of the presets.
func Presets() []string { return sortedKeys(presets) }

// date2025 is the recipe of Meng et al., DATE 2025, Section V: from a float32
// network, calibration, then 30 epochs of Adam at 1e-3, halved after epochs 10
// and 20; batch 64; crop and flip; the multiplier in every convolution, linear
// layers and the inputs of pooling fake-quantized but exact; integer-zero
// padding. Network, data and multiplier are the user's.
func date2025() Recipe {
	yes := true
	return Recipe{
		Preset: "date2025",
		Data:   Data{Augment: []string{"crop", "flip"}, Normalize: "half"},
		Quantization: Quantization{
			Weight:     WeightQuantizer{Granularity: "tensor", Observer: "minmax"},
			Activation: ActivationQuantizer{Observer: "ema", Momentum: 0.1},
			Padding:    "int-zero",
			PoolInputs: true,
		},
		Multiplier: Multiplier{Linear: "exact"},
		Gradient:   Gradient{Estimator: Estimator{Method: "lut2d", Boundary: "paper"}},
		Optimizer:  Optimizer{Name: "adam", LR: 1e-3, Betas: []float64{0.9, 0.999}, Eps: 1e-8},
		Schedule:   Schedule{Name: "step", Every: 10, Gamma: 0.5},
		Train:      Train{Epochs: 30, Batch: 64, Calibrate: &yes},
	}
}

// vit trains small vision transformers, such as vit_cifar, from new weights. It
// is the recipe of DeiT (Touvron et al., "Training data-efficient image
// transformers & distillation through attention", arXiv 2012.12877, Table 9) in
// what that says of the optimizer: AdamW with decay 0.05 that spares norms and
// biases, a linear rise and then a cosine, labels smoothed by 0.1. Its rate, 5e-4
// for 512 images a step, is for ImageNet: a small network on small images learns
// faster at 1e-3 for 64, with its gradients clipped. Mixup, CutMix and the rest
// of its augmentation pay in hundreds of epochs, and are left to the user.
func vit() Recipe {
	no := false
	return Recipe{
		Preset:    "vit",
		Data:      Data{Augment: []string{"crop", "flip"}, Normalize: "half"},
		Optimizer: Optimizer{Name: "adamw", LR: 1e-3, Betas: []float64{0.9, 0.999}, Eps: 1e-8, WeightDecay: 0.05, DecayNorms: &no},
		Schedule:  Schedule{Name: "cosine", Warmup: 1},
		Train:     Train{Epochs: 30, Batch: 64, LabelSmoothing: 0.1, ClipNorm: 1},
	}
}

// vitRetrain lets a trained vision transformer adapt to an approximate
// multiplier in every product, those of attention included: calibration, then
// epochs at a tenth of the rate of vit, without smoothing, under the estimator
// that Meng et al., arXiv 2509.10519, use for transformers, lut1d. Network,
// data and multiplier are the user's.
func vitRetrain() Recipe {
	yes, no := true, false
	return Recipe{
		Preset: "vit_retrain",
		Data:   Data{Augment: []string{"crop", "flip"}, Normalize: "half"},
		Quantization: Quantization{
			Weight:     WeightQuantizer{Granularity: "tensor", Observer: "minmax"},
			Activation: ActivationQuantizer{Observer: "ema", Momentum: 0.1},
		},
		Gradient:  Gradient{Estimator: Estimator{Method: "lut1d", Reading: "mean"}},
		Optimizer: Optimizer{Name: "adamw", LR: 1e-4, Betas: []float64{0.9, 0.999}, Eps: 1e-8, WeightDecay: 0.05, DecayNorms: &no},
		Schedule:  Schedule{Name: "cosine", Warmup: 0.5},
		Train:     Train{Epochs: 5, Batch: 64, ClipNorm: 1, Calibrate: &yes},
	}
}
