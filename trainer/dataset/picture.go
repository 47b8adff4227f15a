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
	"slices"
)

// Bounds on one image: as it is encoded, and as it is held or cut.
const (
	maxPixels      = 1 << 25 // 134 MB while it is decoded
	maxPictureEdge = 1<<16 - 1
	maxEdge        = 4096
)

// A badPicture is an error of an image that cannot be decoded, as opposed to a
// file that cannot be read.
type badPicture struct{ error }

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
		return c, nil, badPicture{errors.New("neither a JPEG nor a PNG image")}
	}
	if err != nil {
		return c, nil, pictureError(data, err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height || max(c.Width, c.Height) > maxPictureEdge {
		return c, nil, badPicture{fmt.Errorf("%d×%d pixels, want 1 to %d of them, and edges of at most %d",
			c.Width, c.Height, maxPixels, maxPictureEdge)}
	}
	return c, decode, nil
}

// pictureError puts into words why an image cannot be decoded. A JPEG that does
// not end as it should, zeros aside, was cut short, whatever its decoder says.
func pictureError(data []byte, err error) error {
	unended := bytes.HasPrefix(data, []byte("\xff\xd8")) && !bytes.HasSuffix(bytes.TrimRight(data, "\x00"), []byte("\xff\xd9"))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || unended {
		return badPicture{errors.New("image cut short")}
	}
	if errors.As(err, new(jpeg.UnsupportedError)) || errors.As(err, new(png.UnsupportedError)) {
		return badPicture{fmt.Errorf("image of a kind that is not read: %w; convert it to a common one", err)}
	}
	return badPicture{fmt.Errorf("damaged image: %w", err)}
}

// A decoder decodes pictures. It holds memory for the next, and is for one
// goroutine.
type decoder struct {
	rgba    []uint8
	picture bitmap
}

// decode makes d.picture the image that data encodes, in 1 or 3 channels.
//
// Colours keep their 8 most significant bits; those of CMYK become red, green
// and blue without a profile; what is transparent is laid on black; a rotation
// noted in EXIF data is not applied; colours that a JPEG stores at half
// resolution are repeated, not interpolated, which libjpeg does. Gray is the
// luminance of ITU-R BT.601.
func (d *decoder) decode(data []byte, channels int) error {
	c, decode, err := pictureConfig(data)
	if err != nil {
		return err
	}
	decoded, err := decode(bytes.NewReader(data))
	if err != nil {
		return pictureError(data, err)
	}
	bounds := decoded.Bounds()
	if bounds.Dx() != c.Width || bounds.Dy() != c.Height {
		return badPicture{errors.New("damaged image: it changes its size")}
	}
	p := &d.picture
	p.reshape(channels, c.Height, c.Width)
	plane := c.Height * c.Width
	if gray, ok := decoded.(*image.Gray); ok {
		for y := range c.Height {
			copy(p.row(0, y), gray.Pix[y*gray.Stride:])
		}
		for ch := 1; ch < channels; ch++ {
			copy(p.pix[ch*plane:], p.pix[:plane])
		}
		return nil
	}
	d.rgba = slices.Grow(d.rgba[:0], 4*plane)[:4*plane]
	rgba := &image.RGBA{Pix: d.rgba, Stride: 4 * c.Width, Rect: image.Rect(0, 0, c.Width, c.Height)}
	stddraw.Draw(rgba, rgba.Rect, decoded, bounds.Min, stddraw.Src)
	if channels == 1 {
		for i := range p.pix {
			v := rgba.Pix[4*i:][:4]
			p.pix[i] = luminance(v[0], v[1], v[2])
		}
		return nil
	}
	red, green, blue := p.pix[:plane], p.pix[plane:][:plane], p.pix[2*plane:][:plane]
	for i := range red {
		v := rgba.Pix[4*i:][:4]
		red[i], green[i], blue[i] = v[0], v[1], v[2]
	}
	return nil
}
