package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/nlpodyssey/gopickle/types"
)

// legacyMagic is the integer that the first pickle of a legacy file holds, and
// legacyVersion that of the second.
var legacyMagic = []byte{0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19} // little-endian

const legacyVersion = 1001

// legacyPickles bounds the bytes that the pickles of a legacy file take: that of
// the state dict and, of the same order, that of the keys of its storages.
const legacyPickles = 2*maxPickle + 1<<10

// isLegacy reports whether a file begins with the first pickle of the legacy
// form, of any protocol: PROTO, perhaps FRAME, LONG1.
func isLegacy(head []byte) bool {
	i := bytes.Index(head[:min(len(head), 32)], append([]byte{0x8a, byte(len(legacyMagic))}, legacyMagic...))
	return len(head) > 2 && head[0] == 0x80 && (i == 2 || i == 11)
}

// readLegacy reads the form of before PyTorch 1.6, pickles one behind the
// other:
//
//	magic number, version
//	dictionary  "little_endian" and others
//	state dict  tensors referring to storages by key
//	list        of the keys
//
// and then for each key of the list the number of elements (int64,
// little-endian) and the elements.
func readLegacy(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, min(size, legacyPickles))
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	at := 0
	next := func() (any, error) {
		v, n, err := new(unpickler).run(head[at:])
		at += n
		return v, err
	}
	magic, err := next()
	if err != nil {
		return nil, err
	}
	if n, ok := magic.(*big.Int); !ok || n.Cmp(littleEndian(legacyMagic)) != 0 {
		return nil, errors.New("not the magic number of torch.save")
	}
	version, err := next()
	if err != nil {
		return nil, err
	}
	if n, _ := version.(int); n != legacyVersion {
		return nil, fmt.Errorf("version %d of the legacy form, want %d", n, legacyVersion)
	}
	system, err := next()
	if err != nil {
		return nil, err
	}
	settings, _, _ := pairs(system)
	if lookup(settings, "little_endian") != true {
		return nil, errors.New("the elements are not little-endian")
	}

	storages := storageTable{}
	root, n, err := unpickleState(head[at:], storages, func(string) (int64, error) { return size, nil })
	if err != nil {
		return nil, err
	}
	at += n
	keys, err := next()
	if err != nil {
		return nil, err
	}
	places, err := legacyPlaces(r, size, int64(at), keys, storages)
	if err != nil {
		return nil, err
	}
	f, list, err := fromState(root)
	if err != nil {
		return nil, err
	}
	f.Format = FormatLegacy
	f.Tensors, err = readTensors(list, func(s *storageRef) ([]byte, error) {
		b := make([]byte, s.bytes())
		return b, readAt(r, b, places[s.key])
	})
	return f, err
}

// legacyPlaces returns where the elements of each storage begin, the first
// record being at byte at. The records must fill the file.
func legacyPlaces(r io.ReaderAt, size, at int64, keys any, storages storageTable) (map[string]int64, error) {
	list, ok := keys.(*types.List)
	if !ok {
		return nil, errors.New("no list of the keys of storages")
	}
	places := make(map[string]int64)
	for _, k := range *list {
		key, _ := k.(string)
		s := storages[key]
		if s == nil {
			return nil, fmt.Errorf("storage %.40q belongs to no tensor", key)
		}
		if _, twice := places[key]; twice {
			return nil, fmt.Errorf("storage %.40q appears twice", key)
		}
		var numel [8]byte
		if err := readAt(r, numel[:], at); err != nil {
			return nil, fmt.Errorf("storage %.40q: %w: cut short?", key, err)
		}
		at += int64(len(numel))
		if n := binary.LittleEndian.Uint64(numel[:]); n != uint64(s.numel) {
			return nil, fmt.Errorf("storage %.40q has %d elements where it stands, want %d", key, n, s.numel)
		}
		if s.bytes() > size-at {
			return nil, fmt.Errorf("storage %.40q of %d × %s is larger than the %d bytes that the file has for it: cut short?", key, s.numel, s.dtype, size-at)
		}
		places[key] = at
		at += s.bytes()
	}
	for key := range storages {
		if _, ok := places[key]; !ok {
			return nil, fmt.Errorf("storage %.40q is not in the file", key)
		}
	}
	if at != size {
		return nil, fmt.Errorf("the storages end at byte %d of %d", at, size)
	}
	return places, nil
}

// littleEndian returns the integer of these bytes.
func littleEndian(b []byte) *big.Int {
	n := new(big.Int)
	for i := len(b) - 1; i >= 0; i-- {
		n.Lsh(n, 8).Or(n, big.NewInt(int64(b[i])))
	}
	return n
}
