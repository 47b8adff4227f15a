package dataset

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"runtime"
	"sync"
	"sync/atomic"
)

// A shape is what the images of a folder are to the network, and how they are
// held.
type shape struct {
	h, w int // to the network

	// Images are brought to edge, and held as the square of that edge at their
	// centre. 0: they are h×w as they are.
	edge  int
	first string // the image that h and w were taken from, if edge is 0
}

// square returns what is held of an image that was scaled to w×h pixels. It lies
// at the centre: so that the window at the centre of the square is, to the pixel,
// the window at the centre of the image.
func (sh shape) square(w, h int) image.Rectangle {
	whole, inner := centred(w, h, sh.w, sh.h), centred(sh.edge, sh.edge, sh.w, sh.h)
	at := whole.Min.Sub(inner.Min)
	return image.Rect(0, 0, sh.edge, sh.edge).Add(image.Pt(min(max(at.X, 0), w-sh.edge), min(max(at.Y, 0), h-sh.edge)))
}

// held returns the height and width of images as they are held.
func (sh shape) held() (h, w int) {
	if sh.edge != 0 {
		return sh.edge, sh.edge
	}
	return sh.h, sh.w
}

// shape returns what s asks for, or where it leaves that open, what the first
// picture of the training set, in folder dir, measures.
func (t *tree) shape(dir string, pictures []picture, s Source) (shape, error) {
	if s.Size != 0 {
		return shape{h: s.Size, w: s.Size, edge: max(s.Resize, s.Size)}, nil
	}
	for _, p := range pictures {
		data, err := t.load(p.file)
		if err != nil {
			return shape{}, err
		}
		c, _, err := pictureConfig(data)
		if err != nil {
			if s.SkipBad && errors.As(err, new(badPicture)) {
				continue
			}
			return shape{}, t.pictureFault(p.file, err)
		}
		if c.Width > maxEdge || c.Height > maxEdge {
			return shape{}, t.fault(p.file, fmt.Errorf("%d×%d pixels, want at most %d×%[3]d; give a size to scale to", c.Width, c.Height, maxEdge))
		}
		return shape{h: c.Height, w: c.Width, first: p.file}, nil
	}
	return shape{}, t.fault(dir, errors.New("no image can be decoded"))
}

// pictureFault is fault about a picture; it names the remedy if there is one.
func (t *tree) pictureFault(name string, err error) error {
	if bad := (badPicture{}); errors.As(err, &bad) {
		return t.fault(name, fmt.Errorf("%w; --skip-bad leaves out such images", err))
	}
	return t.fault(name, err)
}

// A split is the pictures of one part of a folder.
type split struct {
	t        *tree
	name     string // train or test
	pictures []picture
	channels int
	shape    shape
}

// open returns the split as a set, held as s asks for.
func (sp *split) open(s Source, classes []string) (set *Set, err error) {
	set = &Set{Name: "folder", C: sp.channels, H: sp.shape.h, W: sp.shape.w, Classes: classes, edge: sp.shape.edge}
	if s.SkipBad {
		set.skips = newSkips()
	}
	switch s.Store {
	case "files":
		set.hold(sp)
		set.identity, err = sp.identity(set)
		return set, err
	case "packed":
		err = sp.openPack(set, s)
	default:
		err = sp.decodeAll(set, s)
	}
	if err != nil {
		return nil, err
	}
	if report := set.SkipReport(); report != "" && s.Note != nil {
		s.Note(fmt.Sprintf("%s: %s: %s", s.Path, sp.name, report))
	}
	return set, nil
}

// hold makes set the pictures of sp, to be read when they are asked for.
func (set *Set) hold(sp *split) {
	set.held = sp
	set.Labels = make([]int32, len(sp.pictures))
	for i, p := range sp.pictures {
		set.Labels[i] = p.label
	}
}

// image decodes picture i. It is the holder of sets that are read from their
// files.
func (sp *split) image(i int, k *scratch) (bitmap, error) {
	file := sp.pictures[i].file
	data, err := sp.t.load(file)
	if err != nil {
		return bitmap{}, err
	}
	if err := k.decoder.decode(data, sp.channels); err != nil {
		return bitmap{}, sp.t.pictureFault(file, err)
	}
	return k.decoder.picture, nil
}

func (sp *split) bytes() int64 {
	n := int64(0)
	for _, p := range sp.pictures {
		n += int64(len(sp.t.content[p.file]))
	}
	return n
}

// Close does nothing: no file stays open.
func (sp *split) Close() error { return nil }

