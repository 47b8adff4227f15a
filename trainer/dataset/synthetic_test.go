package dataset

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"testing"
)

func openSyntheticSet(t testing.TB, train, test int, seed uint64) (*Set, *Set) {
	t.Helper()
	a, b, err := Open(Source{Name: "synthetic", TrainImages: train, TestImages: test, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestSynthetic(t *testing.T) {
	train, test := openSyntheticSet(t, 0, 0, 1)
	if train.Len() != 4000 || test.Len() != 1000 || train.C != 1 || train.H != 28 || train.W != 28 || len(train.Classes) != 10 {
		t.Fatalf("%d + %d images of %d×%d×%d", train.Len(), test.Len(), train.C, train.H, train.W)
	}
	// No image is drawn twice, in either split or under another seed.
	other, _ := openSyntheticSet(t, 1000, 10, 2)
	seen := make(map[string]bool)
	for _, set := range []*Set{train, test, other} {
		for i := range set.Len() {
			if set.Labels[i] != int32(i%10) {
				t.Fatalf("label %d of image %d", set.Labels[i], i)
			}
			if seen[string(set.at(i))] {
				t.Fatalf("image %d is there before", i)
			}
			seen[string(set.at(i))] = true
		}
	}
}

// TestSyntheticStable draws fewer images, and on one core: what is drawn stays
// the same.
func TestSyntheticStable(t *testing.T) {
	long, _ := openSyntheticSet(t, 101, 10, 7)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, _ := openSyntheticSet(t, 101, 10, 7)
	runtime.GOMAXPROCS(5)
	short, _ := openSyntheticSet(t, 37, 10, 7)
	wantEqual(t, one, long)
	wantEqual(t, short, long.head(37))
}

// TestSyntheticReadable classifies by the nearest of the mean images of the
// classes, the weakest of classifiers. It must do better than chance by far, or
// labels and images have parted; and far from perfectly, or there is nothing to
// learn.
func TestSyntheticReadable(t *testing.T) {
	train, test := openSyntheticSet(t, 4000, 1000, 3)
	var means [10][784]float64
	for i := range train.Len() {
		for p, v := range train.at(i) {
			means[i%10][p] += float64(v) / 400
		}
	}
	// Contrast differs from image to image: compare directions, not lengths.
	for d := range means {
		center(means[d][:])
	}
	hits := 0
	for i := range test.Len() {
		best, at := 0.0, -1
		for d := range means {
			score := 0.0
			for p, v := range test.at(i) {
				score += means[d][p] * float64(v)
			}
			if at < 0 || score > best {
				best, at = score, d
			}
		}
		if at == i%10 {
			hits++
		}
	}
	if hits < 250 || hits > 800 {
		t.Errorf("%d of 1000 digits are nearest to the mean of their class, want 250 to 800", hits)
	}
}

// center subtracts the mean of v, and scales v to length 1.
func center(v []float64) {
	mean, squares := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for i := range v {
		v[i] -= mean
		squares += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(squares)
	}
}

// TestOutlines checks that the digits of all faces are there and are as tall as
// stated.
func TestOutlines(t *testing.T) {
	outlines, err := digitOutlines()
	if err != nil {
		t.Fatal(err)
	}
	for face, digits := range outlines {
		for digit, o := range digits {
			contours := 0
			lo, hi := 0.0, 0.0
			for _, s := range o {
				if s.start {
					contours++
				}
				for _, p := range s.points[:s.n] {
					lo, hi = min(lo, p[1]), max(hi, p[1])
				}
			}
			// Control points may lie off the curve, hence the margin.
			if lo > -0.49 || lo < -0.6 || hi < 0.49 || hi > 0.6 {
				t.Errorf("face %d: digit %d spans %v to %v", face, digit, lo, hi)
			}
			// Holes: one in 4, 6 and 9, two in 8, and 0 may have a dot or a bar.
			want := []int{2, 1, 1, 1, 2, 1, 2, 1, 3, 2}[digit]
			if contours != want && (digit != 0 || contours != 3) {
				t.Errorf("face %d: digit %d has %d contours, want %d", face, digit, contours, want)
			}
		}
	}
	if slices.ContainsFunc(outlines[1:], func(d [10]outline) bool { return slices.Equal(d[5], outlines[0][5]) }) {
		t.Error("two faces have one 5")
	}
}

// TestBlur checks that the blur keeps ink, and is the identity at 0.
func TestBlur(t *testing.T) {
	var a artist
	for _, sigma := range []float64{0, 0.5, 1} {
		clear(a.ink[0][:])
		a.ink[0][14*28+13] = 1
		a.blur(sigma)
		sum := 0.0
		for _, v := range a.ink[0] {
			sum += v
		}
		if sum < 1-1e-12 || sum > 1+1e-12 {
			t.Errorf("sigma %v: ink %v, want 1", sigma, sum)
		}
		// Left and right, above and below are alike.
		for _, d := range []int{1, 28} {
			if l, r := a.ink[0][14*28+13-d], a.ink[0][14*28+13+d]; l != r || (sigma == 0) != (l < 1e-9) {
				t.Errorf("sigma %v: neighbours %v and %v", sigma, l, r)
			}
		}
	}
}

func BenchmarkSynthetic(b *testing.B) {
	for b.Loop() {
		openSyntheticSet(b, 900, 100, 1)
	}
}

func TestHead(t *testing.T) {
	s, _ := openSyntheticSet(t, 20, 10, 1)
	h := s.head(3)
	if h.Len() != 3 || cap(h.Images) > 4*784 || !bytes.Equal(h.Images, s.Images[:3*784]) {
		t.Errorf("%d images in %d bytes", h.Len(), cap(h.Images))
	}
	if s.head(0) != s || s.head(20) != s || s.head(21) != s {
		t.Error("a head of all is another set")
	}
}
