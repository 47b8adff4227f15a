package dataset

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// numbered returns n images of 1×2×2 whose pixels and label tell their index.
func numbered(n int) *Set {
	s := &Set{Name: "numbered", C: 1, H: 2, W: 2, Classes: make([]string, n)}
	for i := range n {
		s.Labels = append(s.Labels, int32(i))
		s.Images = append(s.Images, uint8(i), uint8(i+1), uint8(i+2), uint8(i+3))
	}
	return s
}

// walk returns copies of all batches of a loader.
func walk(t testing.TB, s *Set, p Pipeline, o LoaderOptions) (batches []Batch) {
	t.Helper()
	l, err := NewLoader(s, p, o)
	if err != nil {
		t.Fatal(err)
	}
	for b, ok := l.Next(); ok; b, ok = l.Next() {
		batches = append(batches, Batch{b.Index, slices.Clone(b.X), slices.Clone(b.Labels), slices.Clone(b.Mixed), b.Lambda, b.Count})
	}
	if b, ok := l.Next(); ok || b != nil {
		t.Error("a batch behind the last")
	}
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	if len(batches) != l.Batches()-o.FirstBatch {
		t.Errorf("%d batches of %d from %d on", len(batches), l.Batches(), o.FirstBatch)
	}
	l.Close()
	return batches
}

func wantBatches(t testing.TB, what string, got, want []Batch) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d batches, want %d", what, len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Index != w.Index || g.Count != w.Count || g.Lambda != w.Lambda ||
			!slices.Equal(g.Labels, w.Labels) || !slices.Equal(g.Mixed, w.Mixed) || !slices.Equal(g.X, w.X) {
			t.Fatalf("%s: batch %d differs", what, i)
		}
	}
}

// TestLoader walks sets that do and do not fill their last batch.
func TestLoader(t *testing.T) {
	for _, c := range []struct {
		n, batch int
		drop     bool
		batches  int
		last     int // images in the last batch
	}{
		{12, 4, false, 3, 4}, {12, 4, true, 3, 4}, {13, 4, false, 4, 1}, {13, 4, true, 3, 4},
		{1, 1, true, 1, 1}, {1, 100, false, 1, 1}, {15, 16, false, 1, 15}, {5, 2, true, 2, 2},
	} {
		t.Run(fmt.Sprintf("%d in %d, drop %v", c.n, c.batch, c.drop), func(t *testing.T) {
			s := numbered(c.n)
			got := walk(t, s, Pipeline{Normalize: "none"}, LoaderOptions{Batch: c.batch, DropLast: c.drop})
			if len(got) != c.batches || got[len(got)-1].Count != c.last {
				t.Fatalf("%d batches, %d images in the last, want %d and %d", len(got), got[len(got)-1].Count, c.batches, c.last)
			}
			for n, b := range got {
				if b.Index != n || len(b.Labels) != c.batch || len(b.X) != 4*c.batch {
					t.Fatalf("batch %d: index %d, %d labels, %d numbers", n, b.Index, len(b.Labels), len(b.X))
				}
				for i, label := range b.Labels {
					index := n*c.batch + i
					if i >= b.Count {
						if label != -1 || b.X[4*i] != 0 || b.X[4*i+3] != 0 {
							t.Errorf("padding has label %d, pixels %v", label, b.X[4*i:4*i+4])
						}
						continue
					}
					if label != int32(index) {
						t.Errorf("label %d at %d", label, index)
					}
					for p := range 4 {
						if want := float32(index+p) / 255; b.X[4*i+p] != want {
							t.Errorf("image %d: pixel %v, want %v", index, b.X[4*i+p], want)
						}
					}
				}
			}
		})
	}
}

