package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// TestBeta holds the distribution of 20,000 draws to that of Beta(α, α), by the
// statistic of Kolmogorov and Smirnov: above 1.95/√n once in a thousand times.
func TestBeta(t *testing.T) {
	const n = 20_000
	for _, alpha := range []float64{0.01, 0.2, 0.4, 0.999, 1, 2.5, 100} {
		g := rand.New(rand.NewPCG(5, 5))
		draws := make([]float64, n)
		for i := range draws {
			draws[i] = beta(alpha, g)
			if !(draws[i] >= 0 && draws[i] <= 1) {
				t.Fatalf("α %v: %v", alpha, draws[i])
			}
		}
		slices.Sort(draws)
		d := distuv.Beta{Alpha: alpha, Beta: alpha}
		worst := 0.0
		for i, v := range draws {
			// Below 1e-12 and above 1 - 1e-12 many draws of a small α lie on one
			// float64, and its distribution has a step.
			if v > 1e-12 && v < 1-1e-12 {
				c := d.CDF(v)
				worst = max(worst, math.Abs(c-float64(i)/n), math.Abs(c-float64(i+1)/n))
			}
		}
		if bound := 1.95 / math.Sqrt(n); worst > bound {
			t.Errorf("α %v: distance %v, want at most %v", alpha, worst, bound)
		}
	}
}

// TestMixup recomputes mixed batches from plain ones.
func TestMixup(t *testing.T) {
	s, _ := openSyntheticSet(t, 37, 10, 1)
	o := LoaderOptions{Batch: 8, Shuffle: true, Seed: 3, Epoch: 4}
	plain := walk(t, s, augmented, o)
	p := augmented
	p.Mixup = 0.4
	mixed := walk(t, s, p, o)
	lambdas := make(map[float32]bool)
	for n, m := range mixed {
		b := plain[n]
		if b.Mixed != nil || b.Lambda != 1 {
			t.Fatalf("a plain batch has labels %v, λ %v", b.Mixed, b.Lambda)
		}
		if m.Count != b.Count || !slices.Equal(m.Labels, b.Labels) || !(m.Lambda >= 0 && m.Lambda <= 1) {
			t.Fatalf("batch %d: %d images, λ %v", n, m.Count, m.Lambda)
		}
		lambdas[m.Lambda] = true
		for i := range 8 {
			want, partner := int32(-1), m.Count-1-i
			if i < m.Count {
				want = b.Labels[partner]
			}
			if m.Mixed[i] != want {
				t.Fatalf("batch %d: label %d is mixed with %d, want %d", n, i, m.Mixed[i], want)
			}
			for q := range 784 {
				want := b.X[784*i+q]
				if i < m.Count && i != partner {
					want = float32(m.Lambda*b.X[784*i+q]) + float32((1-m.Lambda)*b.X[784*partner+q])
				}
				if got := m.X[784*i+q]; got != want {
					t.Fatalf("batch %d, image %d, pixel %d: %v, want %v", n, i, q, got, want)
				}
			}
		}
	}
	if len(lambdas) != len(mixed) {
		t.Errorf("%d λ in %d batches", len(lambdas), len(mixed))
	}
	for _, o := range []LoaderOptions{{Workers: 3}, {FirstBatch: 2}} {
		o.Batch, o.Shuffle, o.Seed, o.Epoch = 8, true, 3, 4
		wantBatches(t, "mixed", walk(t, s, p, o), mixed[o.FirstBatch:])
	}
	if _, err := NewLoader(s, p, LoaderOptions{Batch: 1}); err == nil || !strings.Contains(err.Error(), "2 images or more") {
		t.Errorf("a batch of 1: error %v", err)
	}
}

// solid returns n images of 3×h×w, each of one colour of its own.
func solid(n, h, w int) *Set {
	s := &Set{Name: "solid", C: 3, H: h, W: w, Classes: make([]string, n)}
	for i := range n {
		s.Labels = append(s.Labels, int32(i))
		for range 3 * h * w {
			s.Images = append(s.Images, uint8(i))
		}
	}
	return s
}

// TestCutMix finds the box that was cut in each batch: a rectangle, the same in
// all images and channels, whose share is 1 - λ.
func TestCutMix(t *testing.T) {
	const h, w, n = 7, 9, 240
	sum := 0.0
	places := make(map[int]bool)
	batches := walk(t, solid(n, h, w), Pipeline{CutMix: 1, Normalize: "none"}, LoaderOptions{Batch: 4, Shuffle: true, Seed: 1})
	for _, b := range batches {
		x := pixels(t, b.X)
		box, cut := [4]int{h, w, 0, 0}, 0
		for y := range h {
			for q := range w {
				if int32(x[y*w+q]) == b.Labels[0] {
					continue
				}
				box = [4]int{min(box[0], y), min(box[1], q), max(box[2], y+1), max(box[3], q+1)}
				places[y*w+q] = true
				cut++
			}
		}
		if cut > 0 && cut != (box[2]-box[0])*(box[3]-box[1]) {
			t.Fatalf("%d pixels cut, in a box %v", cut, box)
		}
		if want := 1 - float32(cut)/(h*w); b.Lambda != want {
			t.Fatalf("λ %v, %d pixels of %d cut", b.Lambda, cut, h*w)
		}
		sum += float64(b.Lambda)
		for i := range 4 {
			if b.Mixed[i] != b.Labels[3-i] {
				t.Fatalf("label %d is mixed with %d", b.Labels[i], b.Mixed[i])
			}
			for p := range 3 * h * w {
				want := b.Labels[i]
				if y, q := p/w%h, p%w; box[0] <= y && y < box[2] && box[1] <= q && q < box[3] {
					want = b.Mixed[i]
				}
				if int32(x[i*3*h*w+p]) != want {
					t.Fatalf("image %d, byte %d: %d, want %d", i, p, x[i*3*h*w+p], want)
				}
			}
		}
	}
	if len(places) != h*w {
		t.Errorf("boxes reach %d pixels of %d", len(places), h*w)
	}
	// λ is uniform here, and what sticks out of the image is lost: above a half.
	if mean := sum / float64(len(batches)); mean < 0.5 || mean > 0.85 {
		t.Errorf("mean λ %v", mean)
	}
}

// TestMixBoth checks that batches are mixed in either way, one time in two.
func TestMixBoth(t *testing.T) {
	cut := 0
	batches := walk(t, solid(240, 8, 8), Pipeline{Mixup: 1, CutMix: 1, Normalize: "none"}, LoaderOptions{Batch: 2, Shuffle: true})
	for _, b := range batches {
		whole := true // of the two images' own pixels
		for _, v := range b.X {
			v *= 255
			whole = whole && (math.Abs(float64(v-float32(b.Labels[0]))) < 1e-3 || math.Abs(float64(v-float32(b.Labels[1]))) < 1e-3)
		}
		if whole {
			cut++
		}
	}
	if n := len(batches); math.Abs(float64(cut)-float64(n)/2) > 6*math.Sqrt(float64(n))/2 {
		t.Errorf("%d of %d batches cut, want a half", cut, n)
	}
}
