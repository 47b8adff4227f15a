package dataset

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// noise returns an image of random bytes.
func noise(c, h, w int, seed uint64) *bitmap {
	b := new(bitmap)
	b.reshape(c, h, w)
	g := rand.New(rand.NewPCG(seed, 1))
	for i := range b.pix {
		b.pix[i] = uint8(g.IntN(256))
	}
	return b
}

// run applies a pipeline to an image, with the randomness of a seed.
func run(t testing.TB, p Pipeline, src *bitmap, edge, h, w int, seed uint64) []float32 {
	t.Helper()
	p.Normalize = "none"
	tr, err := p.compile(src.c)
	if err != nil {
		t.Fatal(err)
	}
	var k scratch
	x := make([]float32, src.c*h*w)
	for i := range x {
		x[i] = float32(math.NaN())
	}
	before := slices.Clone(src.pix)
	tr.apply(x, src, edge, h, w, rand.New(rand.NewPCG(seed, 2)), &k)
	if !slices.Equal(src.pix, before) {
		t.Fatal("the image itself was changed")
	}
	return x
}

// pixels returns the bytes that values in [0, 1] were made of.
func pixels(t testing.TB, x []float32) []uint8 {
	t.Helper()
	b := make([]uint8, len(x))
	for i, v := range x {
		b[i] = uint8(math.Round(float64(v) * 255))
		if float32(b[i])/255 != v {
			t.Fatalf("value %v at %d is no byte", v, i)
		}
	}
	return b
}

// TestRandomBox checks that boxes keep to the image, to the range of areas and of
// ratios but for the rounding of their sides, and reach all of these.
func TestRandomBox(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 1))
	const w, h = 400, 300
	area, ratio := [2]float64{1, 0}, [2]float64{10, 0}
	var corners [4]int
	for range 20_000 {
		b := randomBox(w, h, defaultScale, defaultRatio, g)
		if b.Empty() || !b.In(image.Rect(0, 0, w, h)) {
			t.Fatalf("box %v of %d×%d", b, w, h)
		}
		a, r := float64(b.Dx()*b.Dy())/(w*h), float64(b.Dx())/float64(b.Dy())
		area = [2]float64{min(area[0], a), max(area[1], a)}
		ratio = [2]float64{min(ratio[0], r), max(ratio[1], r)}
		for i, at := range []bool{b.Min.X == 0, b.Min.Y == 0, b.Max.X == w, b.Max.Y == h} {
			if at {
				corners[i]++
			}
		}
	}
	if area[0] < 0.079 || area[0] > 0.085 || area[1] > 1 || area[1] < 0.97 {
		t.Errorf("areas of %v, want 0.08 to 1", area)
	}
	if ratio[0] < 0.745 || ratio[0] > 0.76 || ratio[1] > 1.345 || ratio[1] < 1.32 {
		t.Errorf("ratios of %v, want 3/4 to 4/3", ratio)
	}
	for i, n := range corners {
		if n < 50 {
			t.Errorf("side %d is reached %d times", i, n)
		}
	}
	// Areas are uniform before those that do not fit are drawn again; small ones
	// all fit: the share below a fourth of the way is that of the rest too.
	var low, middle int
	for range 20_000 {
		b := randomBox(1000, 1000, [2]float64{0.1, 0.5}, [2]float64{1, 1}, g)
		if a := float64(b.Dx()*b.Dy()) / 1e6; a < 0.2 {
			low++
		} else if a < 0.3 {
			middle++
		}
	}
	if math.Abs(float64(low)-5000) > 6*61.2 || math.Abs(float64(middle)-5000) > 6*61.2 { // six standard deviations
		t.Errorf("%d and %d of 20000 in a fourth of the areas", low, middle)
	}
	// Images that no box fits: the largest part with a ratio in the range.
	for _, c := range []struct {
		w, h int
		want image.Rectangle
	}{
		{1000, 3, image.Rect(498, 0, 502, 3)}, {3, 1000, image.Rect(0, 498, 3, 502)}, {1, 1, image.Rect(0, 0, 1, 1)}, {100, 1, image.Rect(49, 0, 50, 1)},
	} {
		if got := randomBox(c.w, c.h, [2]float64{0.9, 1}, defaultRatio, g); got != c.want {
			t.Errorf("%d×%d: %v, want %v", c.w, c.h, got, c.want)
		}
	}
}

