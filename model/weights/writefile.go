package weights

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFile writes f to path, as [WritePTH] does if the name ends in .pth or
// .pt, else as safetensors, in one piece or not at all: to a temporary file in
// the same folder, which is synced and then renamed. Whatever fails, and
// whenever the machine stops, path holds its former content or the new one.
func WriteFile(path string, f *File) error {
	write := Write
	if IsPTH(path) {
		write = WritePTH
	}
	return replaceFile(path, func(w io.Writer) error { return write(w, f) })
}

// replaceFile gives path the content that write produces.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	tmp, err := createTemporary(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close() // a second Close does no harm
			os.Remove(tmp.Name())
		}
	}()
	if err := write(tmp); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// createTemporary makes a new file beside path. Its permissions are those of
// an ordinary file, which os.CreateTemp would not give it.
func createTemporary(path string) (*os.File, error) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s.%d-%d.tmp", path, os.Getpid(), i)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !os.IsExist(err) || i == 999 {
			return f, err
		}
	}
}

// syncFolder makes a rename in dir last through a power failure.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
