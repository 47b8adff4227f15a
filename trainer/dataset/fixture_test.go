package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shared returns the path of a file of the shared data, or skips the test where
// that is not at hand.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("GPUTRAIN_SHARED")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(filepath.Dir(dir), "shared")
				break
			}
			if dir == filepath.Dir(dir) {
				t.Fatal("no go.mod above the test")
			}
			dir = filepath.Dir(dir)
		}
	}
	name := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(name); err != nil {
		if os.Getenv("GPUTRAIN_REQUIRE_SHARED") != "" {
			t.Fatal(err)
		}
		t.Skipf("shared data not at hand: %v", err)
	}
	return name
}

// files are the contents of a folder, or of an archive, by name. A name that
// ends in a slash is a folder.
type files map[string][]byte

// with returns f with some files replaced; a nil content removes one.
func (f files) with(changes files) files {
	g := maps.Clone(f)
	for name, data := range changes {
		if data == nil {
			delete(g, name)
		} else {
			g[name] = data
		}
	}
	return g
}

// folder writes f to a new folder.
func (f files) folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range f {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(full, 0o777); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tar returns f as an uncompressed archive.
func (f files) tar(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(f[name])), Typeflag: tar.TypeReg}
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// archive writes f to a new .tar.gz.
func (f files) archive(t testing.TB) string {
	t.Helper()
	return save(t, "set.tar.gz", zip(t, f.tar(t)))
}

// zip compresses data as gzip does.
func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// save writes data to a new file of the given name.
func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// plain returns a picture of one colour.
func plain(w, h int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, m); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// wantError checks that err is an Error in one line that says all of parts.
func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%[1]T), want an *Error", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// wantEqual checks that two sets agree in all but their names.
func wantEqual(t testing.TB, got, want *Set) {
	t.Helper()
	if got.C != want.C || got.H != want.H || got.W != want.W {
		t.Fatalf("shape %d×%d×%d, want %d×%d×%d", got.C, got.H, got.W, want.C, want.H, want.W)
	}
	if !slices.Equal(got.Classes, want.Classes) {
		t.Fatalf("classes %v, want %v", got.Classes, want.Classes)
	}
	if !slices.Equal(got.Labels, want.Labels) {
		t.Fatal("labels differ")
	}
	if !bytes.Equal(got.Images, want.Images) {
		t.Fatal("images differ")
	}
}

// at returns image i of a set in memory.
func (s *Set) at(i int) []uint8 {
	b, err := s.image(i, nil)
	if err != nil {
		panic(err)
	}
	return b.pix
}
