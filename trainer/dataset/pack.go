package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A pack is the images of one split, decoded and scaled, in one file:
//
//	0  - 7    "gputpack"
//	8  - 11   length of the header                           (uint32, little-endian)
//	12 - 15   CRC-32C of the header                          (uint32, little-endian)
//	16 - ..   images, in the order of the split              (N·C·H·W bytes)
//	.. - ..   CRC-32C of each image; 0 of one that is left out   (N × uint32, little-endian)
//	.. - ..   header, JSON: [packHeader]
//
// Nothing in it is needed to know how large it is: N comes from the list of
// files, C, H and W from the settings, and a pack of other numbers, of another
// key or of another length is not used. Labels come from the list too.
const (
	packMagic     = "gputpack"
	packPrefix    = 16
	maxPackHeader = 64 << 20 // 4 million skipped images of 16 bytes

	// A pack in the making that was not written to for so long was given up.
	packAbandoned = time.Hour
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A packHeader says what a pack holds.
type packHeader struct {
	Key     string     `json:"key"` // of the files and settings that it was made from
	N       int        `json:"n"`
	C       int        `json:"c"`
	H       int        `json:"h"`
	W       int        `json:"w"`
	Skipped []packSkip `json:"skipped,omitempty"` // ascending
}

// A packSkip is an image that was left out: its bytes are 0.
type packSkip struct {
	Image  int    `json:"image"`
	Reason string `json:"reason"`
}

// A pack is the holder of a set in a pack.
type pack struct {
	f     *os.File
	c     int
	h, w  int
	slots []int32  // of the images of the set, in the file
	sums  []uint32 // by slot
	files []picture
}

// image reads image i of the set.
func (p *pack) image(i int, k *scratch) (bitmap, error) {
	b := &k.decoder.picture
	b.reshape(p.c, p.h, p.w)
	slot := p.slots[i]
	if _, err := p.f.ReadAt(b.pix, packPrefix+int64(slot)*int64(len(b.pix))); err != nil {
		return bitmap{}, &Error{Path: p.f.Name(), Err: packReadError(err)}
	}
	if crc32.Checksum(b.pix, castagnoli) != p.sums[slot] {
		return bitmap{}, &Error{Path: p.f.Name(), Err: fmt.Errorf("image %d, of %s, does not match its checksum; remove this file, and it is made anew",
			slot, p.files[slot].file)}
	}
	return *b, nil
}

// bytes returns 0, though the operating system may well hold the file in memory.
func (p *pack) bytes() int64 { return 0 }

func (p *pack) Close() error { return p.f.Close() }

// packReadError puts into words why a part of a pack cannot be read.
func packReadError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("cut short while in use")
	}
	return cause(err)
}

// openPack makes set the pictures of sp, in the pack of s. It makes the pack if
// there is none that fits.
func (sp *split) openPack(set *Set, s Source) error {
	want, err := sp.packHeader(s)
	if err != nil {
		return err
	}
	name, err := sp.packName(s)
	if err != nil {
		return err
	}
	note := func(format string, args ...any) {
		if s.Note != nil {
			s.Note(fmt.Sprintf(format, args...))
		}
	}
	err = sp.usePack(set, name, want)
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		note("%s: %s: packing %d images into %s", s.Path, sp.name, want.N, name)
	} else {
		note("%s: %s: packing %d images into %s anew: %v", s.Path, sp.name, want.N, name, cause(err))
	}
	if err := sp.makePack(set, name, want, s.Progress); err != nil {
		return err
	}
	if err := sp.usePack(set, name, want); err != nil {
		return &Error{Path: name, Err: cause(err)}
	}
	return nil
}

// packHeader returns the header that the pack of sp must have, but for what is
// skipped. Its key is the digest of the settings and of name, length and time of
// change of each file.
func (sp *split) packHeader(s Source) (packHeader, error) {
	stats, err := sp.stats()
	if err != nil {
		return packHeader{}, err
	}
	h, w := sp.shape.held()
	hash := sha256.New()
	fmt.Fprintf(hash, "%s 1 %d %d %d %d %v\n", packMagic, sp.channels, h, w, sp.shape.h, s.SkipBad)
	for i, p := range sp.pictures {
		fmt.Fprintf(hash, "%q %d %d\n", p.file, stats[i].length, stats[i].changed.UnixNano())
	}
	return packHeader{Key: hex.EncodeToString(hash.Sum(nil)), N: len(sp.pictures), C: sp.channels, H: h, W: w}, nil
}

// packName returns the file that the pack of sp is kept in. Another set, or
// other settings, have another; what changes in the files has not, so that the
// pack is replaced.
func (sp *split) packName(s Source) (string, error) {
	dir := s.CacheDir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("dataset: no folder for caches (%w); give cache_dir", err)
		}
		dir = filepath.Join(base, "gputrain")
	}
	full, err := filepath.Abs(s.Path)
	if err != nil {
		return "", &Error{Path: s.Path, Err: err}
	}
	h, _ := sp.shape.held()
	limit := s.TrainImages
	if sp.name == "test" {
		limit = s.TestImages
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %d %d %v", full, sp.channels, h, sp.shape.h, limit, s.SkipBad))
	base := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(full), ".gz"), ".tar")
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%dx%d-%x.pack", base, sp.name, sp.channels, h, id[:8])), nil
}

