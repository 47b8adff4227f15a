package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// randomPicture returns an image of random pixels.
func randomPicture(w, h int, seed uint64) *image.NRGBA {
	b := noise(3, h, w, seed)
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, color.NRGBA{b.pix[i], b.pix[w*h+i], b.pix[2*w*h+i], 255})
	}
	return m
}

// variedFolder has images of many sizes: 12 to train on, in 3 classes, and 6 to
// test on.
func variedFolder(t testing.TB) files {
	f := files{}
	for i := range 18 {
		split := "train"
		if i >= 12 {
			split = "val"
		}
		m := randomPicture(9+5*(i%4), 10+3*(i%5), uint64(i))
		name, data := fmt.Sprintf("%s/%c/%02d.png", split, 'a'+i%3, i), pngOf(t, m)
		if i%5 == 2 {
			name, data = strings.Replace(name, "png", "JPEG", 1), jpegOf(t, m)
		}
		f[name] = data
	}
	return f
}

// opened opens a source, and closes its sets when the test is over.
func opened(t testing.TB, s Source) (train, test *Set) {
	t.Helper()
	train, test, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(train.Close(), test.Close()); err != nil {
			t.Error(err)
		}
	})
	return train, test
}

// TestStores checks that it makes no difference to a network where images are
// held, as long as they are cut around their centre: and for all that happens to
// the square that is held where that is in memory or in a pack.
func TestStores(t *testing.T) {
	small := variedFolder(t)
	for _, path := range []string{small.folder(t), small.archive(t)} {
		for _, s := range []Source{{Size: 8}, {Size: 8, Resize: 10, Channels: 1}, {Size: 7, TrainImages: 7, TestImages: 4}} {
			s.Name, s.Path = "folder", path
			memory, memoryTest := opened(t, s)
			s.Store, s.CacheDir = "packed", t.TempDir()
			packed, packedTest := opened(t, s)
			s.Store, s.CacheDir = "files", ""
			lazy, lazyTest := opened(t, s)

			if memory.Len() != min(12, max(s.TrainImages, 12*(1-min(s.TrainImages, 1)))) {
				t.Fatalf("%+v: %d images", s, memory.Len())
			}
			for _, set := range []*Set{packed, lazy} {
				if set.C != memory.C || set.H != s.Size || set.W != s.Size || !slices.Equal(set.Labels, memory.Labels) ||
					!slices.Equal(set.Classes, memory.Classes) || set.Images != nil {
					t.Fatalf("%+v: sets differ: %d×%d×%d, labels %v", s, set.C, set.H, set.W, set.Labels)
				}
			}
			measure := LoaderOptions{Batch: 4}
			want := walk(t, memoryTest, Pipeline{}, measure)
			wantBatches(t, "packed", walk(t, packedTest, Pipeline{}, measure), want)
			wantBatches(t, "files", walk(t, lazyTest, Pipeline{}, measure), want)

			train := LoaderOptions{Batch: 3, Shuffle: true, DropLast: true, Seed: 2, Workers: 2}
			for _, p := range []Pipeline{augmented, {Augment: []string{"resized-crop", "rotate", "jitter"}, Mixup: 0.3}} {
				wantBatches(t, "packed", walk(t, packed, p, train), walk(t, memory, p, train))
				want := walk(t, lazy, p, train)
				for _, train.Workers = range []int{1, 3} {
					wantBatches(t, "files", walk(t, lazy, p, train), want)
				}
			}
		}
	}
}

// TestFilesAgainstHand makes of one file, by hand, what a set that reads its
// files makes of it.
func TestFilesAgainstHand(t *testing.T) {
	small := variedFolder(t)
	train, _ := opened(t, Source{Name: "folder", Path: small.folder(t), Size: 8, Resize: 9, Store: "files"})
	p := Pipeline{Normalize: "none"}
	for n, b := range walk(t, train, p, LoaderOptions{Batch: 1}) {
		file := train.held.(*split).pictures[n].file
		var d decoder
		if err := d.decode(small[file], 3); err != nil {
			t.Fatal(err)
		}
		var r resizer
		var out bitmap
		w, h := scaledSize(d.picture.w, d.picture.h, 9)
		r.resize(&out, &d.picture, d.picture.bounds(), w, h, centred(w, h, 8, 8))
		if !bytes.Equal(pixels(t, b.X), out.pix) {
			t.Errorf("%s: differs", file)
		}
	}
}

