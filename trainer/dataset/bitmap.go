package dataset

import (
	"image"
	"slices"
)

// A bitmap is one image in bytes, planar: [c, h, w].
type bitmap struct {
	c, h, w int
	pix     []uint8
}

// reshape makes b an image of the given shape, of any content. It takes memory
// only where b has not enough.
func (b *bitmap) reshape(c, h, w int) {
	b.c, b.h, b.w = c, h, w
	b.pix = slices.Grow(b.pix[:0], c*h*w)[:c*h*w]
}

// row returns row y of plane c.
func (b *bitmap) row(c, y int) []uint8 {
	return b.pix[(c*b.h+y)*b.w:][:b.w]
}

// bounds returns all of b.
func (b *bitmap) bounds() image.Rectangle { return image.Rect(0, 0, b.w, b.h) }

// luminance returns the gray of a colour as ITU-R BT.601 has it,
// 0.299·R + 0.587·G + 0.114·B, rounded.
func luminance(r, g, b uint8) uint8 {
	y := 19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) // the weights sum to 2¹⁶
	return uint8((y + 1<<15) >> 16)
}
