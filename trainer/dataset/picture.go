package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	stddraw "image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/image/draw"
)

// Bounds on one image, before it is decoded and after it is resized.
const (
	maxPixels = 1 << 25 // 134 MB while it is decoded
	maxEdge   = 4096
)

// A shape is what images of a folder must be, or are brought to.
type shape struct {
	h, w   int
	resize bool
	first  string // the image that the shape was taken from, unless resize
}

// shape returns size×size, or where size is 0 what the picture measures.
func (t *tree) shape(p picture, size int) (shape, error) {
	if size != 0 {
		return shape{h: size, w: size, resize: true}, nil
	}
	data, err := t.load(p.file)
	if err != nil {
		return shape{}, err
	}
	c, _, err := pictureConfig(data)
	if err != nil {
		return shape{}, t.fault(p.file, err)
	}
	if c.Width > maxEdge || c.Height > maxEdge {
		return shape{}, t.fault(p.file, fmt.Errorf("%d×%d pixels, want at most %d×%[3]d; give a size to scale to", c.Width, c.Height, maxEdge))
	}
	return shape{h: c.Height, w: c.Width, first: p.file}, nil
}

// decode returns the pictures as a set. All cores work on it. The first fault,
// in the order of the pictures, is the one that is reported.
func (t *tree) decode(pictures []picture, sh shape, channels int) (*Set, error) {
	size := channels * sh.h * sh.w
	if len(pictures) > maxSetBytes/size {
		return nil, t.fault("", fmt.Errorf("%d images of %d×%d×%d bytes exceed %d bytes; use a smaller size or fewer images",
			len(pictures), channels, sh.h, sh.w, int64(maxSetBytes)))
	}
	set := &Set{
		Name: "folder", C: channels, H: sh.h, W: sh.w,
		Images: make([]uint8, len(pictures)*size),
		Labels: make([]int32, len(pictures)),
	}
	var (
		next   atomic.Int64 // pictures are taken in order, so those before a bad one are all looked at
		failed atomic.Bool
		mu     sync.Mutex
		at     = len(pictures)
		fault  error
		wg     sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(pictures) {
					return
				}
				p := pictures[i]
				set.Labels[i] = p.label
				data, err := t.load(p.file)
				if err == nil {
					if err = decodePicture(set.Images[i*size:][:size], data, sh, channels); err != nil {
						err = t.fault(p.file, err)
					}
				}
				if err != nil {
					failed.Store(true)
					mu.Lock()
					if i < at {
						at, fault = i, err
					}
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	if fault != nil {
		return nil, fault
	}
	return set, nil
}

// pictureConfig returns the size of a JPEG or PNG image, and its decoder. It is
// the first bytes that tell, not the name.
func pictureConfig(data []byte) (c image.Config, decode func(io.Reader) (image.Image, error), err error) {
	r := bytes.NewReader(data)
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		decode = jpeg.Decode
		c, err = jpeg.DecodeConfig(r)
	case bytes.HasPrefix(data, []byte("\x89PNG")):
		decode = png.Decode
		c, err = png.DecodeConfig(r)
	default:
		return c, nil, errors.New("neither a JPEG nor a PNG image")
	}
	if err != nil {
		return c, nil, pictureError(err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return c, nil, fmt.Errorf("%d×%d pixels, want 1 to %d of them", c.Width, c.Height, maxPixels)
	}
	return c, decode, nil
}

func pictureError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("image cut short")
	}
	return fmt.Errorf("damaged image: %w", err)
}

// decodePicture writes to dst, [channels, h, w], the image that data encodes.
// Colours keep their 8 most significant bits; what is transparent is laid on
// black; a rotation noted in EXIF data is not applied; colours that a JPEG stores
// at half resolution are repeated, not interpolated, which libjpeg does. Gray is
// the luminance of ITU-R BT.601, 0.299·R + 0.587·G + 0.114·B, rounded.
func decodePicture(dst, data []byte, sh shape, channels int) error {
	c, decode, err := pictureConfig(data)
	if err != nil {
		return err
	}
	if !sh.resize && (c.Width != sh.w || c.Height != sh.h) {
		return fmt.Errorf("%d×%d pixels, but %s has %d×%d; give a size to scale to", c.Width, c.Height, sh.first, sh.w, sh.h)
	}
	decoded, err := decode(bytes.NewReader(data))
	if err != nil {
		return pictureError(err)
	}
	bounds := decoded.Bounds()
	if bounds.Dx() != c.Width || bounds.Dy() != c.Height {
		return errors.New("damaged image: it changes its size")
	}
	rgba := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	stddraw.Draw(rgba, rgba.Rect, decoded, bounds.Min, stddraw.Src)
	rgba = fit(rgba, sh)

	plane := sh.h * sh.w
	for i := range plane {
		r, g, b := rgba.Pix[4*i], rgba.Pix[4*i+1], rgba.Pix[4*i+2]
		if channels == 1 {
			y := 19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) // the weights sum to 2¹⁶
			dst[i] = uint8((y + 1<<15) >> 16)
			continue
		}
		dst[i], dst[plane+i], dst[2*plane+i] = r, g, b
	}
	return nil
}

// fit scales the largest centred part of m that has the proportions of the
// shape, by a tent filter ([draw.BiLinear]) that widens with the factor when it
// makes smaller, so that nothing aliases. An image of the right size is returned
// as it is.
func fit(m *image.RGBA, sh shape) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if w == sh.w && h == sh.h {
		return m
	}
	edge := min(w, h)
	part := image.Rect(0, 0, edge, edge).Add(image.Pt((w-edge)/2, (h-edge)/2))
	scaled := image.NewRGBA(image.Rect(0, 0, sh.w, sh.h))
	draw.BiLinear.Scale(scaled, scaled.Rect, m, part, draw.Src, nil)
	return scaled
}