// TestIdentity checks what the identity of a set depends on.
func TestIdentity(t *testing.T) {
	small := variedFolder(t)
	other := small.with(files{"train/a/00.png": pngOf(t, randomPicture(9, 10, 77))})
	more := small.with(files{"train/a/00.png": append(slices.Clone(small["train/a/00.png"]), 0)}) // longer, and the same image
	id := func(f files, s Source) string {
		s.Name, s.Path = "folder", f.folder(t)
		if s.Store == "packed" {
			s.CacheDir = t.TempDir()
		}
		train, _ := opened(t, s)
		return train.SHA256()
	}
	for _, s := range []Source{{Size: 8}, {Size: 8, Resize: 9}, {Size: 8, Store: "packed"}, {Size: 8, Store: "files"}} {
		base := id(small, s)
		if len(base) != 64 || id(small, s) != base {
			t.Errorf("%+v: identity %s, %s", s, base, id(small, s))
		}
		if s.Store != "files" && id(other, s) == base {
			t.Errorf("%+v: another image, and the same identity", s)
		}
		if (id(more, s) == base) == (s.Store == "files") {
			t.Errorf("%+v: a longer file of the same image: identity %s", s, id(more, s))
		}
		s.TrainImages = 5
		if id(small, s) == base {
			t.Errorf("%+v: fewer images, and the same identity", s)
		}
	}
}

// TestBytes counts the memory of sets.
func TestBytes(t *testing.T) {
	small := variedFolder(t)
	folder, archive := small.folder(t), small.archive(t)
	encoded := 0
	for name, data := range small {
		if strings.HasPrefix(name, "train/") {
			encoded += len(data)
		}
	}
	for _, c := range []struct {
		s    Source
		want int
	}{
		{Source{Path: folder}, 12 * 3 * 8 * 8}, {Source{Path: folder, Resize: 9}, 12 * 3 * 9 * 9}, {Source{Path: folder, Store: "files"}, 0},
		{Source{Path: archive, Store: "files"}, encoded}, {Source{Path: archive, Store: "packed", CacheDir: t.TempDir()}, 0},
	} {
		c.s.Name, c.s.Size = "folder", 8
		train, _ := opened(t, c.s)
		if got := train.Bytes(); got != int64(c.want)+4*12 {
			t.Errorf("%+v: %d bytes, want %d", c.s, got, c.want+4*12)
		}
	}
}

// TestFolderShape takes the size of the images from the first that has one.
func TestFolderShape(t *testing.T) {
	small := smallFolder(t)
	bad := files{"train/ant/1.png": []byte("bad"), "train/bee/b.PNG": small["train/bee/b.PNG"][:20]}
	bad["train/bee/c.png"] = small["train/bee/b.PNG"]
	path := small.with(bad).folder(t)
	train, _ := opened(t, Source{Name: "folder", Path: path, SkipBad: true})
	if train.H != 3 || train.W != 4 || train.Len() != 5 || len(train.Skipped()) != 2 {
		t.Errorf("%d images of %d×%d, %s", train.Len(), train.H, train.W, train.SkipReport())
	}
	_, _, err := Open(Source{Name: "folder", Path: path})
	wantError(t, err, "train/ant/1.png", "neither", "--skip-bad")

	// Of another size, or too large: no bad image, but a fault.
	for name, m := range map[string]image.Image{"train/ant/2.png": plain(5, 3, shade(1)), "train/ant/1.png": plain(maxEdge+1, 1, shade(1))} {
		_, _, err := Open(Source{Name: "folder", Path: small.with(files{name: pngOf(t, m)}).folder(t), SkipBad: true})
		wantError(t, err, name, "give a size")
	}
	for name := range small {
		if strings.HasPrefix(name, "train/") {
			small[name] = []byte("bad")
		}
	}
	_, _, err = Open(Source{Name: "folder", Path: small.folder(t), SkipBad: true})
	wantError(t, err, "train", "no image can be decoded")
}

// told collects what Open tells.
type told struct {
	lines []string
	done  map[string]int
}

func (l *told) listen(s Source) Source {
	l.lines, l.done = nil, make(map[string]int)
	s.Note = func(line string) { l.lines = append(l.lines, line) }
	s.Progress = func(split string, done, total int) error {
		if done != l.done[split]+1 || done > total {
			return fmt.Errorf("%s: %d of %d after %d", split, done, total, l.done[split])
		}
		l.done[split] = done
		return nil
	}
	return s
}

