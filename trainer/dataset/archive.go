package dataset

import (
	"archive/tar"
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Compressed data may expand to so many times its size, and this much more. The
// archives of data sets stay below 20; deflate itself can reach 1,032.
const (
	maxExpansion    = 100
	expansionMargin = 1 << 20
)

var errCutShort = errors.New("data archive cut short; fetch it again")

// readArchive fills t from the .tar.gz at its path.
func (t *tree) readArchive(keep func(name string) bool, lim limits) error {
	f, err := os.Open(t.path)
	if err != nil {
		return cause(err)
	}
	defer f.Close()
	z, err := gunzip(f)
	if errors.Is(err, gzip.ErrHeader) {
		return errors.New("neither a folder nor a .tar.gz")
	}
	if err != nil {
		return archiveError(err)
	}
	if err := t.readTar(z, keep, lim); err != nil {
		return err
	}
	// What follows the end of a tar is padding. To read it is to have the
	// checksum of the whole verified.
	_, err = io.Copy(io.Discard, z)
	return archiveError(err)
}

// readTar fills t from an uncompressed archive.
//
// Nothing is written to disk; a name that leads out of the archive is still
// refused, for an archive that has one was not made in good faith. Links and
// devices are passed over.
func (t *tree) readTar(r io.Reader, keep func(name string) bool, lim limits) error {
	content := make(map[string][]byte)
	changed := make(map[string]time.Time)
	dirs := make(map[string]bool)
	left := lim.total
	tr := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return archiveError(err)
		}
		if n >= lim.entries {
			return fmt.Errorf("more than %d entries", lim.entries)
		}
		name := path.Clean(h.Name)
		if name == "." {
			continue
		}
		if !fs.ValidPath(name) || strings.Contains(name, `\`) {
			return fmt.Errorf("entry %q leads out of the archive", h.Name)
		}
		// Archives need not list the folders of their files.
		inside := path.Dir(name)
		if h.Typeflag == tar.TypeDir {
			inside = name
		}
		for d := inside; d != "." && !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
		}
		if h.Typeflag == tar.TypeReg && keep(name) {
			if _, ok := content[name]; ok {
				return t.fault(name, errors.New("is twice in the archive"))
			}
			if h.Size > left {
				return t.fault(name, fmt.Errorf("the files of the archive exceed %d bytes", lim.total))
			}
			data, err := readAll(tr, h.Size, lim.file)
			if err != nil {
				return t.fault(name, archiveError(err))
			}
			left -= int64(len(data))
			content[name], changed[name] = data, h.ModTime
		}
	}
	for name := range content {
		t.files = append(t.files, name)
	}
	for name := range dirs {
		t.dirs = append(t.dirs, name)
	}
	t.content = content
	t.read = func(name string) ([]byte, error) { return content[name], nil }
	t.stat = func(name string) (fileStat, error) { return fileStat{int64(len(content[name])), changed[name]}, nil }
	return nil
}

// gunzip returns the expanded content of r. Reading it fails when it expands
// beyond reason.
func gunzip(r io.Reader) (io.Reader, error) {
	in := &counter{r: r}
	z, err := gzip.NewReader(bufio.NewReaderSize(in, 64<<10))
	if err != nil {
		return nil, err
	}
	return &bounded{counter{r: z}, in}, nil
}

// A counter counts the bytes that are read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded reads expanded data, and fails once they are out of proportion to
// the compressed data that they came from.
type bounded struct {
	counter
	compressed *counter
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.counter.Read(p)
	if limit := maxExpansion*b.compressed.n + expansionMargin; b.n > limit {
		return 0, fmt.Errorf("%d compressed bytes expand to more than %d; not a data set", b.compressed.n, limit)
	}
	return n, err
}

// archiveError puts into words what a reader of gzip or tar reports.
func archiveError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errCutShort
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("data archive damaged (%w); fetch it again", err)
	}
	return err
}
