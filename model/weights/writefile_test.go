package weights

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteFileFailure breaks off a write at every length: the former file
// stays as it was, and nothing else lies beside it.
func TestWriteFileFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "last.safetensors")
	if err := WriteFile(path, example()); err != nil {
		t.Fatal(err)
	}
	former, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := example()
	next.Metadata["note"] = "makes it longer than the former file"
	for n := range len(former) {
		err := replaceFile(path, func(w io.Writer) error { return Write(&fullDisk{w, n}, next) })
		if !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: error %v, want %v", n, err, errFull)
		}
		now, err := os.ReadFile(path)
		if err != nil || string(now) != string(former) {
			t.Fatalf("after %d bytes: the former file is lost (%v)", n, err)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder holds %v", list)
	}
	if err := WriteFile(path, &File{Tensors: []Tensor{{Name: "a", DType: "?"}}}); err == nil {
		t.Error("a tensor of unknown type was written")
	}
	if now, _ := os.ReadFile(path); string(now) != string(former) {
		t.Error("the former file is lost to a tensor of unknown type")
	}
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "best.safetensors")
	for _, v := range []float32{1, 2} {
		if err := WriteFile(path, &File{Tensors: []Tensor{FromFloat32("a", nil, []float32{v})}}); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := f.Get("a")
		if got, _ := a.Float32(); got[0] != v {
			t.Errorf("a = %v, want %v", got, v)
		}
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("the folder holds %v", list)
	}
	if err := WriteFile(filepath.Join(dir, "none", "a.safetensors"), new(File)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder gives %v", err)
	}
	if _, err := ReadFile(dir); err == nil {
		t.Error("a folder was read")
	}
}
