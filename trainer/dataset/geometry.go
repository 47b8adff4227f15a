package dataset

import (
	"image"
	"math"
	"math/rand/v2"
)

// scaledSize returns what an image of w×h pixels measures when its shorter side
// is brought to edge, as torchvision's Resize(edge) has it: the other side is
// rounded down.
func scaledSize(w, h, edge int) (int, int) {
	if w <= h {
		return edge, edge * h / w
	}
	return edge * w / h, edge
}

// centred returns the window of w×h pixels at the centre of an image of W×H, as
// torchvision's CenterCrop has it: halves of a pixel go to the even place.
func centred(W, H, w, h int) image.Rectangle {
	x := int(math.RoundToEven(float64(W-w) / 2))
	y := int(math.RoundToEven(float64(H-h) / 2))
	return image.Rect(x, y, x+w, y+h)
}

// randomBox draws the part of an image of w×h pixels that a random resized crop
// keeps (Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, §6), as
// torchvision has it: with
//
//	area = w·h · U(scale)      ratio = exp(U(ln ratio))
//	width = √(area·ratio)      height = √(area/ratio)      each rounded
//
// at a place that is uniform, if the image has room for it. After ten tries it
// is the largest centred part with a ratio in the range.
func randomBox(w, h int, scale, ratio [2]float64, g *rand.Rand) image.Rectangle {
	lo, hi := math.Log(ratio[0]), math.Log(ratio[1])
	for range 10 {
		area := float64(w*h) * uniform(g, scale[0], scale[1])
		r := math.Exp(uniform(g, lo, hi))
		bw := int(math.RoundToEven(math.Sqrt(area * r)))
		bh := int(math.RoundToEven(math.Sqrt(area / r)))
		if 0 < bw && bw <= w && 0 < bh && bh <= h {
			y := g.IntN(h - bh + 1)
			x := g.IntN(w - bw + 1)
			return image.Rect(x, y, x+bw, y+bh)
		}
	}
	bw, bh := w, h
	switch r := float64(w) / float64(h); {
	case r < ratio[0]:
		bh = min(max(int(math.RoundToEven(float64(w)/ratio[0])), 1), h)
	case r > ratio[1]:
		bw = min(max(int(math.RoundToEven(float64(h)*ratio[1])), 1), w)
	}
	x, y := (w-bw)/2, (h-bh)/2
	return image.Rect(x, y, x+bw, y+bh)
}

// rotate writes to dst what src becomes when it is turned by an angle, in
// degrees, counter-clockwise about its centre. With c = cos, s = sin of the
// angle, and (x, y) measured from the centre to the middle of a pixel, y
// downwards,
//
//	dst(x, y) = src(c·x - s·y, s·x + c·y)
//
// taken from the nearest pixel; black outside. This is what torchvision's
// rotate does by default.
func rotate(dst, src *bitmap, degrees float64) {
	dst.reshape(src.c, src.h, src.w)
	s, c := math.Sincos(degrees * math.Pi / 180)
	mx, my := float64(src.w)/2, float64(src.h)/2
	for y := range src.h {
		v := float64(y) + 0.5 - my
		for x := range src.w {
			u := float64(x) + 0.5 - mx
			fx, fy := math.Floor(float64(c*u)-float64(s*v)+mx), math.Floor(float64(s*u)+float64(c*v)+my)
			at := y*src.w + x
			inside := 0 <= fx && fx < float64(src.w) && 0 <= fy && fy < float64(src.h)
			from := 0
			if inside {
				from = int(fy)*src.w + int(fx)
			}
			for p := range src.c {
				plane := p * src.h * src.w
				dst.pix[plane+at] = 0
				if inside {
					dst.pix[plane+at] = src.pix[plane+from]
				}
			}
		}
	}
}
