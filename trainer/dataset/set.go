package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
)

// A Set is labelled images, of one shape as the network sees them. Once made it
// is not modified, and safe for concurrent use.
//
// The images lie in Images, or they lie elsewhere, and a [Loader] reads them
// when their turn comes: see [Source.Store].
type Set struct {
	Name    string
	C, H, W int      // channels (1 gray, 3 red-green-blue), height and width of what a loader makes of an image
	Classes []string // names, indexed by label
	Images  []uint8  // [N, C, H, W]; nil if the images lie elsewhere, or are larger than H×W
	Labels  []int32  // [N], each in [0, len(Classes))

	held     holder // of the images, if not nil
	edge     int    // to which the shorter side of an image is brought before it is cut; 0: as it is
	identity string // of a set that is not in Images
	skips    *skips // nil: no image may be left out
}

// A holder has the images of a set, each [C, h, w] of its own h and w.
type holder interface {
	// image returns image i. It may lie in memory of k, until the next call with
	// the same k.
	image(i int, k *scratch) (bitmap, error)

	// bytes returns the memory that the images take.
	bytes() int64

	io.Closer
}

// Len returns the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// Bytes returns the memory that the images and labels of s take. Images in files
// take none; those in an archive take what they take there.
func (s *Set) Bytes() int64 {
	n := int64(len(s.Images)) + 4*int64(len(s.Labels))
	if s.held != nil {
		n += s.held.bytes()
	}
	return n
}

// Close lets go of the file that images are read from, if there is one. No
// loader may be at work on the set.
func (s *Set) Close() error {
	if s.held == nil {
		return nil
	}
	return s.held.Close()
}

// image returns image i as it is held.
func (s *Set) image(i int, k *scratch) (bitmap, error) {
	if s.held != nil {
		return s.held.image(i, k)
	}
	size := s.C * s.H * s.W
	return bitmap{s.C, s.H, s.W, s.Images[i*size : (i+1)*size : (i+1)*size]}, nil
}

// SHA256 returns the identity of the set in lower-case hexadecimal. Of images in
// memory it is the digest of
//
//	0  - 31   N, C, H, W             (uint64, little-endian)
//	32 - ..   labels                 (N × int32, little-endian)
//	.. - ..   images                 (N·C·H·W bytes)
//
// H and W being those of the images as they are held. Of images in a pack, the
// checksums of the images (N × CRC-32C, little-endian) take the images' place.
// Of images that are read from their files, it is what is known without reading
// them: for each the path, a zero byte, and the length of the file (uint64). C, H
// and W are then those that the network sees. Names of classes are not part of
// it.
func (s *Set) SHA256() string {
	if s.identity != "" {
		return s.identity
	}
	h := s.digest(s.C, s.H, s.W)
	h.Write(s.Images)
	return hex.EncodeToString(h.Sum(nil))
}

// digest returns a hash that has taken in all but the images.
func (s *Set) digest(c, height, width int) hash.Hash {
	header := make([]byte, 0, 32+4*len(s.Labels))
	for _, v := range []int{s.Len(), c, height, width} {
		header = binary.LittleEndian.AppendUint64(header, uint64(v))
	}
	for _, label := range s.Labels {
		header = binary.LittleEndian.AppendUint32(header, uint32(label))
	}
	h := sha256.New()
	h.Write(header)
	return h
}

// head returns the first n images of s, which are in memory: all if n is 0 or
// more than there are. It copies, so that the rest can be freed.
func (s *Set) head(n int) *Set {
	if n == 0 || n >= s.Len() {
		return s
	}
	short := *s
	short.Images = slices.Clone(s.Images[:n*s.C*s.H*s.W])
	short.Labels = slices.Clone(s.Labels[:n])
	return &short
}

// A Skip is an image that was left out, since it cannot be decoded.
type Skip struct {
	File string // slash-separated, relative to the path of the set
	Err  error
}

// Skipped returns the images that were left out so far, sorted by name. Images
// that are read from their files are found to be bad only when their turn comes.
func (s *Set) Skipped() []Skip {
	if s.skips == nil {
		return nil
	}
	return s.skips.all()
}

// SkipReport says in one line how many images were left out so far, and names
// the first of them; empty if none was.
func (s *Set) SkipReport() string {
	skipped := s.Skipped()
	if len(skipped) == 0 {
		return ""
	}
	const named = 5
	var names []string
	for _, k := range skipped[:min(len(skipped), named)] {
		names = append(names, fmt.Sprintf("%s (%v)", k.File, k.Err))
	}
	if more := len(skipped) - named; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	images := "images"
	if len(skipped) == 1 {
		images = "image"
	}
	return fmt.Sprintf("%d %s left out: %s", len(skipped), images, strings.Join(names, ", "))
}

// skips are images that are left out.
type skips struct {
	mu  sync.Mutex
	bad map[string]error // by file
}

func newSkips() *skips { return &skips{bad: make(map[string]error)} }

func (k *skips) add(file string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bad[file] = err
}

func (k *skips) all() []Skip {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]Skip, 0, len(k.bad))
	for file, err := range k.bad {
		list = append(list, Skip{file, err})
	}
	slices.SortFunc(list, func(a, b Skip) int { return strings.Compare(a.File, b.File) })
	return list
}