// TestCropLarger takes windows out of images that are larger: all places come
// up, as often as each other.
func TestCropLarger(t *testing.T) {
	src := noise(2, 6, 7, 1)
	const h, w = 4, 5
	for _, c := range []struct{ pad, margin int }{{0, 0}, {-1, 0}, {1, 1}, {3, 3}} {
		want := make(map[string]int)
		for dy := -c.margin; dy <= 6+c.margin-h; dy++ {
			for dx := -c.margin; dx <= 7+c.margin-w; dx++ {
				want[view(src, dy, dx, h, w, false)] = 0
			}
		}
		n := 60 * len(want)
		for seed := range uint64(n) {
			got := string(pixels(t, run(t, Pipeline{Augment: []string{"crop"}, CropPad: c.pad}, src, 0, h, w, seed)))
			if _, ok := want[got]; !ok {
				t.Fatalf("pad %d: no window of the image", c.pad)
			}
			want[got]++
		}
		for _, k := range want {
			if math.Abs(float64(k-60)) > 6*math.Sqrt(60) {
				t.Errorf("pad %d: a window came up %d times, want about 60", c.pad, k)
			}
		}
	}
	// Without a crop it is the one at the centre.
	if got := string(pixels(t, run(t, Pipeline{}, src, 0, h, w, 1))); got != view(src, 1, 1, h, w, false) {
		t.Error("not the window at the centre")
	}
}

// view returns the bytes of a window, black outside the image.
func view(b *bitmap, dy, dx, h, w int, flip bool) string {
	var s []byte
	for c := range b.c {
		for y := range h {
			for x := range w {
				from := x
				if flip {
					from = w - 1 - x
				}
				v := uint8(0)
				if y+dy >= 0 && y+dy < b.h && from+dx >= 0 && from+dx < b.w {
					v = b.row(c, y+dy)[from+dx]
				}
				s = append(s, v)
			}
		}
	}
	return string(s)
}

// TestScaledWindow checks that only to scale what lies in the window is as good
// as to scale all and cut.
func TestScaledWindow(t *testing.T) {
	for _, size := range [][2]int{{20, 31}, {31, 20}, {9, 9}, {5, 40}, {12, 12}} {
		src := noise(3, size[0], size[1], 3)
		const edge, h, w = 12, 10, 9
		var r resizer
		var whole bitmap
		sw, sh := scaledSize(src.w, src.h, edge)
		if min(sw, sh) != edge {
			t.Fatalf("%v becomes %d×%d", size, sw, sh)
		}
		r.resize(&whole, src, src.bounds(), sw, sh, image.Rect(0, 0, sw, sh))
		for _, p := range []Pipeline{
			{}, {Augment: []string{"crop"}}, {Augment: []string{"crop", "flip"}, CropPad: 3},
			{Augment: []string{"crop"}, CropPad: 40}, {Augment: []string{"flip", "rotate", "crop"}, CropPad: 8}, {Augment: []string{"crop", "jitter"}},
		} {
			for seed := range uint64(20) {
				if !slices.Equal(run(t, p, src, edge, h, w, seed), run(t, p, &whole, 0, h, w, seed)) {
					t.Fatalf("%v, %+v, seed %d: differs", size, p, seed)
				}
			}
		}
	}
}

// TestAugmentOrder composes the steps by hand, in the order that is documented.
func TestAugmentOrder(t *testing.T) {
	src := noise(3, 13, 17, 4)
	const h, w = 8, 8
	p := Pipeline{Augment: []string{"jitter", "rotate", "flip", "resized-crop"}, Scale: [2]float64{0.2, 0.7}, Ratio: [2]float64{0.5, 2},
		Degrees: 40, Brightness: 0.5, Contrast: 0.3, Saturation: 0.9, Hue: 0.2}
	flips := 0
	for seed := range uint64(40) {
		g := rand.New(rand.NewPCG(seed, 2))
		box := randomBox(src.w, src.h, p.Scale, p.Ratio, g)
		flip := g.IntN(2) == 1
		angle := -40 + 80*g.Float64()
		var r resizer
		var scaled, turned bitmap
		r.resize(&scaled, src, box, w, h, image.Rect(0, 0, w, h))
		if flip {
			scaled.pix = []byte(view(&scaled, 0, 0, h, w, true))
			flips++
		}
		rotate(&turned, &scaled, angle)
		colourJitter{0.5, 0.3, 0.9, 0.2}.apply(&turned, g)
		if got := pixels(t, run(t, p, src, 0, h, w, seed)); !slices.Equal(got, turned.pix) {
			t.Fatalf("seed %d: differs", seed)
		}
	}
	if flips < 8 || flips > 32 {
		t.Errorf("%d of 40 flipped", flips)
	}
}

