package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

const (
	// maxDirectory bounds the directory of an archive in bytes: some hundred
	// thousand records.
	maxDirectory = 16 << 20

	// An archive may hold maxExpansion times the bytes of its file, beside
	// freeExpansion. torch.save does not compress; who packs weights again gains
	// little, but deflate can claim a thousandfold.
	maxExpansion  = 8
	freeExpansion = 1 << 20
)

// An archive is the zip form of a .pth file (PyTorch 1.6 and later):
//
//	NAME/data.pkl      the state dict, tensors referring to storages by key
//	NAME/data/KEY      the elements of a storage
//	NAME/byteorder     "little" (since 2.1)
//	NAME/version       not looked at
//
// NAME is any.
type archive struct {
	records map[string]*zip.File // by name less NAME/
	pickle  *zip.File
}

// readZip reads the zip form.
func readZip(r io.ReaderAt, size int64) (*File, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	b, err := a.read(a.pickle, maxPickle)
	if err != nil {
		return nil, err
	}
	root, _, err := unpickleState(b, storageTable{}, func(key string) (int64, error) {
		f, ok := a.records["data/"+key]
		if !ok {
			return 0, fmt.Errorf("the archive has no record data/%.40s: cut short?", key)
		}
		return int64(f.UncompressedSize64), nil
	})
	if err != nil {
		return nil, err
	}
	f, list, err := fromState(root)
	if err != nil {
		return nil, err
	}
	f.Format = FormatZip
	f.Tensors, err = readTensors(list, func(s *storageRef) ([]byte, error) {
		record := a.records["data/"+s.key]
		if record.UncompressedSize64 != uint64(s.bytes()) {
			return nil, fmt.Errorf("record %s of %d bytes, want %d for %d × %s", record.Name, record.UncompressedSize64, s.bytes(), s.numel, s.dtype)
		}
		return a.read(record, s.bytes())
	})
	return f, err
}

// openArchive reads the directory. It holds the sizes of the records against
// that of the file, together, as records of a hostile file may overlap.
func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	limited := &limitedReaderAt{r: r, left: maxDirectory}
	z, err := zip.NewReader(limited, size)
	if err != nil {
		if limited.left < 0 {
			return nil, fmt.Errorf("an archive whose directory is over %d bytes", maxDirectory)
		}
		return nil, fmt.Errorf("%w: cut short?", err)
	}
	limited.left = math.MaxInt64
	a := &archive{records: make(map[string]*zip.File)}
	left, claims := uint64(size), maxExpansion*uint64(size)+freeExpansion
	var top string
	for _, f := range z.File {
		if f.CompressedSize64 > left {
			return nil, fmt.Errorf("record %.80q of %d bytes, more than the file has left for it", f.Name, f.CompressedSize64)
		}
		left -= f.CompressedSize64
		switch f.Method {
		case zip.Store:
			if f.UncompressedSize64 != f.CompressedSize64 {
				return nil, fmt.Errorf("record %.80q is stored, yet %d bytes become %d", f.Name, f.CompressedSize64, f.UncompressedSize64)
			}
		case zip.Deflate:
			if f.UncompressedSize64 > claims {
				return nil, fmt.Errorf("record %.80q claims that %d bytes become %d: an archive may grow %d-fold", f.Name, f.CompressedSize64, f.UncompressedSize64, maxExpansion)
			}
			claims -= f.UncompressedSize64
		default:
			return nil, fmt.Errorf("record %.80q is compressed by method %d, want stored or deflated", f.Name, f.Method)
		}
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		name, rest, ok := strings.Cut(f.Name, "/")
		if !ok {
			return nil, fmt.Errorf("record %.80q is in no folder: a zip archive, but none of torch.save", f.Name)
		}
		if top == "" {
			top = name
		}
		if name != top {
			return nil, fmt.Errorf("records in folders %.40q and %.40q: a zip archive, but none of torch.save", top, name)
		}
		if a.records[rest] != nil {
			return nil, fmt.Errorf("record %.80q appears twice", f.Name)
		}
		a.records[rest] = f
	}
	if a.records["constants.pkl"] != nil {
		return nil, errors.New("a TorchScript program: save its tensors alone by torch.save(model.state_dict(), FILE)")
	}
	if a.pickle = a.records["data.pkl"]; a.pickle == nil {
		return nil, errors.New("a zip archive without data.pkl, none of torch.save")
	}
	return a, a.checkByteOrder()
}

// checkByteOrder reports a file of a big-endian machine.
func (a *archive) checkByteOrder() error {
	f := a.records["byteorder"]
	if f == nil {
		return nil
	}
	b, err := a.read(f, 16)
	if err == nil && string(b) != "little" {
		err = fmt.Errorf("byte order %q, want little", b)
	}
	return err
}

// read returns the content of a record of at most most bytes, and holds it
// against the record's checksum.
func (a *archive) read(f *zip.File, most int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(most) {
		return nil, fmt.Errorf("record %.80q of %d bytes, want at most %d", f.Name, f.UncompressedSize64, most)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("record %.80q: %w", f.Name, err)
	}
	defer r.Close()
	b := make([]byte, f.UncompressedSize64)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("record %.80q: %w: cut short?", f.Name, err)
	}
	// The checksum is looked at where the content ends.
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		if err == nil {
			err = errors.New("longer than it claims")
		}
		return nil, fmt.Errorf("record %.80q: %w", f.Name, err)
	}
	return b, nil
}

// limitedReaderAt reads at most left bytes.
type limitedReaderAt struct {
	r    io.ReaderAt
	left int64
}

func (l *limitedReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("too much to read")
	}
	return l.r.ReadAt(p, offset)
}

// isZip reports whether a file begins as a zip archive with a record.
func isZip(head []byte) bool { return strings.HasPrefix(string(head), "PK\x03\x04") }