// TestPack makes packs, uses them again, and makes them anew where they are not
// what they should be.
func TestPack(t *testing.T) {
	dir, cache := variedFolder(t).folder(t), filepath.Join(t.TempDir(), "deep", "cache")
	s := Source{Name: "folder", Path: dir, Size: 8, Store: "packed", CacheDir: cache}
	var l told
	train, _ := opened(t, l.listen(s))
	if l.done["train"] != 12 || l.done["test"] != 6 || len(l.lines) != 2 || !strings.Contains(l.lines[0], "train: packing 12 images into "+cache) {
		t.Fatalf("progress %v, notes %q", l.done, l.lines)
	}
	packs, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil || len(packs) != 2 {
		t.Fatalf("in the cache: %v, %v; want two packs", packs, err)
	}
	name := packs[slices.IndexFunc(packs, func(p string) bool { return strings.Contains(p, "-train-3x8-") })]
	want := walk(t, train, augmented, LoaderOptions{Batch: 5})
	identity := train.SHA256()

	again := func(what string, decoded int, note string) {
		t.Helper()
		train, _ := opened(t, l.listen(s))
		if l.done["train"] != decoded || l.done["test"] != 0 {
			t.Errorf("%s: %v decoded, want %d", what, l.done, decoded)
		}
		if note == "" && len(l.lines) != 0 || note != "" && (len(l.lines) != 1 || !strings.Contains(l.lines[0], note) || strings.Contains(l.lines[0], "\n")) {
			t.Errorf("%s: notes %q, want %q", what, l.lines, note)
		}
		wantBatches(t, what, walk(t, train, augmented, LoaderOptions{Batch: 5}), want)
		if train.SHA256() != identity {
			t.Errorf("%s: another identity", what)
		}
	}
	again("once more", 0, "")

	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	put := func(data []byte) {
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(at int) []byte {
		data := slices.Clone(good)
		data[(at+len(data))%len(data)] ^= 1
		return data
	}
	for _, c := range []struct {
		what string
		data []byte
		note string
	}{
		{"empty", nil, "anew: cut short"},
		{"short", good[:len(good)-1], "cut short"},
		{"long", append(slices.Clone(good), 0), "want"},
		{"another magic", flip(0), "not a pack"},
		{"the length of the header", flip(8), "want"},
		{"the sum of the header", flip(12), "header is damaged"},
		{"the header", flip(-3), "header is damaged"},
	} {
		put(c.data)
		again(c.what, 12, c.note)
		if data, err := os.ReadFile(name); err != nil || !bytes.Equal(data, good) {
			t.Errorf("%s: not the same pack again (%v)", c.what, err)
		}
	}

	// An image that was changed shows when it is read.
	put(flip(packPrefix + 3*192 + 5))
	train, _ = opened(t, l.listen(s))
	loader, err := NewLoader(train, Pipeline{}, LoaderOptions{Batch: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer loader.Close()
	if _, ok := loader.Next(); !ok || loader.Err() != nil {
		t.Errorf("the first batch: %v", loader.Err())
	}
	if _, ok := loader.Next(); ok {
		t.Error("a batch with a damaged image")
	}
	wantError(t, loader.Err(), name, "image 3, of train/a/03.png", "checksum", "remove this file")
	put(good)

	// A file that was touched makes a pack stale; so does one that is new.
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "train/a/00.png"), later, later); err != nil {
		t.Fatal(err)
	}
	again("touched", 12, "have changed")
	again("after that", 0, "")
	if err := os.Remove(filepath.Join(dir, "train/a/09.png")); err != nil {
		t.Fatal(err)
	}
	train, _ = opened(t, l.listen(s))
	if train.Len() != 11 || l.done["train"] != 11 || len(l.lines) != 1 {
		t.Errorf("%d images, %v decoded, notes %q", train.Len(), l.done, l.lines)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "*")); len(left) != 2 {
		t.Errorf("in the cache: %v, want two packs", left)
	}
}