// TestLoaderShuffle checks that an epoch visits each image once, in an order that
// depends on seed and epoch, with its own label.
func TestLoaderShuffle(t *testing.T) {
	const n = 100
	s := numbered(n)
	orders := make(map[string]string)
	for seed := range uint64(3) {
		for epoch := range uint64(3) {
			var order []int32
			for _, b := range walk(t, s, Pipeline{Normalize: "none"}, LoaderOptions{Batch: 8, Shuffle: true, Seed: seed, Epoch: epoch}) {
				for i, label := range b.Labels[:b.Count] {
					if b.X[4*i] != float32(label)/255 {
						t.Fatalf("label %d with image %v", label, b.X[4*i]*255)
					}
				}
				order = append(order, b.Labels[:b.Count]...)
			}
			key, name := fmt.Sprint(order), fmt.Sprintf("seed %d, epoch %d", seed, epoch)
			if other, ok := orders[key]; ok {
				t.Errorf("%s has the order of %s", name, other)
			}
			orders[key] = name
			slices.Sort(order)
			if !slices.Equal(order, s.Labels) {
				t.Errorf("%s: visits %v", name, order)
			}
		}
	}
}

// TestShuffleUniform counts which of four images comes first, and last.
func TestShuffleUniform(t *testing.T) {
	var firsts, lasts [4]int
	const epochs = 4000
	for epoch := range uint64(epochs) {
		order := shuffled(4, 1, epoch)
		firsts[order[0]]++
		lasts[order[3]]++
	}
	for i := range 4 {
		// Six standard deviations, of 27 each.
		if math.Abs(float64(firsts[i]-epochs/4)) > 165 || math.Abs(float64(lasts[i]-epochs/4)) > 165 {
			t.Errorf("image %d is first %d times and last %d times of %d", i, firsts[i], lasts[i], epochs)
		}
	}
}

var augmented = Pipeline{Augment: []string{"crop", "flip"}}

// TestLoaderWorkers fills batches by various numbers of workers.
func TestLoaderWorkers(t *testing.T) {
	s, _ := openSyntheticSet(t, 70, 10, 1)
	o := LoaderOptions{Batch: 16, Shuffle: true, Seed: 5, Epoch: 2}
	want := walk(t, s, augmented, o)
	for _, workers := range []int{1, 2, 3, 7, 16, 100} {
		o.Workers = workers
		wantBatches(t, fmt.Sprint(workers, " workers"), walk(t, s, augmented, o), want)
	}
}

// TestLoaderResume enters an epoch at each of its batches.
func TestLoaderResume(t *testing.T) {
	s, _ := openSyntheticSet(t, 70, 10, 1)
	o := LoaderOptions{Batch: 16, Shuffle: true, Seed: 5, Epoch: 2, Workers: 2}
	want := walk(t, s, augmented, o)
	for first := range len(want) + 1 {
		o.FirstBatch = first
		wantBatches(t, fmt.Sprint("from ", first), walk(t, s, augmented, o), want[first:])
	}
}

// TestLoaderPerImage checks that what becomes of an image does not depend on its
// place: neither on the order nor on the size of batches.
func TestLoaderPerImage(t *testing.T) {
	s, _ := openSyntheticSet(t, 30, 10, 1)
	for i := range s.Labels {
		s.Labels[i] = int32(i)
	}
	views := func(o LoaderOptions) map[int32]string {
		o.Seed = 9
		m := make(map[int32]string)
		for _, b := range walk(t, s, augmented, o) {
			for i, label := range b.Labels[:b.Count] {
				m[label] = fmt.Sprint(b.X[i*784 : (i+1)*784])
			}
		}
		return m
	}
	same := func(a, b map[int32]string) (n int) {
		for i := range a {
			if a[i] == b[i] {
				n++
			}
		}
		return n
	}
	base := views(LoaderOptions{Batch: 4})
	for _, o := range []LoaderOptions{{Batch: 7}, {Batch: 4, Shuffle: true}, {Batch: 30, Shuffle: true, Workers: 3}} {
		if n := same(base, views(o)); n != 30 {
			t.Errorf("%+v: %d of 30 images agree, want all", o, n)
		}
	}
	// In the next epoch an image in 162 or so comes out the same.
	if n := same(base, views(LoaderOptions{Batch: 4, Epoch: 1})); n > 4 {
		t.Errorf("%d of 30 images come out the same in another epoch", n)
	}
}