// TestJitter applies the strengths one at a time, and checks the range of their
// factors on images that tell them.
func TestJitter(t *testing.T) {
	one := func(p Pipeline, pix ...uint8) (lo, hi [3]int) {
		p.Augment = []string{"jitter"}
		lo = [3]int{255, 255, 255}
		src := &bitmap{3, 1, len(pix) / 3, pix}
		for seed := range uint64(2000) {
			got := pixels(t, run(t, p, src, 0, 1, src.w, seed))
			for c := range 3 {
				v := int(got[c*src.w])
				lo[c], hi[c] = min(lo[c], v), max(hi[c], v)
			}
		}
		return lo, hi
	}
	near := func(what string, got, want int) {
		t.Helper()
		if got < want-1 || got > want+1 {
			t.Errorf("%s: %d, want about %d", what, got, want)
		}
	}
	lo, hi := one(Pipeline{Brightness: 0.25}, 100, 100, 100)
	near("darkest", lo[0], 75)
	near("brightest", hi[0], 125)
	lo, hi = one(Pipeline{Brightness: 3}, 100, 20, 100)
	near("darkest", lo[0], 0)
	near("brightest", hi[0], 255)
	near("brightest of 20", hi[1], 80)
	lo, hi = one(Pipeline{Contrast: 0.5}, 150, 50, 150, 50, 150, 50) // of two grays
	near("least contrast", lo[0], 125)
	near("most contrast", hi[0], 175)
	lo, hi = one(Pipeline{Saturation: 0.5}, 200, 0, 0) // its luminance is 60
	near("least red", lo[0], 130)
	near("most red", hi[0], 255)
	near("green of least red", hi[1], 30)
	lo, hi = one(Pipeline{Hue: 1. / 3}, 200, 0, 0) // to green and to blue, but for one step
	if lo[0] > 6 || hi[0] != 200 || hi[1] != 200 || hi[2] != 200 || lo[1] != 0 || lo[2] != 0 {
		t.Errorf("hues: red %d to %d, green %d to %d, blue %d to %d", lo[0], hi[0], lo[1], hi[1], lo[2], hi[2])
	}
	lo, hi = one(Pipeline{}, 100, 100, 100) // as by default
	near("darkest", lo[0], 60)
	near("brightest", hi[0], 140)

	// An image of one channel has neither saturation nor hue.
	gray := noise(1, 5, 5, 9)
	if got := pixels(t, run(t, Pipeline{Augment: []string{"jitter"}, Saturation: 1, Hue: 0.5}, gray, 0, 5, 5, 1)); !slices.Equal(got, gray.pix) {
		t.Error("a gray image has changed")
	}
	// Contrast of a gray image: the mean is that of its bytes.
	g := bitmap{1, 1, 2, []uint8{50, 151}}
	if contrast(&g, 0); g.pix[0] != 101 || g.pix[1] != 101 {
		t.Errorf("without contrast: %v, want 101", g.pix)
	}
}

func TestPipelineSettings(t *testing.T) {
	for _, c := range []struct {
		p    Pipeline
		want string
	}{
		{Pipeline{Augment: []string{"crop", "resized-crop"}}, "in one way"},
		{Pipeline{CropPad: 4}, "crop_pad is a setting of crop"},
		{Pipeline{Augment: []string{"crop"}, CropPad: -2}, "crop_pad -2"},
		{Pipeline{Augment: []string{"crop"}, Scale: [2]float64{0.1, 1}}, "scale is a setting of resized-crop"},
		{Pipeline{Augment: []string{"resized-crop"}, Scale: [2]float64{0.5, 0.1}}, "scale 0.5 to 0.1"},
		{Pipeline{Augment: []string{"resized-crop"}, Scale: [2]float64{0, 1}}, "scale 0 to 1"},
		{Pipeline{Augment: []string{"resized-crop"}, Ratio: [2]float64{1, math.NaN()}}, "ratio 1 to NaN"},
		{Pipeline{Degrees: 4}, "degrees is a setting of rotate"},
		{Pipeline{Augment: []string{"rotate"}, Degrees: 181}, "degrees 181"},
		{Pipeline{Hue: 0.1}, "hue is a setting of jitter"},
		{Pipeline{Augment: []string{"jitter"}, Hue: 0.6}, "hue 0.6, want 0 to 0.5"},
		{Pipeline{Augment: []string{"jitter"}, Brightness: math.Inf(1)}, "brightness +Inf"},
		{Pipeline{Augment: []string{"jitter"}, Contrast: -1}, "contrast -1"},
		{Pipeline{Mixup: -0.1}, "mixup α = -0.1"},
		{Pipeline{CutMix: math.NaN()}, "cutmix α = NaN"},
	} {
		if err := c.p.Validate(3); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.p, err, c.want)
		}
	}
	p := Pipeline{Augment: []string{"crop"}, CropPad: 2, Mixup: 1, Normalize: "cifar100"}
	if got := p.Plain(); fmt.Sprint(got) != fmt.Sprint(Pipeline{Normalize: "cifar100"}) {
		t.Errorf("plain: %+v", got)
	}
}
