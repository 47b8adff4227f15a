package dataset

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// moments are the mean and standard deviation of each channel, of pixels in
// [0, 1].
type moments struct{ mean, std []float32 }

// normalizations are the named ones. One channel stands for any number.
var normalizations = map[string]moments{
	"none": {[]float32{0}, []float32{1}},
	"half": {[]float32{0.5}, []float32{0.5}}, // to [-1, 1]; the paper

	// Of all pixels of the 50,000 training images, to four places.
	"cifar10": {[]float32{0.4914, 0.4822, 0.4465}, []float32{0.2470, 0.2435, 0.2616}},

	// Of all pixels of the 50,000 training images, to four places.
	"cifar100": {[]float32{0.5071, 0.4865, 0.4409}, []float32{0.2673, 0.2564, 0.2762}},

	// Of all pixels of the 60,000 training images, to four places.
	"mnist": {[]float32{0.1307}, []float32{0.3081}},

	// The figures that torchvision's ImageNet models are trained under.
	"imagenet": {[]float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}},
}

// Normalizations returns the values of [Pipeline.Normalize], sorted.
func Normalizations() []string { return slices.Sorted(maps.Keys(normalizations)) }

// moments returns the mean and standard deviation of each of the given number
// of channels that p asks for.
func (p Pipeline) moments(channels int) (moments, error) {
	m := moments{p.Mean, p.Std}
	switch {
	case len(p.Mean) != 0 || len(p.Std) != 0:
		if p.Normalize != "" {
			return m, fmt.Errorf("dataset: normalize %q and a mean or std; give one or the other", p.Normalize)
		}
		if len(p.Mean) != channels || len(p.Std) != channels {
			return m, fmt.Errorf("dataset: %d means and %d stds, want one of each for each of %d channels",
				len(p.Mean), len(p.Std), channels)
		}
	default:
		name := p.Normalize
		if name == "" {
			name = "half"
		}
		named, ok := normalizations[name]
		if !ok {
			return m, fmt.Errorf("dataset: normalize %q, want one of %s", name, strings.Join(Normalizations(), ", "))
		}
		m = named
		if name == "half" || name == "none" {
			m = moments{slices.Repeat(named.mean, channels), slices.Repeat(named.std, channels)}
		}
		if len(m.mean) != channels {
			return m, fmt.Errorf("dataset: normalize %q is for %d channels, the images have %d; use half, or give mean and std",
				name, len(m.mean), channels)
		}
	}
	for c := range channels {
		if !finite(m.mean[c]) || !finite(m.std[c]) || m.std[c] <= 0 {
			return m, fmt.Errorf("dataset: channel %d: mean %v, std %v; want finite numbers, std > 0", c, m.mean[c], m.std[c])
		}
	}
	return m, nil
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

// table returns what each of the 256 values of a byte becomes in channel c:
//
//	((v / 255) - mean) / std
//
// each step rounded to float32, as torchvision's ToTensor and Normalize do.
func (m moments) table(c int) (t [256]float32) {
	for v := range t {
		x := float32(v) / 255
		x = float32(x - m.mean[c])
		t[v] = float32(x / m.std[c])
	}
	return t
}
