package dataset

import (
	"math"
	"math/rand/v2"
)

// A colourJitter is how far colours are changed at random, as torchvision's
// ColorJitter(brightness, contrast, saturation, hue) does.
type colourJitter struct{ brightness, contrast, saturation, hue float64 }

// apply changes b by factors drawn from g, in an order drawn from g. What has
// strength 0 is not done. Images of one channel have no saturation and no hue.
func (j colourJitter) apply(b *bitmap, g *rand.Rand) {
	order := [4]int{0, 1, 2, 3}
	g.Shuffle(4, func(i, k int) { order[i], order[k] = order[k], order[i] })
	factor := func(strength float64) float64 { return uniform(g, max(0, 1-strength), 1+strength) }
	for _, what := range order {
		switch {
		case what == 0 && j.brightness > 0:
			brighten(b, factor(j.brightness))
		case what == 1 && j.contrast > 0:
			contrast(b, factor(j.contrast))
		case what == 2 && j.saturation > 0:
			saturate(b, factor(j.saturation))
		case what == 3 && j.hue > 0:
			turnHue(b, uniform(g, -j.hue, j.hue))
		}
	}
}

// blend returns a + f·(b - a), cut to [0, 255] and rounded down, as Pillow's
// blend does: in float32.
func blend(a, b uint8, f float32) uint8 {
	v := float32(a) + float32(f*float32(int(b)-int(a)))
	return uint8(min(max(v, 0), 255))
}

// brighten makes of each value v the blend of black and v.
func brighten(b *bitmap, f float64) {
	var table [256]uint8
	for v := range table {
		table[v] = blend(0, uint8(v), float32(f))
	}
	for i, v := range b.pix {
		b.pix[i] = table[v]
	}
}

// contrast makes of each value v the blend of the image's mean luminance,
// rounded, and v.
func contrast(b *bitmap, f float64) {
	plane, sum := b.h*b.w, 0
	if b.c == 3 {
		for i := range plane {
			sum += int(luminance(b.pix[i], b.pix[plane+i], b.pix[2*plane+i]))
		}
	} else {
		for _, v := range b.pix {
			sum += int(v)
		}
		sum /= b.c
	}
	mean := uint8(float64(sum)/float64(plane) + 0.5)
	var table [256]uint8
	for v := range table {
		table[v] = blend(mean, uint8(v), float32(f))
	}
	for i, v := range b.pix {
		b.pix[i] = table[v]
	}
}

// saturate makes of each value v the blend of its pixel's luminance and v.
func saturate(b *bitmap, f float64) {
	if b.c != 3 {
		return
	}
	plane := b.h * b.w
	red, green, blue := b.pix[:plane], b.pix[plane:2*plane], b.pix[2*plane:]
	for i := range plane {
		y := luminance(red[i], green[i], blue[i])
		red[i] = blend(y, red[i], float32(f))
		green[i] = blend(y, green[i], float32(f))
		blue[i] = blend(y, blue[i], float32(f))
	}
}

// turnHue adds f, in turns, to the hue of each pixel. Hue, saturation and value
// (Smith, "Color Gamut Transform Pairs", SIGGRAPH 1978) are held in bytes on
// the way, as Pillow and torchvision hold them: a turn has 255 steps, and f is
// rounded towards 0 to one of them.
func turnHue(b *bitmap, f float64) {
	if b.c != 3 {
		return
	}
	step := uint8(int(f * 255)) // below 0 it wraps, as the hue does
	plane := b.h * b.w
	red, green, blue := b.pix[:plane], b.pix[plane:2*plane], b.pix[2*plane:]
	for i := range plane {
		h, s, v := toHSV(red[i], green[i], blue[i])
		red[i], green[i], blue[i] = fromHSV(h+step, s, v)
	}
}

// toHSV returns hue, saturation and value, each scaled to [0, 255] and rounded
// down.
func toHSV(r, g, b uint8) (h, s, v uint8) {
	v = max(r, g, b)
	low := min(r, g, b)
	if v == low {
		return 0, 0, v
	}
	span := float32(v - low)
	// How far each primary lies below the greatest, in [0, 1].
	dr, dg, db := float32(v-r)/span, float32(v-g)/span, float32(v-b)/span
	var sixth float64 // of a turn
	switch v {
	case r:
		sixth = float64(db - dg)
	case g:
		sixth = 2 + float64(dr) - float64(db)
	default:
		sixth = 4 + float64(dg) - float64(dr)
	}
	_, turn := math.Modf(float64(float32(sixth))/6 + 1)
	return uint8(float64(float32(turn)) * 255), uint8(float64(span/float32(v)) * 255), v
}

// fromHSV returns the colour of a hue, saturation and value, each in [0, 255],
// rounded.
func fromHSV(h, s, v uint8) (r, g, b uint8) {
	if s == 0 {
		return v, v, v
	}
	sector, within := math.Modf(float64(float32(h)*6) / 255)
	saturation, value := float64(s)/255, float64(v)
	round := func(x float64) uint8 { return uint8(math.Round(x)) }
	low := round(value * (1 - saturation))
	fall := round(value * (1 - float64(saturation*within)))
	rise := round(value * (1 - float64(saturation*(1-within))))
	switch int(sector) % 6 {
	case 0:
		return v, rise, low
	case 1:
		return fall, v, low
	case 2:
		return low, v, rise
	case 3:
		return low, fall, v
	case 4:
		return rise, low, v
	default:
		return v, low, fall
	}
}
