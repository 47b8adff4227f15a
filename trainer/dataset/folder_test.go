package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"slices"
	"strings"
	"testing"
)

// shade returns one of the colours that tell images apart.
func shade(i int) color.Color {
	return color.NRGBA{uint8(10 * i), uint8(255 - 10*i), uint8(100 + 5*i), 255}
}

// smallFolder has three classes, of 3, 1 and 2 images to train on; image i has
// shade i, counting in the order that the set must have.
func smallFolder(t testing.TB) files {
	return files{
		"train/ant/1.png":      pngOf(t, plain(4, 3, shade(0))),
		"train/bee/b.PNG":      pngOf(t, plain(4, 3, shade(1))),
		"train/cow/x/1.png":    pngOf(t, plain(4, 3, shade(2))),
		"train/ant/2.png":      pngOf(t, plain(4, 3, shade(3))),
		"train/cow/x/2.png":    pngOf(t, plain(4, 3, shade(4))),
		"train/ant/sub/3.png":  pngOf(t, plain(4, 3, shade(5))),
		"train/ant/.4.png":     []byte("hidden"),
		"train/ant/notes.txt":  []byte("no image"),
		"train/.cache/1.png":   []byte("hidden"),
		"test/bee/1.png":       pngOf(t, plain(4, 3, shade(6))),
		"test/ant/named.jpg":   pngOf(t, plain(4, 3, shade(7))), // a PNG all the same
		"test/cow/1.png":       pngOf(t, plain(4, 3, shade(8))),
		"elsewhere/ant/1.jpeg": []byte("not looked at"),
	}
}

func TestFolder(t *testing.T) {
	small := smallFolder(t)
	wrapped, validation, valid := files{}, files{}, files{}
	for name, data := range small {
		wrapped["my set/"+name] = data
		validation[strings.Replace(name, "test/", "val/", 1)] = data
		valid[strings.Replace(name, "test/", "valid/", 1)] = data
	}
	want := func(labels []int32, shades ...int) *Set {
		s := &Set{C: 3, H: 3, W: 4, Classes: []string{"ant", "bee", "cow"}, Labels: labels}
		for _, i := range shades {
			r, g, b, _ := shade(i).RGBA()
			for _, v := range []uint32{r, g, b} {
				s.Images = append(s.Images, bytes.Repeat([]byte{uint8(v >> 8)}, 12)...)
			}
		}
		return s
	}
	for _, path := range []string{
		small.folder(t), small.archive(t), wrapped.folder(t), wrapped.archive(t), validation.archive(t), valid.folder(t),
	} {
		train, test, err := Open(Source{Name: "folder", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, train, want([]int32{0, 1, 2, 0, 2, 0}, 0, 1, 2, 3, 4, 5))
		wantEqual(t, test, want([]int32{0, 1, 2}, 7, 6, 8))

		train, test, err = Open(Source{Name: "folder", Path: path, TrainImages: 4, TestImages: 1})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, train, want([]int32{0, 1, 2, 0}, 0, 1, 2, 3))
		wantEqual(t, test, want([]int32{0}, 7))
	}
}

func TestFolderFaults(t *testing.T) {
	small := smallFolder(t)
	good := jpegOf(t, plain(4, 3, shade(0)))
	twelve := slices.Clone(good) // bits a sample, by its frame header
	twelve[bytes.Index(twelve, []byte("\xff\xc0"))+4] = 12
	// A PNG of 60,000×60,000 by its header.
	huge := pngOf(t, plain(1, 1, shade(0)))
	huge = bytes.Replace(huge, []byte{0, 0, 0, 1, 0, 0, 0, 1}, []byte{0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60}, 1)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29])) // of IHDR
	for _, c := range []struct {
		name   string
		source Source
		change files
		want   []string
	}{
		{"sizes", Source{}, files{"train/bee/b.PNG": pngOf(t, plain(5, 3, shade(1)))},
			[]string{"train/bee/b.PNG", "5×3", "train/ant/1.png has 4×3", "size"}},
		{"size of a test image", Source{}, files{"test/bee/1.png": pngOf(t, plain(4, 4, shade(1)))},
			[]string{"test/bee/1.png", "4×4", "train/ant/1.png has 4×3"}},
		{"cut short", Source{}, files{"train/ant/2.png": small["train/ant/2.png"][:60]}, []string{"train/ant/2.png", "unexpected EOF"}},
		{"JPEG cut short", Source{}, files{"train/ant/2.png": good[:len(good)-20]}, []string{"train/ant/2.png", "cut short", "--skip-bad"}},
		{"damaged", Source{}, files{"train/ant/2.png": slices.Concat(good[:20], []byte("damage"), good[20:])}, []string{"train/ant/2.png", "damaged"}},
		{"12 bits", Source{}, files{"train/ant/2.png": twelve}, []string{"train/ant/2.png", "not read", "precision", "convert"}},
		{"no image", Source{}, files{"train/ant/2.png": []byte("GIF89a")}, []string{"train/ant/2.png", "neither a JPEG nor a PNG"}},
		{"empty", Source{}, files{"train/ant/2.png": {}}, []string{"train/ant/2.png", "neither"}},
		{"first of two", Source{}, files{"train/cow/x/1.png": []byte("bad"), "train/ant/sub/3.png": []byte("bad")}, []string{"train/cow/x/1.png"}},
		{"huge", Source{Size: 8}, files{"train/ant/2.png": huge}, []string{"train/ant/2.png", "60000×60000"}},
		{"empty class", Source{}, files{"train/dog/": {}}, []string{"train/dog", "no .jpg"}},
		{"class of other files", Source{}, files{"train/dog/notes.txt": []byte("x")}, []string{"train/dog", "no .jpg"}},
		{"unknown class", Source{}, files{"test/dog/1.png": small["test/bee/1.png"]}, []string{"test/dog", "no such class"}},
		{"one class", Source{}, files{"test/cow/1.png": nil, "test/bee/1.png": nil, "train/bee/b.PNG": nil, "train/cow/x/1.png": nil, "train/cow/x/2.png": nil}, []string{"train", "one class, ant"}},
		{"no test", Source{}, files{"test/bee/1.png": nil, "test/ant/named.jpg": nil, "test/cow/1.png": nil}, []string{"no test, val or valid folder"}},
		{"class that is not measured", Source{}, files{"test/cow/1.png": nil}, []string{"test", "no folder for class cow"}},
		{"empty class to measure", Source{}, files{"test/cow/1.png": nil, "test/cow/": {}}, []string{"test/cow", "no .jpg"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.source.Name = "folder"
			c.source.Path = small.with(c.change).archive(t)
			_, _, err := Open(c.source)
			wantError(t, err, append(c.want, c.source.Path)...)
		})
	}
	_, _, err := Open(Source{Name: "folder", Path: files{"a.png": small["test/bee/1.png"]}.folder(t)})
	wantError(t, err, "no train folder", "train/CLASS/*.jpg")
}

