package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A tree is the files of a data set: those of a folder, or those of an archive,
// which are held in memory. Names are slash-separated and relative to the
// folder or to the top of the archive.
type tree struct {
	path  string   // what the user named
	files []string // sorted
	dirs  []string // sorted
	read  func(name string) ([]byte, error)
	stat  func(name string) (fileStat, error)

	content map[string][]byte // of the files of an archive
}

// A fileStat is what is known of a file without reading it.
type fileStat struct {
	length  int64
	changed time.Time
}

// limits bound what a tree may cost. Real data sets stay far below.
type limits struct {
	depth   int   // of folders in folders
	entries int   // files and folders
	file    int64 // bytes of one file
	total   int64 // bytes of all files that an archive holds in memory
}

// Limits of the formats.
var (
	cifarLimits  = limits{depth: 2, entries: 10_000, file: 1 << 30, total: 4 << 30}
	idxLimits    = limits{depth: 2, entries: 10_000, file: 1 << 30, total: 4 << 30}
	folderLimits = limits{depth: 16, entries: 4 << 20, file: 64 << 20, total: 4 << 30}
)

// maxSetBytes bounds the decoded images of one split.
const maxSetBytes = 16 << 30

// openTree lists the folder or .tar.gz at the path. Only files that keep names
// are listed, or read into memory.
func openTree(root string, keep func(name string) bool, lim limits) (*tree, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, &Error{Path: root, Err: cause(err)}
	}
	t := &tree{path: root}
	if info.IsDir() {
		t.read = func(name string) ([]byte, error) {
			return readFile(filepath.Join(root, filepath.FromSlash(name)), lim.file)
		}
		t.stat = func(name string) (fileStat, error) {
			info, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil {
				return fileStat{}, cause(err)
			}
			return fileStat{info.Size(), info.ModTime()}, nil
		}
		err = t.list("", keep, lim)
	} else {
		err = t.readArchive(keep, lim)
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, &Error{Path: root, Err: err}
	}
	slices.Sort(t.files)
	slices.Sort(t.dirs)
	return t, nil
}

// list adds what lies in folder dir, and below. Symbolic links are followed;
// the bound on depth ends a circle of them.
func (t *tree) list(dir string, keep func(name string) bool, lim limits) error {
	entries, err := os.ReadDir(filepath.Join(t.path, filepath.FromSlash(dir)))
	if err != nil {
		return t.fault(dir, cause(err))
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		isDir := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(t.path, filepath.FromSlash(name)))
			if err != nil {
				return t.fault(name, cause(err))
			}
			isDir = info.IsDir()
		}
		if len(t.files)+len(t.dirs) >= lim.entries {
			return &Error{Path: t.path, Err: fmt.Errorf("more than %d files; is this the folder of the data set?", lim.entries)}
		}
		switch {
		case isDir:
			t.dirs = append(t.dirs, name)
			if strings.Count(name, "/")+1 <= lim.depth {
				if err := t.list(name, keep, lim); err != nil {
					return err
				}
			}
		case keep(name):
			t.files = append(t.files, name)
		}
	}
	return nil
}

// readFile returns the content of a file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return readAll(f, info.Size(), limit)
}

// readAll reads r to its end. It takes memory for what comes, not for what is
// promised, and no more than limit bytes: the expected size, if sane, only
// saves copying.
func readAll(r io.Reader, expected, limit int64) ([]byte, error) {
	if expected > limit {
		return nil, fmt.Errorf("%d bytes, want at most %d", expected, limit)
	}
	const trusted = 1 << 20
	data := make([]byte, 0, min(max(expected, 0), trusted)+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if int64(len(data)) > limit {
			return nil, fmt.Errorf("more than %d bytes", limit)
		}
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, len(data))
		}
	}
}

// load returns the content of a file of t.
func (t *tree) load(name string) ([]byte, error) {
	data, err := t.read(name)
	if err != nil {
		return nil, t.fault(name, err)
	}
	return data, nil
}

// glob returns the files whose base names match a pattern of [path.Match].
func (t *tree) glob(pattern string) (names []string) {
	for _, name := range t.files {
		if ok, _ := path.Match(pattern, path.Base(name)); ok {
			names = append(names, name)
		}
	}
	return names
}

// fault says that err is wrong with the file or folder of the given name.
func (t *tree) fault(name string, err error) error {
	return &Error{Path: t.path, Entry: name, Err: err}
}

// cause returns what is wrong, without the name that [os.PathError] adds: an
// [Error] names the file.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
