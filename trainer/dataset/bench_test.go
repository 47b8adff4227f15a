package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// photograph returns a JPEG of the size that most images of ImageNet have, with
// edges and noise, and of about their 110 kB.
func photograph(b *testing.B, seed uint64) []byte {
	const w, h = 500, 375
	grain := noise(1, h, w, seed)
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		x, y := i%w, i/w
		v := int(grain.pix[i])/6 + 40*((x/37+y/23)%4)
		m.SetRGBA(x, y, color.RGBA{uint8(v + x/10), uint8(v + y/8), uint8(v + 20), 255})
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, &jpeg.Options{Quality: 88}); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// BenchmarkFolder makes batches of 224×224 out of photographs, on one worker,
// that are decoded each time or lie in a pack.
func BenchmarkFolder(b *testing.B) {
	f := files{}
	for i := range 16 {
		f[fmt.Sprintf("train/%d/%02d.jpg", i%2, i)] = photograph(b, uint64(i))
	}
	f["val/0/1.jpg"], f["val/1/1.jpg"] = f["train/0/00.jpg"], f["train/0/00.jpg"]
	path := f.folder(b)
	for _, store := range []string{"files", "packed"} {
		s := Source{Name: "folder", Path: path, Size: 224, Resize: 256, Store: store}
		if store == "packed" {
			s.CacheDir = b.TempDir()
		}
		train, _ := opened(b, s)
		for _, augment := range []string{"resized-crop", "crop"} {
			b.Run(store+"/"+augment, func(b *testing.B) {
				images := 0
				for b.Loop() {
					l, err := NewLoader(train, Pipeline{Augment: []string{augment, "flip"}}, LoaderOptions{Batch: 16, Shuffle: true})
					if err != nil {
						b.Fatal(err)
					}
					for _, ok := l.Next(); ok; _, ok = l.Next() {
						images += 16
					}
				}
				b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
			})
		}
	}
}
