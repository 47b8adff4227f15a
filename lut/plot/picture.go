package plot

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"

	"gputrain/lut"
)

// A Picture is a drawing that can be written in every format of [Formats].
type Picture struct {
	width, height vg.Length
	draw          func(c draw.Canvas)
}

// dpi is the resolution of a PNG.
const dpi = 150

// formats write a picture.
var formats = map[string]func(p *Picture, w io.Writer) error{
	"png": (*Picture).writePNG,
	"svg": (*Picture).writeSVG,
	"pdf": (*Picture).writePDF,
}

// Formats returns the formats of pictures, which are also the extensions of
// their files: pdf, png, svg.
func Formats() []string {
	var names []string
	for name := range formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Format returns the format that the extension of path names.
func Format(path string) (string, error) {
	format := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	if _, ok := formats[format]; !ok {
		return "", fmt.Errorf("plot: %s: its extension names no format of pictures, want one of %s", path, strings.Join(Formats(), ", "))
	}
	return format, nil
}

// Write draws p in a format. It fails only if w does, or on an unknown format.
func (p *Picture) Write(w io.Writer, format string) error {
	write, ok := formats[format]
	if !ok {
		return fmt.Errorf("plot: format %q, want one of %s", format, strings.Join(Formats(), ", "))
	}
	var buf bytes.Buffer // encoders write to memory, so that what they say is about w
	if err := write(p, &buf); err != nil {
		return fmt.Errorf("plot: %s: %w", format, err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// Save writes p to a file, in the format that its extension names. On failure
// the file is left as it was.
func (p *Picture) Save(path string) error {
	format, err := Format(path)
	if err != nil {
		return err
	}
	return lut.WriteFile(path, func(w io.Writer) error { return p.Write(w, format) })
}

func (p *Picture) writePNG(w io.Writer) error {
	c := pngCanvas{vgimg.NewWith(vgimg.UseWH(p.width, p.height), vgimg.UseDPI(dpi))}
	p.draw(draw.New(c))
	return png.Encode(w, c.Image())
}

// A pngCanvas draws images in their own colours, the nearest to each pixel:
// vgimg would mix neighbours. It supposes that nothing moves the origin, which
// package plot does for rotated texts alone.
type pngCanvas struct{ *vgimg.Canvas }

func (c pngCanvas) DrawImage(rect vg.Rectangle, img image.Image) {
	onto := c.Image()
	height := onto.Bounds().Dy()
	pixel := func(l vg.Length) int { return int(math.Round(l.Dots(dpi))) }
	left, right := pixel(rect.Min.X), pixel(rect.Max.X)
	above, below := height-pixel(rect.Max.Y), height-pixel(rect.Min.Y)
	from := img.Bounds()
	for y := above; y < below; y++ {
		for x := left; x < right; x++ {
			onto.Set(x, y, img.At(from.Min.X+(x-left)*from.Dx()/(right-left), from.Min.Y+(y-above)*from.Dy()/(below-above)))
		}
	}
}

func (p *Picture) writeSVG(w io.Writer) error {
	c := vgsvg.New(p.width, p.height)
	p.draw(draw.New(c))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return err
	}
	// vgsvg embeds PNGs and calls them JPEGs, which not every renderer forgives,
	// and says nothing of stretching them, which then none does.
	_, err := strings.NewReplacer("data:image/jpg;", "data:image/png;", "<image ", `<image preserveAspectRatio="none" `).
		WriteString(w, buf.String())
	return err
}

func (p *Picture) writePDF(w io.Writer) error {
	c := pdfCanvas{vgpdf.New(p.width, p.height), map[int]bool{}}
	p.draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

// init has PDF files hold their parts in order and no time of day: vgpdf gives
// no hand on the document that it writes.
func init() {
	fpdf.SetDefaultCatalogSort(true)
	fpdf.SetDefaultCreationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultModificationDate(time.Unix(0, 0).UTC())
}

// A pdfCanvas makes up for what vgpdf does to images and texts.
type pdfCanvas struct {
	*vgpdf.Canvas
	widths map[int]bool // of images, in pixels
}

// DrawImage draws images upside down, for vgpdf turns the page over and them
// with it, and of widths that differ, for fpdf orders them by width, and those
// of one width by chance.
func (c pdfCanvas) DrawImage(rect vg.Rectangle, img image.Image) {
	src := img.(*image.Paletted) // no others are drawn here
	from := src.Rect
	width := from.Dx()
	for c.widths[width] {
		width++
	}
	c.widths[width] = true
	turned := image.NewPaletted(image.Rect(0, 0, width, from.Dy()), src.Palette)
	for y := range from.Dy() {
		for x := range width {
			turned.SetColorIndex(x, from.Dy()-1-y, src.ColorIndexAt(from.Min.X+x*from.Dx()/width, from.Min.Y+y))
		}
	}
	c.Canvas.DrawImage(rect, turned)
}

// FillString gives texts to vgpdf in the encoding of the fonts that it embeds.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, text string) {
	c.Canvas.FillString(f, at, windows1252(text))
}

// windows1252 returns the bytes of text in that encoding, ? for what it has not.
func windows1252(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80, r >= 0xa0 && r <= 0xff: // as in Unicode
			b.WriteByte(byte(r))
		case r == '–':
			b.WriteByte(0x96)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
