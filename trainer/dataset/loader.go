package dataset

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// LoaderOptions say how a [Loader] walks its set.
//
// Where images that cannot be decoded are left out ([Source.SkipBad]) and that
// shows only as the loader comes to one, the next image of the set that can be
// takes its place if DropLast asks for full batches; else the batch has one image
// less.
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
//
// Where the pipeline mixes batches, X[i] is made of two images, and its loss is
// to be
//
//	Lambda · loss(Labels[i]) + (1 - Lambda) · loss(Mixed[i])
//
// The partner of image i of n is image n-1-i. Lambda is drawn from
// (seed, epoch, Index).
type Batch struct {
	Index  int       // of the batch in the epoch
	X      []float32 // [Batch, C, H, W], normalised
	Labels []int32   // [Batch]; -1: no image
	Mixed  []int32   // [Batch]; labels of the images that are mixed in, -1: no image; nil if the pipeline does not mix
	Lambda float32   // weight of Labels, in [0, 1]; 1 if the pipeline does not mix
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

	next atomic.Int64 // place of the batch in the making that no worker has taken

	lent   *Batch // what the last Next returned
	closed bool
	waited time.Duration
	fault  error // written before full is closed
	err    error // the fault, once Next has come to it
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
	mixes := t.mixup > 0 || t.cutMix > 0
	if mixes && o.Batch == 1 {
		return nil, errors.New("dataset: mixup and cutmix need batches of 2 images or more")
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
		b := &Batch{
			X:      make([]float32, o.Batch*set.C*set.H*set.W),
			Labels: make([]int32, o.Batch),
		}
		if mixes {
			b.Mixed = make([]int32, o.Batch)
		}
		l.empty <- b
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

// Next returns the next batch, or false behind the last one, or where an image
// cannot be read: see Err. The batch is the caller's until the next call of Next
// or Close.
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
	if !ok {
		l.err = l.fault
	}
	return b, ok
}

// Err returns what ended the walk early, once Next has returned false: an
// [*Error] about an image that cannot be read; nil if all batches were made. Sets
// in memory have no such faults.
func (l *Loader) Err() error { return l.err }

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

// work fills batches until the epoch is over, an image cannot be read, or the
// loader is closed.
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
		if l.fault = l.fill(b, n, workers); l.fault != nil {
			return
		}
		select {
		case l.full <- b:
		case <-l.stop:
			return
		}
	}
}

// A worker makes one image after another.
type worker struct {
	pcg rand.PCG
	rng *rand.Rand // draws from pcg
	k   scratch

	place int // of the first image of this batch that could not be read
	err   error
}

// fill makes b the n-th batch of the epoch.
func (l *Loader) fill(b *Batch, n int, workers []worker) error {
	b.Index = n
	first := n * l.o.Batch
	b.Count = min(l.o.Batch, l.set.Len()-first)

	l.next.Store(0)
	if len(workers) == 1 {
		l.fillPart(b, first, &workers[0])
	} else {
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() { l.fillPart(b, first, &workers[i]) })
		}
		wg.Wait()
	}
	var bad *worker
	for i := range workers {
		if w := &workers[i]; w.err != nil && (bad == nil || w.place < bad.place) {
			bad = w
		}
	}
	if bad != nil {
		return bad.err
	}
	b.finish(l.o.Batch)
	w := &workers[0]
	reseed(&w.pcg, purposeMix, l.o.Seed, l.o.Epoch, uint64(n))
	l.t.mix(b, l.set.H, l.set.W, w.rng)
	return nil
}

// fillPart fills places of b, one after another, for as long as there are some:
// images may differ in what they cost. Place 0 holds the image that is visited
// first-th.
func (l *Loader) fillPart(b *Batch, first int, w *worker) {
	w.err = nil
	for {
		i := int(l.next.Add(1)) - 1
		if i >= b.Count {
			return
		}
		if w.err = l.make(b, i, first+i, w); w.err != nil {
			w.place = i
			l.next.Store(int64(b.Count)) // the others need not go on
			return
		}
	}
}

// make makes the image at place i of b, which is visited visit-th.
func (l *Loader) make(b *Batch, i, visit int, w *worker) error {
	index := visit
	if l.order != nil {
		index = int(l.order[index])
	}
	b.Labels[i] = -1
	var fault error
	for range l.set.Len() {
		src, err := l.set.image(index, &w.k)
		if err == nil {
			size := l.set.C * l.set.H * l.set.W
			reseed(&w.pcg, purposeAugment, l.o.Seed, l.o.Epoch, uint64(index))
			l.t.apply(b.X[i*size:][:size], &src, l.set.edge, l.set.H, l.set.W, w.rng, &w.k)
			b.Labels[i] = l.set.Labels[index]
			return nil
		}
		fault = err
		if !l.set.skip(err) {
			return err
		}
		if !l.o.DropLast {
			return nil
		}
		index = (index + 1) % l.set.Len()
	}
	return fault // there is no image that can be read
}

// finish closes the gaps that images left out leave in b, and pads it.
func (b *Batch) finish(batch int) {
	size := len(b.X) / batch
	good := 0
	for i := range b.Count {
		if b.Labels[i] < 0 {
			continue
		}
		if good < i {
			b.Labels[good] = b.Labels[i]
			copy(b.X[good*size:][:size], b.X[i*size:][:size])
		}
		good++
	}
	b.Count = good
	clear(b.X[good*size:])
	for i := good; i < batch; i++ {
		b.Labels[i] = -1
	}
}
