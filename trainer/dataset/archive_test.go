package dataset

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestArchiveCutShort cuts an archive at many places. Each is an error, and
// never a smaller set.
func TestArchiveCutShort(t *testing.T) {
	whole, err := os.ReadFile(smallCIFAR10.archive(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 9, 10, 11, 100, len(whole) / 2, len(whole) - 100, len(whole) - 9, len(whole) - 8, len(whole) - 1} {
		path := save(t, "set.tar.gz", whole[:n])
		_, _, err := Open(Source{Name: "cifar10", Path: path})
		wantError(t, err, path, "data archive cut short")
	}
}

func TestArchiveDamaged(t *testing.T) {
	whole, err := os.ReadFile(smallCIFAR10.archive(t))
	if err != nil {
		t.Fatal(err)
	}
	checksum := bytes.Clone(whole)
	checksum[len(checksum)-5]++
	body := bytes.Clone(whole)
	for i := len(body) / 3; i < len(body)/3+50; i++ {
		body[i] ^= 0xff
	}
	for name, data := range map[string][]byte{"checksum": checksum, "body": body, "no tar": zip(t, bytes.Repeat([]byte("hello"), 1000))} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Open(Source{Name: "cifar10", Path: save(t, "set.tar.gz", data)})
			wantError(t, err, "damaged")
		})
	}
	_, _, err = Open(Source{Name: "cifar10", Path: save(t, "set.tar", smallCIFAR10.tar(t))})
	wantError(t, err, "neither a folder nor a .tar.gz")
	_, _, err = Open(Source{Name: "cifar10", Path: filepath.Join(t.TempDir(), "missing")})
	wantError(t, err, "missing", "no such file")
}

// TestArchiveBounds builds archives that promise, or are, too much.
func TestArchiveBounds(t *testing.T) {
	lim := limits{depth: 4, entries: 5, file: 1000, total: 2500}
	all := func(string) bool { return true }
	read := func(t *testing.T, archive []byte) (*tree, error) {
		tr := &tree{path: "set"}
		err := tr.readTar(bytes.NewReader(archive), all, lim)
		return tr, err
	}
	full := func(n int) []byte { return make([]byte, n) }

	good, err := read(t, files{"a/b": full(1000), "./c": full(1000), "d/": nil}.tar(t))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(good.files)
	slices.Sort(good.dirs)
	if !slices.Equal(good.files, []string{"a/b", "c"}) || !slices.Equal(good.dirs, []string{"a", "d"}) {
		t.Errorf("files %v, folders %v", good.files, good.dirs)
	}

	many := files{}
	for i := range 6 {
		many[fmt.Sprint(i)] = full(1)
	}
	// A header that promises 2⁴⁰ bytes, and no data behind it.
	var promise bytes.Buffer
	if err := tar.NewWriter(&promise).WriteHeader(&tar.Header{Name: "big", Mode: 0o644, Size: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"file", files{"a": full(1001)}.tar(t), "a: 1001 bytes, want at most 1000"},
		{"total", files{"a": full(1000), "b": full(1000), "c": full(501)}.tar(t), "c: the files of the archive exceed 2500 bytes"},
		{"entries", many.tar(t), "more than 5 entries"},
		{"promise", promise.Bytes(), "big: the files of the archive exceed"},
		{"parent", files{"../a": full(1)}.tar(t), `"../a" leads out`},
		{"parent inside", files{"a/../../b": full(1)}.tar(t), "leads out"},
		{"absolute", files{"/etc/passwd": full(1)}.tar(t), `"/etc/passwd" leads out`},
		{"backslash", files{`..\a`: full(1)}.tar(t), "leads out"},
		{"twice", files{"a": full(1), "./a": full(1)}.tar(t), "a: is twice in the archive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := read(t, c.archive); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestArchiveBomb reads 4 MB of zeros, compressed a thousandfold, in a file that
// no set keeps: the archive is refused all the same.
func TestArchiveBomb(t *testing.T) {
	path := files{"zeros": make([]byte, 4<<20)}.archive(t)
	_, _, err := Open(Source{Name: "cifar10", Path: path})
	wantError(t, err, path, "expand to more than")
}

// TestArchiveLinks passes over what is neither file nor folder.
func TestArchiveLinks(t *testing.T) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []*tar.Header{
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "hard", Typeflag: tar.TypeLink, Linkname: "file"},
		{Name: "pipe", Typeflag: tar.TypeFifo},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tr := new(tree)
	if err := tr.readTar(&buf, func(string) bool { return true }, folderLimits); err != nil {
		t.Fatal(err)
	}
	if len(tr.files)+len(tr.dirs) != 0 {
		t.Errorf("files %v, folders %v, want none", tr.files, tr.dirs)
	}
}

// A stall is a reader that fails after some bytes.
type stall struct{ n int }

var errStall = errors.New("stall")

func (s *stall) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, errStall
	}
	n := min(len(p), s.n, 13)
	s.n -= n
	return n, nil
}

