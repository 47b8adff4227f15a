package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// A Set is labelled images of one shape. Once made it is not modified, and safe
// for concurrent use.
type Set struct {
	Name    string
	C, H, W int      // channels (1 gray, 3 red-green-blue), height, width
	Classes []string // names, indexed by label
	Images  []uint8  // [N, C, H, W]
	Labels  []int32  // [N], each in [0, len(Classes))
}

// Len returns the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// Image returns image i, [C, H, W]. The caller must not modify it.
func (s *Set) Image(i int) []uint8 {
	size := s.C * s.H * s.W
	return s.Images[i*size : (i+1)*size : (i+1)*size]
}

// SHA256 returns the identity of the set in lower-case hexadecimal: the digest
// of
//
//	0  - 31   N, C, H, W             (uint64, little-endian)
//	32 - ..   labels                 (N × int32, little-endian)
//	.. - ..   images                 (N·C·H·W bytes)
//
// Names are not part of it.
func (s *Set) SHA256() string {
	header := make([]byte, 0, 32+4*len(s.Labels))
	for _, v := range []int{s.Len(), s.C, s.H, s.W} {
		header = binary.LittleEndian.AppendUint64(header, uint64(v))
	}
	for _, label := range s.Labels {
		header = binary.LittleEndian.AppendUint32(header, uint32(label))
	}
	h := sha256.New()
	h.Write(header)
	h.Write(s.Images)
	return hex.EncodeToString(h.Sum(nil))
}

// head returns the first n images of s: all if n is 0 or more than there are.
// It copies, so that the rest can be freed.
func (s *Set) head(n int) *Set {
	if n == 0 || n >= s.Len() {
		return s
	}
	short := *s
	short.Images = slices.Clone(s.Images[:n*s.C*s.H*s.W])
	short.Labels = slices.Clone(s.Labels[:n])
	return &short
}