func TestLoaderFaults(t *testing.T) {
	for _, c := range []struct {
		n    int
		p    Pipeline
		o    LoaderOptions
		want string
	}{
		{5, Pipeline{}, LoaderOptions{}, "batch of 0 images"},
		{5, Pipeline{Normalize: "x"}, LoaderOptions{Batch: 1}, `normalize "x"`},
		{5, Pipeline{}, LoaderOptions{Batch: 6, DropLast: true}, "no full batch of 6 in 5 images"},
		{0, Pipeline{}, LoaderOptions{Batch: 6}, "in 0 images"},
		{5, Pipeline{}, LoaderOptions{Batch: 2, FirstBatch: 4}, "first batch 4, the epoch has 3"},
		{5, Pipeline{}, LoaderOptions{Batch: 2, FirstBatch: -1}, "first batch -1"},
	} {
		if _, err := NewLoader(numbered(c.n), c.p, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.o, err, c.want)
		}
	}
}

// TestLoaderClose closes loaders at every point of a walk, and counts
// goroutines.
func TestLoaderClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for taken := range 7 {
		l, err := NewLoader(numbered(20), Pipeline{}, LoaderOptions{Batch: 4, Workers: 3})
		if err != nil {
			t.Fatal(err)
		}
		for i := range taken {
			if _, ok := l.Next(); ok != (i < 5) {
				t.Fatalf("batch %d: %v", i, ok)
			}
		}
		l.Close()
		l.Close()
		if _, ok := l.Next(); ok {
			t.Error("a batch from a closed loader")
		}
	}
	// Close waits for the end of the work; the goroutine itself may take a
	// moment more to be gone.
	after := runtime.NumGoroutine()
	for deadline := time.Now().Add(10 * time.Second); after > before && time.Now().Before(deadline); after = runtime.NumGoroutine() {
		time.Sleep(time.Millisecond)
	}
	if after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestLoaderBuffers checks that a batch stays as it is until the next call, while
// the loader works ahead; that there are two buffers; and that steps make no
// garbage.
func TestLoaderBuffers(t *testing.T) {
	l, err := NewLoader(numbered(200), Pipeline{Normalize: "none"}, LoaderOptions{Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	buffers := make(map[*Batch]bool)
	for n := range 20 {
		b, _ := l.Next()
		buffers[b] = true
		for len(l.full) == 0 { // until the loader is ahead as far as it goes
			time.Sleep(time.Microsecond)
		}
		if b.Index != n || b.Labels[0] != int32(4*n) || b.X[0] != float32(4*n)/255 {
			t.Fatalf("batch %d was written to while it was lent", n)
		}
	}
	if len(buffers) != 2 {
		t.Errorf("%d buffers, want 2", len(buffers))
	}
	if n := testing.AllocsPerRun(20, func() { l.Next() }); n > 0 {
		t.Errorf("%v allocations a batch, want none", n)
	}
}

// TestLoaderWait checks that waiting counts, and working does not.
func TestLoaderWait(t *testing.T) {
	l, err := NewLoader(numbered(8), Pipeline{}, LoaderOptions{Batch: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const pause = 50 * time.Millisecond
	time.Sleep(pause)
	l.Next()
	time.Sleep(pause)
	l.Next()
	if w := l.WaitSeconds(); w < 0 || w > pause.Seconds() {
		t.Errorf("waited %v s for data that was there", w)
	}

	// A loader whose goroutine does not run yet: what Next waits is counted.
	slow := &Loader{full: make(chan *Batch), empty: make(chan *Batch, 2)}
	go func() {
		time.Sleep(pause)
		close(slow.full)
	}()
	slow.Next()
	if w := slow.WaitSeconds(); w < pause.Seconds() || w > 100*pause.Seconds() {
		t.Errorf("waited %v s, want %v", w, pause.Seconds())
	}
}

// BenchmarkLoader augments batches of CIFAR-10's shape on one worker.
func BenchmarkLoader(b *testing.B) {
	s := &Set{Name: "zeros", C: 3, H: 32, W: 32, Images: make([]uint8, 1024*3072), Labels: make([]int32, 1024)}
	images := 0
	for b.Loop() {
		l, err := NewLoader(s, augmented, LoaderOptions{Batch: 64, Shuffle: true})
		if err != nil {
			b.Fatal(err)
		}
		for _, ok := l.Next(); ok; _, ok = l.Next() {
			images += 64
		}
	}
	b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
}