func TestReadAll(t *testing.T) {
	for _, n := range []int{0, 1, 13, 4095, 4096} {
		for _, expected := range []int{0, n / 2, n, min(n+1, 4096), 4096} {
			data, err := readAll(bytes.NewReader(counting(n)), int64(expected), 4096)
			if err != nil || !bytes.Equal(data, counting(n)) {
				t.Errorf("%d bytes, %d expected: %d bytes, %v", n, expected, len(data), err)
			}
		}
	}
	if _, err := readAll(bytes.NewReader(counting(4097)), 0, 4096); err == nil {
		t.Error("4097 bytes pass a limit of 4096")
	}
	if _, err := readAll(bytes.NewReader(nil), 4097, 4096); err == nil {
		t.Error("4097 promised bytes pass a limit of 4096")
	}
	if _, err := readAll(&stall{20}, 0, 4096); !errors.Is(err, errStall) {
		t.Errorf("error %v, want %v", err, errStall)
	}
}

// TestFolderBounds lists folders that are too deep, too many, or a circle.
func TestFolderBounds(t *testing.T) {
	all := func(string) bool { return true }
	lim := limits{depth: 2, entries: 5, file: 10, total: 100}
	dir := files{"a/b/c/deep": []byte("x"), "a/file": []byte("x"), "long": make([]byte, 11)}.folder(t)
	tr, err := openTree(dir, all, lim)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a/file", "long"}; !slices.Equal(tr.files, want) {
		t.Errorf("files %v, want %v", tr.files, want)
	}
	_, err = tr.load("long")
	wantError(t, err, dir, "long", "11 bytes, want at most 10")

	circle := files{"a/file": []byte("x")}.folder(t)
	if err := os.Symlink(circle, filepath.Join(circle, "a", "again")); err != nil {
		t.Skip("no symbolic links here")
	}
	if _, err = openTree(circle, all, limits{depth: 100, entries: 20, file: 10}); err == nil {
		t.Error("a circle of links has an end")
	}
	if _, err := openTree(circle, all, limits{depth: 4, entries: 20, file: 10}); err != nil {
		t.Errorf("links: %v", err)
	}
}

// repair makes a valid checksum of each block of an archive that is not zero, so
// that a changed header is still looked at.
func repair(archive []byte) []byte {
	archive = bytes.Clone(archive)
	for at := 0; at+512 <= len(archive); at += 512 {
		block := archive[at:][:512]
		if bytes.Count(block, []byte{0}) == 512 {
			continue
		}
		copy(block[148:156], "        ")
		sum := 0
		for _, b := range block {
			sum += int(b)
		}
		copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	}
	return archive
}

// FuzzTar reads archives under small limits.
func FuzzTar(f *testing.F) {
	f.Add(smallIDX.tar(f))
	f.Add(files{"train/a/1.png": pngOf(f, plain(2, 2, color.Black))}.tar(f))
	f.Add(files{"../x": []byte("x"), "d/": nil}.tar(f))
	f.Add(smallIDX.tar(f)[:700])
	f.Add(files{strings.Repeat("long/", 60): nil, strings.Repeat("é", 70): []byte("x")}.tar(f)) // PAX records
	lim := limits{depth: 4, entries: 100, file: 1 << 10, total: 4 << 10}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := new(tree)
		if err := tr.readTar(bytes.NewReader(repair(data)), func(string) bool { return true }, lim); err != nil {
			return
		}
		total := 0
		for _, name := range tr.files {
			content, err := tr.load(name)
			if err != nil || len(content) > 1<<10 {
				t.Fatalf("%s: %d bytes, %v", name, len(content), err)
			}
			if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
				t.Fatalf("name %q", name)
			}
			total += len(content)
		}
		if total > 4<<10 {
			t.Fatalf("%d bytes in memory", total)
		}
	})
}

// FuzzGunzip expands what may not be gzip, to a bounded size.
func FuzzGunzip(f *testing.F) {
	f.Add(zip(f, counting(100)))
	f.Add(zip(f, make([]byte, 10000)))
	f.Add(zip(f, nil)[:5])
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := expand(data, 4<<10)
		if err == nil && len(out) > 4<<10 {
			t.Fatalf("%d bytes", len(out))
		}
		if err != nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			t.Fatalf("error without words: %v", err)
		}
	})
}
