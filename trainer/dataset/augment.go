package dataset

import (
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Pipeline says what happens to an image between the set and the network. The
// zero value of a field stands for its default.
//
// Images are cut and changed in bytes, then normalised, in this order whatever
// the order of Augment: crop or resized-crop, flip, rotate, jitter. An image
// that is larger than the network sees, and is not cropped at random, is cut
// around its centre.
type Pipeline struct {
	// Augment lists what is done at random to each image, afresh in each epoch:
	//
	//	crop          a window of the size that the network sees, all places
	//	              equally likely, out of the image with CropPad black pixels
	//	              added on each side (torchvision's RandomCrop)
	//	resized-crop  a part of the image, by Scale and Ratio, scaled to the size
	//	              that the network sees (RandomResizedCrop)
	//	flip          left to right, for one image in two (RandomHorizontalFlip)
	//	rotate        by up to Degrees, either way (RandomRotation)
	//	jitter        brightness, contrast, saturation and hue (ColorJitter)
	Augment []string

	// CropPad is the margin of crop, in pixels. Default: 4 where images are as
	// large as the window, which would have one place else; 0 where they are
	// larger. -1: none.
	CropPad int

	// Scale bounds the area of a resized-crop, as a share of the image's;
	// default 0.08 to 1. Ratio bounds its width over its height; default 3/4 to
	// 4/3.
	Scale, Ratio [2]float64

	// Degrees bounds the angle of rotate; default 15.
	Degrees float64

	// Brightness, Contrast, Saturation and Hue are the strengths of jitter. The
	// first three change by a factor in [max(0, 1 - strength), 1 + strength]; hue
	// by up to its strength, at most 0.5, in turns. Where all are 0 they are 0.4,
	// 0.4, 0.4 and 0.
	Brightness, Contrast, Saturation, Hue float64

	// Mixup and CutMix are the α of the mixing of batches; 0: off. See [Batch].
	// With both on, each batch is mixed in one way or the other, one time in two.
	Mixup, CutMix float64

	// Normalize names the mean and standard deviation that pixels in [0, 1] are
	// normalised by: half (0.5 and 0.5; default), none, cifar10, cifar100, mnist,
	// imagenet.
	Normalize string

	// Mean and Std, one a channel, instead of Normalize.
	Mean, Std []float32
}

// What the zero values of a [Pipeline] stand for.
const (
	defaultCropPad = 4
	defaultDegrees = 15
)

var (
	defaultScale  = [2]float64{0.08, 1}
	defaultRatio  = [2]float64{3. / 4, 4. / 3}
	defaultJitter = colourJitter{brightness: 0.4, contrast: 0.4, saturation: 0.4}
)

// Augmentations returns the values that [Pipeline.Augment] may hold, sorted.
func Augmentations() []string { return []string{"crop", "flip", "jitter", "resized-crop", "rotate"} }

// Plain returns p without all that is done at random: what images are measured
// by.
func (p Pipeline) Plain() Pipeline {
	return Pipeline{Normalize: p.Normalize, Mean: p.Mean, Std: p.Std}
}

// Validate reports what makes p unfit for images of the given number of
// channels.
func (p Pipeline) Validate(channels int) error {
	_, err := p.compile(channels)
	return err
}

// A transform is a Pipeline made ready for images of a number of channels.
type transform struct {
	crop, resizedCrop bool
	flip              bool
	pad               int // of crop; -1: as the image asks for
	scale, ratio      [2]float64
	degrees           float64 // 0: images are not turned
	jitter            colourJitter
	mixup, cutMix     float64
	tables            [][256]float32 // one a channel
}

func (p Pipeline) compile(channels int) (*transform, error) {
	t := &transform{pad: p.CropPad, scale: p.Scale, ratio: p.Ratio, mixup: p.Mixup, cutMix: p.CutMix}
	var rotate, jitter bool
	for i, name := range p.Augment {
		on := map[string]*bool{"crop": &t.crop, "resized-crop": &t.resizedCrop, "flip": &t.flip, "rotate": &rotate, "jitter": &jitter}[name]
		if on == nil {
			return nil, fmt.Errorf("dataset: augment %q, want one of %s", name, strings.Join(Augmentations(), ", "))
		}
		if *on {
			return nil, fmt.Errorf("dataset: augment lists %q twice", p.Augment[i])
		}
		*on = true
	}
	if err := p.check(t, rotate, jitter); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	switch p.CropPad {
	case 0:
		t.pad = -1
	case -1:
		t.pad = 0
	}
	if p.Scale == [2]float64{} {
		t.scale = defaultScale
	}
	if p.Ratio == [2]float64{} {
		t.ratio = defaultRatio
	}
	if rotate {
		t.degrees = p.Degrees
		if t.degrees == 0 {
			t.degrees = defaultDegrees
		}
	}
	if jitter {
		t.jitter = colourJitter{p.Brightness, p.Contrast, p.Saturation, p.Hue}
		if t.jitter == (colourJitter{}) {
			t.jitter = defaultJitter
		}
	}
	m, err := p.moments(channels)
	if err != nil {
		return nil, err
	}
	for c := range channels {
		t.tables = append(t.tables, m.table(c))
	}
	return t, nil
}

// check reports settings that are out of range, or of an augmentation that is
// not asked for.
func (p Pipeline) check(t *transform, rotate, jitter bool) error {
	between := func(v, lo, hi float64) bool { return v >= lo && v <= hi } // false of NaN
	if t.crop && t.resizedCrop {
		return errors.New("augment lists crop and resized-crop; an image is cropped in one way")
	}
	if p.CropPad < -1 || p.CropPad > maxEdge {
		return fmt.Errorf("crop_pad %d, want 1 to %d, 0 for the default, or -1 for none", p.CropPad, maxEdge)
	}
	for _, s := range []struct {
		name    string
		given   bool
		allowed bool
		by      string
	}{
		{"crop_pad", p.CropPad != 0, t.crop, "crop"},
		{"scale", p.Scale != [2]float64{}, t.resizedCrop, "resized-crop"},
		{"ratio", p.Ratio != [2]float64{}, t.resizedCrop, "resized-crop"},
		{"degrees", p.Degrees != 0, rotate, "rotate"},
		{"brightness", p.Brightness != 0, jitter, "jitter"},
		{"contrast", p.Contrast != 0, jitter, "jitter"},
		{"saturation", p.Saturation != 0, jitter, "jitter"},
		{"hue", p.Hue != 0, jitter, "jitter"},
	} {
		if s.given && !s.allowed {
			return fmt.Errorf("%s is a setting of %s, which augment does not list", s.name, s.by)
		}
	}
	if p.Scale != [2]float64{} && !(p.Scale[0] > 0 && p.Scale[0] <= p.Scale[1] && p.Scale[1] <= 1) {
		return fmt.Errorf("scale %v to %v, want 0 < lower ≤ upper ≤ 1", p.Scale[0], p.Scale[1])
	}
	if p.Ratio != [2]float64{} && !(p.Ratio[0] >= 0.01 && p.Ratio[0] <= p.Ratio[1] && p.Ratio[1] <= 100) {
		return fmt.Errorf("ratio %v to %v, want 0.01 ≤ lower ≤ upper ≤ 100", p.Ratio[0], p.Ratio[1])
	}
	for _, s := range []struct {
		name  string
		v, hi float64
	}{
		{"degrees", p.Degrees, 180}, {"brightness", p.Brightness, 10}, {"contrast", p.Contrast, 10}, {"saturation", p.Saturation, 10}, {"hue", p.Hue, 0.5},
	} {
		if !between(s.v, 0, s.hi) {
			return fmt.Errorf("%s %v, want 0 to %v", s.name, s.v, s.hi)
		}
	}
	for _, s := range []struct {
		name  string
		alpha float64
	}{{"mixup", p.Mixup}, {"cutmix", p.CutMix}} {
		if s.alpha != 0 && !between(s.alpha, 0.01, 100) {
			return fmt.Errorf("%s α = %v, want 0.01 to 100, or 0 for none", s.name, s.alpha)
		}
	}
	return nil
}

// apply writes to x, [C, h, w], what t makes of an image. Before it is cut, its
// shorter side is brought to edge; 0 leaves it as it is. All randomness comes
// from g, and k is memory to work in.
func (t *transform) apply(x []float32, src *bitmap, edge, h, w int, g *rand.Rand, k *scratch) {
	at := k.place(t, src, edge, h, w, g)
	flip := t.flip && g.IntN(2) == 1
	if t.degrees == 0 && t.jitter == (colourJitter{}) {
		t.normalize(x, at, h, w, flip)
		return
	}
	k.cut.reshape(src.c, h, w)
	cut(&k.cut, at, flip)
	done := &k.cut
	if t.degrees != 0 {
		rotate(&k.turned, done, uniform(g, -t.degrees, t.degrees))
		done = &k.turned
	}
	t.jitter.apply(done, g)
	t.normalize(x, window{done, 0, 0}, h, w, false)
}

// scratch is the memory that one goroutine works on images in.
type scratch struct {
	resizer resizer
	scaled  bitmap // what is left of the image once it is scaled
	cut     bitmap // the window, in bytes
	turned  bitmap
	decoder decoder
}

// A window is a place in an image, whose corner (dx, dy) may lie off it: it is
// black there.
type window struct {
	of     *bitmap
	dy, dx int
}

// place chooses the window of h×w pixels that is taken of src, and scales what
// must be scaled. Only what lies in the window is.
func (k *scratch) place(t *transform, src *bitmap, edge, h, w int, g *rand.Rand) window {
	if t.resizedCrop {
		box := randomBox(src.w, src.h, t.scale, t.ratio, g)
		if box.Dx() == w && box.Dy() == h {
			return window{src, box.Min.Y, box.Min.X}
		}
		k.resizer.resize(&k.scaled, src, box, w, h, image.Rect(0, 0, w, h))
		return window{&k.scaled, 0, 0}
	}
	sw, sh := src.w, src.h
	if edge != 0 {
		sw, sh = scaledSize(src.w, src.h, edge)
	}
	part := centred(sw, sh, w, h)
	if t.crop {
		pad := t.pad
		if pad < 0 {
			pad = 0
			if sw == w && sh == h {
				pad = defaultCropPad
			}
		}
		y := g.IntN(sh+2*pad-h+1) - pad
		x := g.IntN(sw+2*pad-w+1) - pad
		part = image.Rect(x, y, x+w, y+h)
	}
	if sw == src.w && sh == src.h {
		return window{src, part.Min.Y, part.Min.X}
	}
	on := part.Intersect(image.Rect(0, 0, sw, sh))
	if on.Empty() {
		k.scaled.reshape(src.c, 0, 0)
		return window{&k.scaled, 0, 0}
	}
	k.resizer.resize(&k.scaled, src, src.bounds(), sw, sh, on)
	return window{&k.scaled, part.Min.Y - on.Min.Y, part.Min.X - on.Min.X}
}

// columns returns the range of columns of a window of width w that lie on the
// image.
func (a window) columns(w int) (lo, hi int) {
	return max(0, -a.dx), max(min(w, a.of.w-a.dx), 0)
}

// normalize writes to x, [C, h, w], what the tables make of the window, mirrored
// if flip.
func (t *transform) normalize(x []float32, a window, h, w int, flip bool) {
	lo, hi := a.columns(w)
	for c := range t.tables {
		table := &t.tables[c]
		for i := range h {
			out := x[(c*h+i)*w:][:w]
			if i+a.dy < 0 || i+a.dy >= a.of.h || lo >= hi {
				fill(out, table[0])
				continue
			}
			row := a.of.row(c, i+a.dy)[lo+a.dx : hi+a.dx]
			if flip {
				fill(out[:w-hi], table[0])
				for j, v := range row {
					out[w-1-lo-j] = table[v]
				}
				fill(out[w-lo:], table[0])
				continue
			}
			fill(out[:lo], table[0])
			on := out[lo:hi]
			for j, v := range row[:len(on)] {
				on[j] = table[v]
			}
			fill(out[hi:], table[0])
		}
	}
}

// cut writes the window to dst, which has its size, mirrored if flip.
func cut(dst *bitmap, a window, flip bool) {
	lo, hi := a.columns(dst.w)
	clear(dst.pix)
	for c := range dst.c {
		for i := range dst.h {
			if i+a.dy < 0 || i+a.dy >= a.of.h || lo >= hi {
				continue
			}
			out := dst.row(c, i)
			copy(out[lo:hi], a.of.row(c, i+a.dy)[lo+a.dx:hi+a.dx])
			if flip {
				slices.Reverse(out)
			}
		}
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// uniform draws from [lo, hi).
func uniform(g *rand.Rand, lo, hi float64) float64 { return lo + float64((hi-lo)*g.Float64()) }
