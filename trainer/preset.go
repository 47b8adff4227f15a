package trainer

// presets are recipes that a recipe may start from, by name. Each call makes a
// new one.
var presets = map[string]func() Recipe{
	"date2025": date2025,
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
		Multiplier: Multiplier{Layers: LayerRules{{"fc*", "exact"}}},
		Gradient:   Gradient{Estimator: Estimator{Method: "lut2d", Boundary: "paper"}},
		Optimizer:  Optimizer{Name: "adam", LR: 1e-3, Betas: []float64{0.9, 0.999}, Eps: 1e-8},
		Schedule:   Schedule{Name: "step", Every: 10, Gamma: 0.5},
		Train:      Train{Epochs: 30, Batch: 64, Calibrate: &yes},
	}
}
