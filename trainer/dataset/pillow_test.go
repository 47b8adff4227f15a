package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// A plane is an image in the files that testdata/make.py writes.
type plane struct {
	C, H, W int
	Pix     []byte
}

func (p plane) bitmap() *bitmap { return &bitmap{p.C, p.H, p.W, p.Pix} }

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// wantBitmap checks that no byte of two images differs by more than a bound, and
// that no more than some pixels differ at all.
func wantBitmap(t testing.TB, what string, got, want *bitmap, bound, pixels int) {
	t.Helper()
	if got.c != want.c || got.h != want.h || got.w != want.w || len(got.pix) != len(want.pix) {
		t.Fatalf("%s: %d×%d×%d, want %d×%d×%d", what, got.c, got.h, got.w, want.c, want.h, want.w)
	}
	differ := make(map[int]bool)
	for i, v := range got.pix {
		d := max(v, want.pix[i]) - min(v, want.pix[i])
		if int(d) > bound {
			t.Fatalf("%s: byte %d is %d, want %d", what, i, v, want.pix[i])
		}
		if d > 0 {
			differ[i%(got.h*got.w)] = true
		}
	}
	if len(differ) > pixels {
		t.Errorf("%s: %d of %d pixels differ, want at most %d", what, len(differ), got.h*got.w, pixels)
	}
}

// onTheEdge returns the pixels of a turned image whose source lies between two
// pixels, as exactly as Pillow counts: it has 16 bits behind the point, for each
// of up to 15 steps of a pixel. Either of the two may be taken.
func onTheEdge(b *bitmap, degrees float64) (ties []int) {
	s, c := math.Sincos(degrees * math.Pi / 180)
	for i := range b.h * b.w {
		u, v := float64(i%b.w)+0.5-float64(b.w)/2, float64(i/b.w)+0.5-float64(b.h)/2
		for _, at := range []float64{c*u - s*v + float64(b.w)/2, s*u + c*v + float64(b.h)/2} {
			if math.Abs(at-math.Round(at)) < 32./(1<<16) {
				ties = append(ties, i)
				break
			}
		}
	}
	return ties
}

// TestPillow compares with what Pillow and torchvision make of an image: no bit
// may differ, but for pixels that a turn takes from between two.
func TestPillow(t *testing.T) {
	var f struct {
		Image plane
		Cases []struct {
			plane
			Op     string
			Values []float64
		}
	}
	readJSON(t, "pillow.json", &f)
	seen := make(map[string]int)
	for _, c := range f.Cases {
		seen[c.Op]++
		src := f.Image.bitmap()
		src.pix = append([]byte(nil), src.pix...)
		got, at := src, func(i int) int { return int(c.Values[i]) }
		var r resizer
		switch c.Op {
		case "resize":
			got = new(bitmap)
			r.resize(got, src, src.bounds(), at(0), at(1), image.Rect(0, 0, at(0), at(1)))
		case "crop and resize":
			got = new(bitmap)
			r.resize(got, src, image.Rect(at(0), at(1), at(2), at(3)), at(4), at(5), image.Rect(0, 0, at(4), at(5)))
		case "edge and centre":
			got = new(bitmap)
			w, h := scaledSize(src.w, src.h, at(0))
			r.resize(got, src, src.bounds(), w, h, centred(w, h, at(1), at(1)))
		case "brightness":
			brighten(src, c.Values[0])
		case "contrast":
			contrast(src, c.Values[0])
		case "saturation":
			saturate(src, c.Values[0])
		case "hue":
			turnHue(src, c.Values[0])
		case "rotate":
			got = new(bitmap)
			rotate(got, src, c.Values[0])
			ties := onTheEdge(src, c.Values[0])
			if len(ties) > src.h*src.w/10 && math.Mod(c.Values[0], 90) != 0 {
				t.Errorf("rotate%v: %d ties", c.Values, len(ties))
			}
			for _, i := range ties {
				for p := range src.c {
					got.pix[p*src.h*src.w+i] = c.Pix[p*src.h*src.w+i]
				}
			}
		default:
			t.Fatalf("operation %q", c.Op)
		}
		wantBitmap(t, fmt.Sprint(c.Op, c.Values), got, c.bitmap(), 0, 0)
	}
	if len(seen) != 8 {
		t.Errorf("operations %v, want 8", seen)
	}
}

// TestJPEG compares with what Pillow makes of JPEG images without subsampled
// colours. Decoders may differ by one in the inverse transform of each
// component, which the sum of three weighs by up to 1 + 1.772; of CMYK, by
// one in the product of a colour and black.
func TestJPEG(t *testing.T) {
	var f map[string]plane
	readJSON(t, "jpeg.json", &f)
	for name, want := range f {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var d decoder
		if err := d.decode(data, 3); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantBitmap(t, name, &d.picture, want.bitmap(), 3, 32*24)
	}
}

// TestResizeFlat scales images of one colour, which stay so however far they are
// scaled, and a fine chequer board, which becomes an even gray: nothing aliases.
func TestResizeFlat(t *testing.T) {
	var r resizer
	var out bitmap
	for _, c := range []struct{ w, h, toW, toH int }{
		{1, 1, 40, 30}, {7, 5, 3, 11}, {maxPictureEdge, 2, 5, 5}, {2, maxPictureEdge, 3, 1}, {301, 299, 224, 224}, {100, 3, 99, 1},
	} {
		for _, v := range []uint8{0, 1, 127, 254, 255} {
			src := &bitmap{1, c.h, c.w, bytes.Repeat([]byte{v}, c.w*c.h)}
			r.resize(&out, src, src.bounds(), c.toW, c.toH, image.Rect(0, 0, c.toW, c.toH))
			if !bytes.Equal(out.pix, bytes.Repeat([]byte{v}, c.toW*c.toH)) {
				t.Errorf("%+v: not %d throughout: %v", c, v, out.pix[:min(len(out.pix), 20)])
			}
		}
	}
	chequers := new(bitmap)
	chequers.reshape(1, 64, 64)
	for i := range chequers.pix {
		chequers.pix[i] = uint8(255 * ((i + i/64) % 2))
	}
	r.resize(&out, chequers, chequers.bounds(), 8, 8, image.Rect(0, 0, 8, 8))
	for i, v := range out.pix {
		if v < 124 || v > 131 {
			t.Errorf("chequers: pixel %d is %d, want 127 or so", i, v)
		}
	}
}