// TestPackEnded ends the making of packs, and looks at what is left.
func TestPackEnded(t *testing.T) {
	cache := t.TempDir()
	small := variedFolder(t)
	s := Source{Name: "folder", Path: small.folder(t), Size: 8, Store: "packed", CacheDir: cache}
	stop := errors.New("stop")
	s.Progress = func(split string, done, total int) error {
		if done == 5 {
			return stop
		}
		return nil
	}
	if _, _, err := Open(s); !errors.Is(err, stop) {
		t.Errorf("error %v, want that of Progress", err)
	}
	s.Progress = nil
	bad := s
	bad.Path = small.with(files{"train/a/03.png": []byte("bad")}).folder(t)
	_, _, err := Open(bad)
	wantError(t, err, "train/a/03.png", "--skip-bad")
	if left, _ := filepath.Glob(filepath.Join(cache, "*")); len(left) != 0 {
		t.Errorf("in the cache: %v, want nothing", left)
	}

	// What a killed run has left is removed when the pack is made; what another
	// run may be writing to is not.
	name, err := (&split{name: "train", channels: 3, shape: shape{h: 8, w: 8, edge: 8}}).packName(s)
	if err != nil {
		t.Fatal(err)
	}
	old, young := name+".1.tmp", name+".2.tmp"
	for _, file := range []string{old, young} {
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-2 * packAbandoned)
	if err := os.Chtimes(old, then, then); err != nil {
		t.Fatal(err)
	}
	opened(t, s)
	left, _ := filepath.Glob(filepath.Join(cache, "*.tmp"))
	if !slices.Equal(left, []string{young}) {
		t.Errorf("left: %v, want %s", left, young)
	}

	// A cache that cannot be written to.
	s.CacheDir = filepath.Join(s.Path, "train/a/00.png")
	_, _, err = Open(s)
	wantError(t, err, s.CacheDir)
}

// TestSkipBad leaves out images of which one is cut short and one is none.
func TestSkipBad(t *testing.T) {
	small := variedFolder(t)
	jpg := small["train/c/02.JPEG"]
	bad := small.with(files{"train/c/02.JPEG": jpg[:len(jpg)-40], "train/a/03.png": []byte("GIF89a"), "val/b/16.png": {}})
	path := bad.folder(t)
	for _, store := range Stores() {
		t.Run(store, func(t *testing.T) {
			s := Source{Name: "folder", Path: path, Size: 8, Store: store, SkipBad: true}
			if store == "packed" {
				s.CacheDir = t.TempDir()
			}
			for range 2 { // a pack is made, then used
				var l told
				train, test := opened(t, l.listen(s))
				for _, set := range []*Set{train, test} {
					if set.SkipReport() != "" != (store != "files") {
						t.Errorf("report %q", set.SkipReport())
					}
				}
				if store != "files" && (train.Len() != 10 || test.Len() != 5) {
					t.Fatalf("%d + %d images", train.Len(), test.Len())
				}
				// Training: batches are full.
				batches := walk(t, train, augmented, LoaderOptions{Batch: 5, Shuffle: true, DropLast: true, Workers: 2})
				for _, b := range batches {
					if b.Count != 5 || slices.Contains(b.Labels, -1) {
						t.Errorf("%d images, labels %v", b.Count, b.Labels)
					}
				}
				for _, o := range []LoaderOptions{{FirstBatch: 1}, {Workers: 4}} {
					o.Batch, o.Shuffle, o.DropLast = 5, true, true
					wantBatches(t, "again", walk(t, train, augmented, o), batches[o.FirstBatch:])
				}
				// Measuring: each good image once.
				count := make(map[int32]int)
				n := 0
				for _, b := range walk(t, train, Pipeline{}, LoaderOptions{Batch: 5}) {
					for i, label := range b.Labels {
						if (label < 0) != (i >= b.Count) {
							t.Errorf("label %d at %d of %d", label, i, b.Count)
						}
						count[label]++
					}
					n += b.Count
				}
				if n != 10 || count[0] != 3 || count[1] != 4 || count[2] != 3 {
					t.Errorf("%d images, %v by class", n, count)
				}
				walk(t, test, Pipeline{}, LoaderOptions{Batch: 6})
				want := "2 images left out: train/a/03.png (neither a JPEG nor a PNG image), train/c/02.JPEG (image cut short)"
				if got := train.SkipReport(); got != want {
					t.Errorf("report %q, want %q", got, want)
				}
				if got := test.Skipped(); len(got) != 1 || got[0].File != "val/b/16.png" {
					t.Errorf("left out to test on: %v", got)
				}
				if store != "files" {
					if all := strings.Join(l.lines, "\n"); !strings.Contains(all, path+": train: "+want) || !strings.Contains(all, "test: 1 image left out: val/b/16.png") {
						t.Errorf("notes %q", l.lines)
					}
				}
			}
		})
	}

	// Without being asked to, nothing is left out.
	for _, store := range Stores() {
		s := Source{Name: "folder", Path: path, Size: 8, Store: store}
		if store == "packed" {
			s.CacheDir = t.TempDir()
		}
		train, _, err := Open(s)
		if store == "files" {
			if err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{1, 3} {
				l, lerr := NewLoader(train, Pipeline{}, LoaderOptions{Batch: 12, Workers: workers})
				if lerr != nil {
					t.Fatal(lerr)
				}
				if _, ok := l.Next(); ok {
					t.Error("a batch with a bad image")
				}
				err = l.Err()
				l.Close()
				wantError(t, err, path, "train/c/02.JPEG", "image cut short", "--skip-bad leaves out such images")
			}
			continue
		}
		wantError(t, err, path, "train/c/02.JPEG", "image cut short", "--skip-bad leaves out such images")
	}

	// A class of which nothing is left, and a set.
	for store, want := range map[string]string{"memory": "none of the 4 images of class b", "packed": "none of the 4 images of class b", "files": "neither"} {
		f := files{}
		for name, data := range small {
			if strings.Contains(name, "train/b/") || store == "files" {
				data = []byte("bad")
			}
			f[name] = data
		}
		s := Source{Name: "folder", Path: f.folder(t), Size: 8, Store: store, SkipBad: true}
		if store == "packed" {
			s.CacheDir = t.TempDir()
		}
		train, _, err := Open(s)
		if store == "files" {
			l, lerr := NewLoader(train, Pipeline{}, LoaderOptions{Batch: 4, DropLast: true})
			if lerr != nil {
				t.Fatal(lerr)
			}
			l.Next()
			err = l.Err()
			l.Close()
		}
		wantError(t, err, want)
	}
}

