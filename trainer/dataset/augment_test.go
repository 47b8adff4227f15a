package dataset

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestNormalize holds every byte to (float32(v)/255 - mean)/std in steps, each
// computed in float64 and rounded. (A quotient or difference of two float32
// numbers, rounded to float64 and then to float32, is the float32 one: Figueroa,
// "When is double rounding innocuous?", 1995.)
func TestNormalize(t *testing.T) {
	mean, std := []float32{0.1, 0.2, 0.9}, []float32{0.3, 1, 2.5}
	for name, c := range map[string]struct {
		p         Pipeline
		mean, std []float32
	}{
		"default":  {Pipeline{}, []float32{0.5, 0.5, 0.5}, []float32{0.5, 0.5, 0.5}},
		"half":     {Pipeline{Normalize: "half"}, []float32{0.5, 0.5, 0.5}, []float32{0.5, 0.5, 0.5}},
		"none":     {Pipeline{Normalize: "none"}, []float32{0, 0, 0}, []float32{1, 1, 1}},
		"cifar10":  {Pipeline{Normalize: "cifar10"}, []float32{0.4914, 0.4822, 0.4465}, []float32{0.2470, 0.2435, 0.2616}},
		"imagenet": {Pipeline{Normalize: "imagenet"}, []float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}},
		"explicit": {Pipeline{Mean: mean, Std: std}, mean, std},
	} {
		tr, err := c.p.compile(3)
		if err != nil {
			t.Fatal(err)
		}
		for ch := range 3 {
			for v := range 256 {
				x := float32(float64(v) / 255)
				x = float32(float64(x) - float64(c.mean[ch]))
				x = float32(float64(x) / float64(c.std[ch]))
				if got := tr.tables[ch][v]; got != x {
					t.Errorf("%s: channel %d: %d becomes %v, want %v", name, ch, v, got, x)
				}
			}
		}
	}
	// Ends and middle of [-1, 1], by hand.
	tr, err := Pipeline{}.compile(1)
	if err != nil {
		t.Fatal(err)
	}
	if tb := tr.tables[0]; tb[0] != -1 || tb[255] != 1 || tb[51] != float32(2*float32(float32(0.2)-0.5)) {
		t.Errorf("half: 0, 51 and 255 become %v, %v and %v", tb[0], tb[51], tb[255])
	}
}

// TestNormalizeCIFAR10 compares the named moments with some of the images that
// they are of.
func TestNormalizeCIFAR10(t *testing.T) {
	train, _, err := Open(Source{Name: "cifar10", Path: shared(t, "data", "cifar10-tiny.tar.gz")})
	if err != nil {
		t.Fatal(err)
	}
	// The deviation of the mean of an image is about 0.12: that of 500 of them is
	// 0.005. Four times that.
	checkMoments(t, train, "cifar10", 0.02)
}

func TestPipelineFaults(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		p        Pipeline
		channels int
		want     string
	}{
		{Pipeline{Augment: []string{"turn"}}, 3, `augment "turn", want one of crop, flip, jitter, resized-crop, rotate`},
		{Pipeline{Augment: []string{"flip", "crop", "flip"}}, 3, `lists "flip" twice`},
		{Pipeline{Normalize: "halv"}, 3, `normalize "halv", want one of cifar10, cifar100, half, imagenet, mnist, none`},
		{Pipeline{Normalize: "cifar10"}, 1, "is for 3 channels, the images have 1"},
		{Pipeline{Normalize: "mnist"}, 3, "is for 1 channels, the images have 3"},
		{Pipeline{Normalize: "half", Mean: []float32{0}, Std: []float32{1}}, 1, "one or the other"},
		{Pipeline{Mean: []float32{0}}, 1, "1 means and 0 stds"},
		{Pipeline{Mean: []float32{0}, Std: []float32{1}}, 3, "each of 3 channels"},
		{Pipeline{Mean: []float32{0}, Std: []float32{0}}, 1, "std 0"},
		{Pipeline{Mean: []float32{nan}, Std: []float32{1}}, 1, "mean NaN"},
		{Pipeline{Mean: []float32{0}, Std: []float32{nan}}, 1, "std NaN"},
	} {
		err := c.p.Validate(c.channels)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.p, err, c.want)
		}
	}
	if err := (Pipeline{Augment: []string{"flip", "crop"}, Normalize: "mnist"}).Validate(1); err != nil {
		t.Error(err)
	}
}

// cutOf is the definition of the augmentations: pad with zeros, cut a window out at
// (dy, dx), mirror it. It returns pixels in [0, 1].
func cutOf(image []uint8, c, h, w, dy, dx int, flip bool) []float32 {
	v := make([]float32, c*h*w)
	for ch := range c {
		padded := make([][]uint8, h+8)
		for y := range padded {
			padded[y] = make([]uint8, w+8)
		}
		for y := range h {
			copy(padded[y+4][4:], image[(ch*h+y)*w:][:w])
		}
		for y := range h {
			for x := range w {
				from := x
				if flip {
					from = w - 1 - x
				}
				v[(ch*h+y)*w+x] = float32(padded[y+dy][from+dx]) / 255
			}
		}
	}
	return v
}

// look returns the bits of an image, as a key.
func look(x []float32) string {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return string(b)
}

// TestAugment finds the places and sides that each image that comes out may have
// been taken from, by comparing with all 162, and checks that all come up as
// often as they should. Views of small images may look the same.
func TestAugment(t *testing.T) {
	for _, shape := range [][3]int{{2, 5, 6}, {1, 9, 8}, {1, 1, 1}, {1, 3, 2}, {2, 4, 3}} {
		c, h, w := shape[0], shape[1], shape[2]
		image := make([]uint8, c*h*w)
		for i := range image {
			image[i] = uint8(1 + i) // no 0, which is what lies outside
		}
		for _, augment := range [][]string{nil, {"flip"}, {"crop"}, {"crop", "flip"}, {"flip", "crop"}} {
			tr, err := Pipeline{Augment: augment, Normalize: "none"}.compile(c)
			if err != nil {
				t.Fatal(err)
			}
			share := make(map[string]int) // of what comes out, how many views look so
			views := 0
			for dy := range 9 {
				for dx := range 9 {
					for _, flip := range []bool{false, true} {
						if !tr.crop && (dy != 4 || dx != 4) || !tr.flip && flip {
							continue
						}
						share[look(cutOf(image, c, h, w, dy, dx, flip))]++
						views++
					}
				}
			}
			var pcg rand.PCG
			rng := rand.New(&pcg)
			var k scratch
			count := make(map[string]int)
			const perView = 50
			x := make([]float32, c*h*w)
			for i := range perView * views {
				reseed(&pcg, purposeAugment, 1, 1, uint64(i))
				for j := range x {
					x[j] = float32(math.NaN()) // all must be written
				}
				tr.apply(x, &bitmap{c, h, w, image}, 0, h, w, rng, &k)
				count[look(x)]++
			}
			for seen, n := range count {
				// Six standard deviations of a binomial, at most.
				want := perView * share[seen]
				if d := 6 * math.Sqrt(float64(want)); math.Abs(float64(n-want)) > d || want == 0 {
					t.Errorf("%v of %v: %d times %x, want about %d", augment, shape, n, seen, want)
				}
			}
			if len(count) != len(share) {
				t.Errorf("%v of %v: %d different views, want %d", augment, shape, len(count), len(share))
			}
		}
	}
}
