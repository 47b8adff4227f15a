package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Pipeline says what happens to an image between the set and the network.
type Pipeline struct {
	// Augment lists what is done at random to each image, afresh in each epoch:
	//
	//	crop  a window of the image's own size out of the image with 4 black
	//	      pixels added on each side, all 81 places equally likely
	//	flip  left to right, for one image in two
	//
	// Cropping comes first whatever the order of the list. Both act on bytes,
	// before normalisation, as torchvision's RandomCrop(padding=4) and
	// RandomHorizontalFlip do on images.
	Augment []string

	// Normalize names the mean and standard deviation that pixels in [0, 1] are
	// normalised by: half (0.5 and 0.5; default), none, cifar10, mnist,
	// imagenet.
	Normalize string

	// Mean and Std, one a channel, instead of Normalize.
	Mean, Std []float32
}

// cropMargin is how far, in pixels, a crop may lie off the image.
const cropMargin = 4

// Augmentations returns the values that [Pipeline.Augment] may hold, sorted.
func Augmentations() []string { return []string{"crop", "flip"} }

// Validate reports what makes p unfit for images of the given number of
// channels.
func (p Pipeline) Validate(channels int) error {
	_, err := p.compile(channels)
	return err
}

// A transform is a Pipeline made ready for images of a number of channels.
type transform struct {
	crop, flip bool
	tables     [][256]float32 // one a channel
}

func (p Pipeline) compile(channels int) (*transform, error) {
	t := new(transform)
	for i, name := range p.Augment {
		switch {
		case slices.Contains(p.Augment[:i], name):
			return nil, fmt.Errorf("dataset: augment lists %q twice", name)
		case name == "crop":
			t.crop = true
		case name == "flip":
			t.flip = true
		default:
			return nil, fmt.Errorf("dataset: augment %q, want one of %s", name, strings.Join(Augmentations(), ", "))
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

// apply writes to x, [C, H, W], what t makes of the image, [C, H, W] bytes. All
// randomness comes from g.
func (t *transform) apply(x []float32, image []uint8, h, w int, g *rand.Rand) {
	dy, dx, flip := 0, 0, false
	if t.crop {
		dy = g.IntN(2*cropMargin+1) - cropMargin
		dx = g.IntN(2*cropMargin+1) - cropMargin
	}
	if t.flip {
		flip = g.IntN(2) == 1
	}
	// Columns [lo, hi) of the window lie on the image.
	lo, hi := max(0, -dx), max(min(w, w-dx), 0)
	for c := range t.tables {
		table := &t.tables[c]
		for i := range h {
			out := x[(c*h+i)*w:][:w]
			if i+dy < 0 || i+dy >= h || lo >= hi {
				fill(out, table[0])
				continue
			}
			row := image[(c*h+i+dy)*w:][lo+dx : hi+dx]
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

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