// usePack makes set the images of a pack that is as wanted.
func (sp *split) usePack(set *Set, name string, want packHeader) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	skipped, sums, err := readPack(f, info.Size(), want)
	if err != nil {
		return err
	}
	if len(skipped) > 0 && set.skips == nil {
		return errors.New("it leaves out images")
	}
	good := make([]bool, want.N)
	for i := range good {
		good[i] = true
	}
	for _, skip := range skipped {
		good[skip.Image] = false
		set.skips.add(sp.pictures[skip.Image].file, errors.New(skip.Reason))
	}
	if err := sp.checkClasses(set, good); err != nil {
		return err
	}
	p := &pack{f: f, c: want.C, h: want.H, w: want.W, sums: sums, files: sp.pictures}
	set.Labels = nil
	for i, ok := range good {
		if ok {
			p.slots = append(p.slots, int32(i))
			set.Labels = append(set.Labels, sp.pictures[i].label)
		}
	}
	set.held = p
	d := set.digest(want.C, want.H, want.W)
	for _, slot := range p.slots {
		d.Write(binary.LittleEndian.AppendUint32(nil, sums[slot]))
	}
	set.identity = hex.EncodeToString(d.Sum(nil))
	return nil
}

// readPack returns what a pack of the given length says of its images, if it is
// as wanted.
func readPack(r io.ReaderAt, length int64, want packHeader) (skipped []packSkip, sums []uint32, err error) {
	var prefix [packPrefix]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, nil, packReadError(err)
	}
	if string(prefix[:8]) != packMagic {
		return nil, nil, errors.New("it is not a pack, or one that was not finished")
	}
	images := int64(want.N) * int64(want.C*want.H*want.W)
	tail := packPrefix + images
	size := int64(binary.LittleEndian.Uint32(prefix[8:]))
	if wantLength := tail + 4*int64(want.N) + size; length != wantLength {
		return nil, nil, fmt.Errorf("it has %d bytes, want %d: it is of other images or settings, or cut short", length, wantLength)
	}
	if size > maxPackHeader {
		return nil, nil, fmt.Errorf("its header has %d bytes, want at most %d", size, maxPackHeader)
	}
	header := make([]byte, size)
	if _, err := r.ReadAt(header, tail+4*int64(want.N)); err != nil {
		return nil, nil, packReadError(err)
	}
	if crc32.Checksum(header, castagnoli) != binary.LittleEndian.Uint32(prefix[12:]) {
		return nil, nil, errors.New("its header is damaged")
	}
	var got packHeader
	d := json.NewDecoder(bytes.NewReader(header))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		return nil, nil, errors.New("its header is not one of a pack")
	}
	if got.Key != want.Key || got.N != want.N || got.C != want.C || got.H != want.H || got.W != want.W {
		return nil, nil, errors.New("the images or settings that it was made from have changed")
	}
	for i, skip := range got.Skipped {
		if skip.Image < 0 || skip.Image >= want.N || i > 0 && skip.Image <= got.Skipped[i-1].Image {
			return nil, nil, fmt.Errorf("it leaves out image %d of %d", skip.Image, want.N)
		}
	}
	table := make([]byte, 4*want.N)
	if _, err := r.ReadAt(table, tail); err != nil {
		return nil, nil, packReadError(err)
	}
	sums = make([]uint32, want.N)
	for i := range sums {
		sums[i] = binary.LittleEndian.Uint32(table[4*i:])
	}
	return got.Skipped, sums, nil
}

// makePack decodes the pictures of sp into a pack. It is written to another name
// beside it, and renamed when it is whole.
func (sp *split) makePack(set *Set, name string, h packHeader, progress func(string, int, int) error) (err error) {
	dir, base := filepath.Split(name)
	fault := func(err error) error { return &Error{Path: name, Err: cause(err)} }
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fault(err)
	}
	removeAbandoned(dir, base)
	f, err := os.CreateTemp(dir, base+".*.tmp")
	if err != nil {
		return fault(err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	size := int64(h.C * h.H * h.W)
	sums := make([]byte, 4*h.N)
	good, err := sp.each(set, progress, func(i int, b *bitmap) error {
		binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(b.pix, castagnoli))
		if _, err := f.WriteAt(b.pix, packPrefix+int64(i)*size); err != nil {
			return fault(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(set.Skipped()) > 0 {
		reasons := make(map[string]string)
		for _, skip := range set.Skipped() {
			reasons[skip.File] = skip.Err.Error()
		}
		for i, ok := range good {
			if !ok {
				h.Skipped = append(h.Skipped, packSkip{i, reasons[sp.pictures[i].file]})
			}
		}
	}
	header, err := json.Marshal(h)
	if err != nil {
		return fault(err)
	}
	if len(header) > maxPackHeader {
		return fault(fmt.Errorf("%d images cannot be decoded, too many to note", len(h.Skipped)))
	}
	prefix := []byte(packMagic)
	prefix = binary.LittleEndian.AppendUint32(prefix, uint32(len(header)))
	prefix = binary.LittleEndian.AppendUint32(prefix, crc32.Checksum(header, castagnoli))
	tail := packPrefix + int64(h.N)*size
	for _, part := range []struct {
		data []byte
		at   int64
	}{{sums, tail}, {header, tail + int64(len(sums))}, {prefix, 0}} {
		if _, err := f.WriteAt(part.data, part.at); err != nil {
			return fault(err)
		}
	}
	if err := f.Chmod(0o644); err != nil {
		return fault(err)
	}
	if err := f.Sync(); err != nil {
		return fault(err)
	}
	if err := f.Close(); err != nil {
		return fault(err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fault(err)
	}
	return nil
}

// removeAbandoned removes what runs that were killed have left of a pack in the
// making. What is in the making is written to all the time, and stays.
func removeAbandoned(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // making the pack will say why
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), base+".") || !strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > packAbandoned {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