// identity is that of [Set.SHA256] for images that are read from their files.
func (sp *split) identity(set *Set) (string, error) {
	stats, err := sp.stats()
	if err != nil {
		return "", err
	}
	h := set.digest(set.C, set.H, set.W)
	for i, p := range sp.pictures {
		h.Write(binary.LittleEndian.AppendUint64(append([]byte(p.file), 0), uint64(stats[i].length)))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stats asks for all files at once, in a way: where they lie far away, it is the
// answers that take long.
func (sp *split) stats() ([]fileStat, error) {
	const asking = 16
	stats, errs := make([]fileStat, len(sp.pictures)), make([]error, len(sp.pictures))
	var wg sync.WaitGroup
	for k := range asking {
		wg.Go(func() {
			for i := k; i < len(stats); i += asking {
				stats[i], errs[i] = sp.t.stat(sp.pictures[i].file)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, sp.t.fault(sp.pictures[i].file, err)
		}
	}
	return stats, nil
}

// decodeAll makes set the pictures of sp, in memory.
func (sp *split) decodeAll(set *Set, s Source) error {
	h, w := sp.shape.held()
	size := sp.channels * h * w
	if len(sp.pictures) > maxSetBytes/size {
		return sp.t.fault("", fmt.Errorf("%d images of %d×%d×%d bytes exceed %d bytes; use a smaller size, fewer images, or store packed",
			len(sp.pictures), sp.channels, h, w, int64(maxSetBytes)))
	}
	pix := make([]uint8, len(sp.pictures)*size)
	good, err := sp.each(set, s.Progress, func(i int, b *bitmap) error {
		copy(pix[i*size:], b.pix)
		return nil
	})
	if err != nil {
		return err
	}
	n := 0
	for i, ok := range good {
		if ok {
			if n < i {
				copy(pix[n*size:][:size], pix[i*size:])
			}
			set.Labels = append(set.Labels, sp.pictures[i].label)
			n++
		}
	}
	if pix = pix[:n*size]; h == set.H && w == set.W {
		set.Images = pix
		return nil
	}
	set.held = &memory{bitmap{sp.channels, h, w, pix}}
	d := set.digest(sp.channels, h, w)
	d.Write(pix)
	set.identity = hex.EncodeToString(d.Sum(nil))
	return nil
}

// memory holds images that are larger than the network sees them. Its bitmap has
// the shape of one and the bytes of all.
type memory struct{ all bitmap }

func (m *memory) image(i int, _ *scratch) (bitmap, error) {
	one := m.all
	size := one.c * one.h * one.w
	one.pix = m.all.pix[i*size:][:size]
	return one, nil
}

func (m *memory) bytes() int64 { return int64(len(m.all.pix)) }

func (m *memory) Close() error { return nil }

// each decodes all pictures, on all cores, makes of each what is held of it, and
// gives it to keep, at any time and in any order. It returns which pictures could
// be decoded: all, unless set may leave out some. The first fault, in the order
// of the pictures, is the one that is reported.
func (sp *split) each(set *Set, progress func(string, int, int) error, keep func(i int, b *bitmap) error) (good []bool, err error) {
	n := len(sp.pictures)
	good = make([]bool, n)
	var (
		next   atomic.Int64 // pictures are taken in order, so those before a bad one are all looked at
		failed atomic.Bool
		mu     sync.Mutex // guards what follows
		done   int
		at     = n
		fault  error
		wg     sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var k scratch
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				b, err := sp.held(i, &k)
				if err == nil {
					err = keep(i, b)
				}
				if err == nil {
					good[i] = true
				} else if set.skip(err) {
					err = nil
				}
				mu.Lock()
				done++
				if err == nil && progress != nil && !failed.Load() {
					err = progress(sp.name, done, n)
				}
				if err != nil {
					failed.Store(true)
					if i < at {
						at, fault = i, err
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if fault != nil {
		return nil, fault
	}
	return good, sp.checkClasses(set, good)
}

// checkClasses reports a class of which no picture is left.
func (sp *split) checkClasses(set *Set, good []bool) error {
	all, left := make([]int, len(set.Classes)), make([]int, len(set.Classes))
	for i, p := range sp.pictures {
		all[p.label]++
		if good[i] {
			left[p.label]++
		}
	}
	for label, n := range all {
		if n > 0 && left[label] == 0 {
			return sp.t.fault("", fmt.Errorf("%s: none of the %d images of class %s can be decoded", sp.name, n, set.Classes[label]))
		}
	}
	return nil
}

// held returns what is held of picture i.
func (sp *split) held(i int, k *scratch) (*bitmap, error) {
	b, err := sp.image(i, k)
	if err != nil {
		return nil, err
	}
	h, w := sp.shape.held()
	if b.h == h && b.w == w {
		return &k.decoder.picture, nil
	}
	if sp.shape.edge == 0 {
		return nil, sp.t.fault(sp.pictures[i].file,
			fmt.Errorf("%d×%d pixels, but %s has %d×%d; give a size to scale to", b.w, b.h, sp.shape.first, w, h))
	}
	sw, sh := scaledSize(b.w, b.h, sp.shape.edge)
	k.resizer.resize(&k.scaled, &b, b.bounds(), sw, sh, sp.shape.square(sw, sh))
	return &k.scaled, nil
}

// skip reports whether err is an image that may be left out, and takes note of
// it.
func (set *Set) skip(err error) bool {
	var e *Error
	var bad badPicture
	if set.skips == nil || !errors.As(err, &e) || !errors.As(err, &bad) {
		return false
	}
	set.skips.add(e.Entry, bad.error)
	return true
}
