package weights

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Format is a way to write tensors to a file.
type Format string

const (
	FormatSafetensors Format = "safetensors"
	FormatZip         Format = "pth"        // torch.save since PyTorch 1.6
	FormatLegacy      Format = "legacy pth" // torch.save before
)

// A File is the content of a file of tensors.
type File struct {
	Tensors  []Tensor
	Metadata map[string]string

	// What reading found, nothing where the file was not read: the format, and
	// in a line each what was assumed and left out, to be told to the user.
	Format Format
	Notes  []string
}

// Get returns the tensor of the given name.
func (f *File) Get(name string) (Tensor, bool) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// A FileError is what is wrong with the content of a file.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// ReadFile reads the file of tensors at path. It returns a [FileError] where
// the content is at fault.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &FileError{path, errors.New("not a regular file")}
	}
	file, err := Read(f, info.Size())
	if err != nil {
		return nil, &FileError{path, err}
	}
	return file, nil
}

// Read reads a file of size bytes, in whichever format its first bytes say it
// is. The tensors are in the order of a .pth file's state dict, or of the data
// of safetensors. Names lose the prefixes that wrappers of modules put before
// them; what [ForPyTorch] put into the metadata is a tensor again.
//
// Tensors may share memory, as they may in a .pth file: it must not be
// modified.
func Read(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, min(size, 32))
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	format, err := sniff(head)
	if err != nil {
		return nil, err
	}
	var f *File
	switch format {
	case FormatZip:
		f, err = readZip(r, size)
	case FormatLegacy:
		f, err = readLegacy(r, size)
	default:
		f, err = readSafetensors(r, size)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	f.Format = format
	f.stripPrefixes()
	if err := f.restoreQuantizers(); err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	return f, f.checkNames()
}

// sniff tells a format by the first bytes of a file: safetensors is what is
// none of the others, and its reader may yet refuse it.
func sniff(head []byte) (Format, error) {
	switch {
	case isZip(head):
		return FormatZip, nil
	case isLegacy(head):
		return FormatLegacy, nil
	case isPickle(head):
		return "", errors.New("a Python pickle, but none of PyTorch: write it by torch.save(model.state_dict(), FILE)")
	}
	return FormatSafetensors, nil
}

// isPickle reports whether a file begins with the operation PROTO of Python's
// pickle, and not with the length of a safetensors header, behind which a
// brace stands.
func isPickle(head []byte) bool {
	return len(head) > 1 && head[0] == 0x80 && head[1] <= 5 && (len(head) < 9 || head[8] != '{')
}

// checkNames reports names that the formats cannot hold.
func (f *File) checkNames() error {
	seen := map[string]bool{metadataName: true}
	for _, t := range f.Tensors {
		if !utf8.ValidString(t.Name) {
			return fmt.Errorf("tensor %.80q: the name is not UTF-8", t.Name)
		}
		if seen[t.Name] {
			return fmt.Errorf("tensor %.80q: the name is taken", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

// IsPTH reports whether a path is, by its suffix, that of a PyTorch file.
func IsPTH(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pth", ".pt":
		return true
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