// TestFolderMatchesBinary decodes the JPEG images that the records of a binary
// set were made from by another decoder (libjpeg). Classes must agree. Colours
// need not quite, since one decoder repeats a colour over the four pixels that
// share it and the other interpolates; the luminance of a pixel is no part of
// that, unless a channel was clipped.
func TestFolderMatchesBinary(t *testing.T) {
	path := shared(t, "data", "cifar10-tiny.tar.gz")
	records, _, err := Open(Source{Name: "cifar10", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	rows := readIndex(t, path)[:records.Len()]
	index := make(map[string]int) // of the record made from a file
	for i, row := range rows {
		index["cifar10-imagefolder/"+row[3]] = i
	}
	images, err := openTree(shared(t, "data", "cifar10-imagefolder-2000.tar.gz"),
		func(name string) bool { _, ok := index[name]; return ok }, folderLimits)
	if err != nil {
		t.Fatal(err)
	}
	classes := images.children("cifar10-imagefolder/train")
	if !slices.Equal(classes, records.Classes) {
		t.Fatalf("classes %v, want %v", classes, records.Classes)
	}
	pictures, err := images.pictures("cifar10-imagefolder/train", classes)
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) != records.Len() {
		t.Fatalf("%d images of %d records", len(pictures), records.Len())
	}
	sp := &split{t: images, name: "train", pictures: pictures, channels: 3, shape: shape{h: 32, w: 32}}
	set, err := sp.open(Source{}, classes)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for i, p := range pictures {
		record := index[p.file]
		if set.Labels[i] != records.Labels[record] {
			t.Fatalf("%s: label %d, want %d", p.file, set.Labels[i], records.Labels[record])
		}
		got, want := set.at(i), records.at(record)
		clipped := func(pixel int) bool {
			for c := range 3 {
				for _, m := range [][]byte{got, want} {
					if v := m[1024*c+pixel]; v == 0 || v == 255 {
						return true
					}
				}
			}
			return false
		}
		luminance := func(m []byte, pixel int) float64 {
			return 0.299*float64(m[pixel]) + 0.587*float64(m[1024+pixel]) + 0.114*float64(m[2048+pixel])
		}
		for pixel := range 1024 {
			for c := range 3 {
				a, b := int(got[1024*c+pixel]), int(want[1024*c+pixel])
				total += max(a, b) - min(a, b)
			}
			// Half a unit for the channels that each decoder rounds, and one for
			// the last bit of each one's inverse transform.
			if d := math.Abs(luminance(got, pixel) - luminance(want, pixel)); d > 3+1e-9 && !clipped(pixel) {
				t.Fatalf("%s: pixel %d: luminance differs by %v", p.file, pixel, d)
			}
		}
	}
	if mean := float64(total) / float64(len(set.Images)); mean > 2 {
		t.Errorf("channels differ by %.2f on average, want no more than interpolation explains", mean)
	}
}

// decoded returns the bytes of a picture, planar.
func decoded(t testing.TB, data []byte, channels int) []byte {
	t.Helper()
	var d decoder
	if err := d.decode(data, channels); err != nil {
		t.Fatal(err)
	}
	return d.picture.pix
}

// TestPictureKinds decodes one picture in all kinds of pixels.
func TestPictureKinds(t *testing.T) {
	bounds := image.Rect(0, 0, 3, 2)
	paint := func(m interface {
		image.Image
		Set(x, y int, c color.Color)
	}) image.Image {
		for y := range 2 {
			for x := range 3 {
				m.Set(x, y, color.NRGBA{uint8(90 * x), uint8(200 * y), uint8(60 + 40*x), 255})
			}
		}
		return m
	}
	colours := []byte{0, 90, 180, 0, 90, 180, 0, 0, 0, 200, 200, 200, 60, 100, 140, 60, 100, 140}
	// 0.299·R + 0.587·G + 0.114·B, rounded.
	gray := []byte{7, 38, 70, 124, 156, 187}

	var palette color.Palette
	for y := range 2 {
		for x := range 3 {
			palette = append(palette, color.NRGBA{uint8(90 * x), uint8(200 * y), uint8(60 + 40*x), 255})
		}
	}
	for name, m := range map[string]image.Image{
		"RGBA": paint(image.NewRGBA(bounds)), "NRGBA": paint(image.NewNRGBA(bounds)), "64 bits": paint(image.NewNRGBA64(bounds)),
		"palette": paint(image.NewPaletted(bounds, palette)),
	} {
		for channels, want := range map[int][]byte{3: colours, 1: gray} {
			got := decoded(t, pngOf(t, m), channels)
			if !bytes.Equal(got, want) {
				t.Errorf("%s in %d channels: %v, want %v", name, channels, got, want)
			}
		}
	}

	// Gray images, of either format, have three equal channels.
	g := image.NewGray(bounds)
	copy(g.Pix, gray)
	if got := decoded(t, pngOf(t, g), 3); !bytes.Equal(got, bytes.Repeat(gray, 3)) {
		t.Errorf("gray: %v", got)
	}
	if got := decoded(t, pngOf(t, g), 1); !bytes.Equal(got, gray) {
		t.Errorf("gray: %v", got)
	}
	data := jpegOf(t, g)
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got := decoded(t, data, 3)
	for i := range 6 {
		if v := m.(*image.Gray).GrayAt(i%3, i/3).Y; got[i] != v || got[6+i] != v || got[12+i] != v {
			t.Errorf("gray JPEG: pixel %d: %d %d %d, want %d", i, got[i], got[6+i], got[12+i], v)
		}
	}

	// Half transparent red on black.
	got = decoded(t, pngOf(t, plain(1, 1, color.NRGBA{200, 0, 0, 128})), 3)
	if want := []byte{100, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("transparent: %v, want %v", got[:3], want)
	}
}

// TestFolderSize reads images of several sizes, both as colours and gray.
func TestFolderSize(t *testing.T) {
	path := files{
		"train/a/1.png": pngOf(t, plain(9, 4, color.Gray{50})),
		"train/b/1.jpg": jpegOf(t, plain(16, 16, color.Gray{200})),
		"test/a/1.png":  pngOf(t, plain(5, 5, color.Gray{50})),
		"test/b/1.png":  pngOf(t, plain(6, 5, color.Gray{60})),
	}.archive(t)
	for _, channels := range []int{0, 1, 3} {
		train, test, err := Open(Source{Name: "folder", Path: path, Size: 5, Channels: channels})
		if err != nil {
			t.Fatal(err)
		}
		c := channels
		if c == 0 {
			c = 3
		}
		wantEqual(t, train, &Set{C: c, H: 5, W: 5, Classes: []string{"a", "b"}, Labels: []int32{0, 1},
			Images: append(bytes.Repeat([]byte{50}, 25*c), bytes.Repeat([]byte{200}, 25*c)...)})
		wantEqual(t, test, &Set{C: c, H: 5, W: 5, Classes: []string{"a", "b"}, Labels: []int32{0, 1},
			Images: append(bytes.Repeat([]byte{50}, 25*c), bytes.Repeat([]byte{60}, 25*c)...)})
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(pngOf(f, plain(4, 3, shade(1))), true)
	f.Add(jpegOf(f, plain(4, 3, shade(1))), false)
	f.Add(jpegOf(f, image.NewGray(image.Rect(0, 0, 9, 2))), true)
	f.Add([]byte("\xff\xd8"), true)
	f.Fuzz(func(t *testing.T, data []byte, gray bool) {
		c, _, err := pictureConfig(data)
		if err == nil && c.Width*c.Height > 1<<16 {
			return // well within the bounds, but slow
		}
		channels := 3
		if gray {
			channels = 1
		}
		var d decoder
		if err := d.decode(data, channels); err != nil {
			if !errors.As(err, new(badPicture)) {
				t.Fatalf("error %T %v", err, err)
			}
			return
		}
		if p := d.picture; p.h != c.Height || p.w != c.Width || p.c != channels || len(p.pix) != p.c*p.h*p.w {
			t.Fatalf("%d×%d×%d, %d bytes of an image of %d×%d", p.c, p.h, p.w, len(p.pix), c.Height, c.Width)
		}
	})
}