// TestSkipUnreadable checks that a file that cannot be read is a fault, whatever
// may be left out.
func TestSkipUnreadable(t *testing.T) {
	path := variedFolder(t).folder(t)
	train, _ := opened(t, Source{Name: "folder", Path: path, Size: 8, Store: "files", SkipBad: true})
	if err := os.Remove(filepath.Join(path, "train/a/03.png")); err != nil {
		t.Fatal(err)
	}
	l, err := NewLoader(train, Pipeline{}, LoaderOptions{Batch: 12})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Next()
	wantError(t, l.Err(), "train/a/03.png", "no such file")
}

// TestTestFolders checks which folder is measured on, and that others are noted.
func TestTestFolders(t *testing.T) {
	small := variedFolder(t)
	small["test/unsorted.png"] = small["val/a/12.png"] // as of images whose labels are secret
	small["valid/x/1.png"] = small["val/a/12.png"]
	var l told
	_, test := opened(t, l.listen(Source{Name: "folder", Path: small.folder(t), Size: 8}))
	if test.Len() != 6 || len(l.lines) != 1 || !strings.Contains(l.lines[0], "measured on val; not used: valid") {
		t.Errorf("%d images, notes %q", test.Len(), l.lines)
	}
}

// FuzzPack reads packs of 3 images of 1×2×2.
func FuzzPack(f *testing.F) {
	want := packHeader{Key: "key", N: 3, C: 1, H: 2, W: 2}
	dir := f.TempDir()
	small := files{}
	for _, name := range []string{"train/a/1.png", "train/b/1.png", "train/c/1.png", "test/a/1.png", "test/b/1.png", "test/c/1.png"} {
		small[name] = pngOf(f, plain(2, 2, color.White))
	}
	if _, _, err := Open(Source{Name: "folder", Path: small.folder(f), Size: 2, Channels: 1, Store: "packed", CacheDir: dir}); err != nil {
		f.Fatal(err)
	}
	packs, err := filepath.Glob(filepath.Join(dir, "*train*"))
	if err != nil || len(packs) != 1 {
		f.Fatal(packs, err)
	}
	good, err := os.ReadFile(packs[0])
	if err != nil {
		f.Fatal(err)
	}
	at := bytes.Index(good, []byte(`"key":"`)) + 7
	want.Key = string(good[at : at+64])
	f.Add(good)
	f.Add(good[:len(good)-4])
	f.Add([]byte(packMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= packPrefix { // let headers through that were changed
			data = slices.Clone(data)
			if tail := packPrefix + 24; len(data) >= tail {
				sealPack(data, tail)
			}
		}
		skipped, sums, err := readPack(bytes.NewReader(data), int64(len(data)), want)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		if len(sums) != 3 || len(skipped) > 3 || len(data) < packPrefix+24 {
			t.Fatalf("%d sums, %d left out, of %d bytes", len(sums), len(skipped), len(data))
		}
	})
}

// sealPack makes the length and the checksum of the header fit what lies behind
// the tail of a pack.
func sealPack(data []byte, tail int) {
	header := data[tail:]
	binary.LittleEndian.PutUint32(data[8:], uint32(len(header)))
	binary.LittleEndian.PutUint32(data[12:], crc32.Checksum(header, castagnoli))
}
