package dataset

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// LoaderOptions say how a [Loader] walks its set.
type LoaderOptions struct {
	Batch    int  // images a batch; at least 1
	Shuffle  bool // visit images in an order drawn from (Seed, Epoch), else in the order of the set
	DropLast bool // leave out a last batch that is not full, instead of padding it

	Seed, Epoch uint64 // of the order and of the augmentation

	Workers    int // goroutines that fill one batch; default 1; changes no result
	FirstBatch int // begin at this batch, to go on in the middle of an epoch
}

// A Batch is what one step of training takes. A batch that is not full is
// padded with images of zeros and labels of -1.
type Batch struct {
	Index  int       // of the batch in the epoch
	X      []float32 // [Batch, C, H, W], normalised
	Labels []int32   // [Batch]; -1: no image
	Count  int       // images that are not padding
}

// A Loader walks a set once. It works ahead in its own goroutine, by one batch,
// while the caller works on the batch before.
//
// Next and Close must not be called at the same time.
type Loader struct {
	set     *Set
	t       *transform
	o       LoaderOptions
	batches int
	order   []int32 // nil: as in the set

	full  chan *Batch // filled, in order; closed behind the last
	empty chan *Batch // to be filled
	stop  chan struct{}
	done  chan struct{} // closed when the goroutine has ended

	lent   *Batch // what the last Next returned
	closed bool
	waited time.Duration
}

// NewLoader starts a walk over set. The caller must either call Next until it
// reports the end, or Close.
func NewLoader(set *Set, p Pipeline, o LoaderOptions) (*Loader, error) {
	if o.Batch < 1 {
		return nil, fmt.Errorf("dataset: batch of %d images, want at least 1", o.Batch)
	}
	t, err := p.compile(set.C)
	if err != nil {
		return nil, err
	}
	batches := Batches(set.Len(), o.Batch, o.DropLast)
	if batches == 0 {
		return nil, fmt.Errorf("dataset: %s: no full batch of %d in %d images; use a smaller batch", set.Name, o.Batch, set.Len())
	}
	if o.FirstBatch < 0 || o.FirstBatch > batches {
		return nil, fmt.Errorf("dataset: %s: first batch %d, the epoch has %d", set.Name, o.FirstBatch, batches)
	}
	o.Workers = min(max(o.Workers, 1), o.Batch)

	l := &Loader{
		set: set, t: t, o: o, batches: batches,
		full:  make(chan *Batch, 1),
		empty: make(chan *Batch, 2),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	if o.Shuffle {
		l.order = shuffled(set.Len(), o.Seed, o.Epoch)
	}
	for range 2 {
		l.empty <- &Batch{
			X:      make([]float32, o.Batch*set.C*set.H*set.W),
			Labels: make([]int32, o.Batch),
		}
	}
	go l.work()
	return l, nil
}

// Batches returns how many batches of the given size an epoch over n images
// has.
func Batches(n, batch int, dropLast bool) int {
	if dropLast {
		return n / batch
	}
	return (n + batch - 1) / batch
}

// shuffled returns a permutation of [0, n) drawn from (seed, epoch).
func shuffled(n int, seed, epoch uint64) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	var pcg rand.PCG
	reseed(&pcg, purposeShuffle, seed, epoch, 0)
	rand.New(&pcg).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// Batches returns the number of batches of the whole epoch, those before
// FirstBatch included.
func (l *Loader) Batches() int { return l.batches }

// Next returns the next batch, or false behind the last one. The batch is the
// caller's until the next call of Next or Close.
func (l *Loader) Next() (*Batch, bool) {
	if l.closed {
		return nil, false
	}
	if l.lent != nil {
		l.empty <- l.lent // never blocks: there are two batches and two places
		l.lent = nil
	}
	start := time.Now()
	b, ok := <-l.full
	l.waited += time.Since(start)
	l.lent = b
	return b, ok
}

// WaitSeconds returns for how long, in all, calls of Next have waited for data.
func (l *Loader) WaitSeconds() float64 { return l.waited.Seconds() }

// Close ends the walk, and returns when its goroutine has ended. It may be
// called at any time, more than once.
func (l *Loader) Close() {
	if !l.closed {
		l.closed = true
		close(l.stop)
	}
	<-l.done
}

// work fills batches until the epoch is over or the loader is closed.
func (l *Loader) work() {
	defer close(l.done)
	defer close(l.full)
	workers := make([]worker, l.o.Workers)
	for i := range workers {
		workers[i].rng = rand.New(&workers[i].pcg)
	}
	for n := l.o.FirstBatch; n < l.batches; n++ {
		var b *Batch
		select {
		case b = <-l.empty:
		case <-l.stop:
			return
		}
		l.fill(b, n, workers)
		select {
		case l.full <- b:
		case <-l.stop:
			return
		}
	}
}

// A worker fills a part of each batch.
type worker struct {
	pcg rand.PCG
	rng *rand.Rand // draws from pcg
}

// fill makes b the n-th batch of the epoch.
func (l *Loader) fill(b *Batch, n int, workers []worker) {
	first := n * l.o.Batch
	b.Index = n
	b.Count = min(l.o.Batch, l.set.Len()-first)

	if len(workers) == 1 {
		l.fillRange(b, first, 0, l.o.Batch, &workers[0])
		return
	}
	var wg sync.WaitGroup
	for i := range workers {
		lo, hi := i*l.o.Batch/len(workers), (i+1)*l.o.Batch/len(workers)
		wg.Go(func() { l.fillRange(b, first, lo, hi, &workers[i]) })
	}
	wg.Wait()
}

// fillRange fills places [lo, hi) of b, whose place 0 holds the image that is
// visited first-th.
func (l *Loader) fillRange(b *Batch, first, lo, hi int, w *worker) {
	size := l.set.C * l.set.H * l.set.W
	for i := lo; i < hi; i++ {
		x := b.X[i*size : (i+1)*size]
		if i >= b.Count {
			clear(x)
			b.Labels[i] = -1
			continue
		}
		index := first + i
		if l.order != nil {
			index = int(l.order[index])
		}
		reseed(&w.pcg, purposeAugment, l.o.Seed, l.o.Epoch, uint64(index))
		l.t.apply(x, l.set.Image(index), l.set.H, l.set.W, w.rng)
		b.Labels[i] = l.set.Labels[index]
	}
}
