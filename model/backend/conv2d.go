package backend

import "fmt"

// A Padding says what a convolution's tap outside the image reads.
type Padding uint8

const (
	// PadZeroPoint reads X = Z_x, real 0, in every term of Eq. 8: what hardware
	// that pads its input buffer feeds the multiplier.
	PadZeroPoint Padding = iota
	// PadIntZero reads the value 0, and only AM(W, 0) enters the sum: what the
	// authors' code does. The same as PadZeroPoint where Z_x = 0.
	PadIntZero
)

func (p Padding) String() string {
	if p == PadIntZero {
		return "int-zero"
	}
	return "zero-point"
}

// A Conv2D is the geometry of a convolution, each pair {vertical, horizontal}.
// Zero values of Stride, Dilation and Groups stand for 1.
type Conv2D struct {
	Stride, Pad, Dilation [2]int
	Groups                int
	Padding               Padding // of the LUT operations; float ones pad with 0
}

// withDefaults replaces zero values.
func (c Conv2D) withDefaults() Conv2D {
	for i := range 2 {
		if c.Stride[i] == 0 {
			c.Stride[i] = 1
		}
		if c.Dilation[i] == 0 {
			c.Dilation[i] = 1
		}
	}
	if c.Groups == 0 {
		c.Groups = 1
	}
	return c
}

// Output returns the shape [N, Cout, OH, OW] of the convolution of images x
// [N, Cin, H, W] with filters w [Cout, Cin/groups, KH, KW]:
//
//	OH = ⌊(H + 2·pad − dilation·(KH−1) − 1)/stride⌋ + 1
func (c Conv2D) Output(w, x Shape) (Shape, error) {
	c = c.withDefaults()
	if len(w) != 4 || len(x) != 4 {
		return nil, fmt.Errorf("convolution of %v with %v, want [N, Cin, H, W] and [Cout, Cin/groups, KH, KW]", x, w)
	}
	if c.Groups < 0 || x[1] != w[1]*c.Groups || w[0]%c.Groups != 0 {
		return nil, fmt.Errorf("convolution of %v with %v in %d groups: channels do not divide", x, w, c.Groups)
	}
	out := Shape{x[0], w[0], 0, 0}
	for i := range 2 {
		if c.Stride[i] < 1 || c.Dilation[i] < 1 || c.Pad[i] < 0 {
			return nil, fmt.Errorf("convolution with stride %v, pad %v, dilation %v", c.Stride, c.Pad, c.Dilation)
		}
		room := x[2+i] + 2*c.Pad[i] - c.Dilation[i]*(w[2+i]-1) - 1
		if room < 0 {
			return nil, fmt.Errorf("convolution of %v with %v: the filter is larger than the padded image", x, w)
		}
		out[2+i] = room/c.Stride[i] + 1
	}
	return out, nil
}

// A Pool2D is the geometry of a pooling, each pair {vertical, horizontal}. A
// zero Stride stands for Window (PyTorch's default).
type Pool2D struct {
	Window, Stride, Pad [2]int
}

func (p Pool2D) withDefaults() Pool2D {
	for i := range 2 {
		if p.Stride[i] == 0 {
			p.Stride[i] = p.Window[i]
		}
	}
	return p
}

// Output returns the shape of the pooling of images x [N, C, H, W]:
// OH = ⌊(H + 2·pad − window)/stride⌋ + 1. Padding is at most half a window.
func (p Pool2D) Output(x Shape) (Shape, error) {
	p = p.withDefaults()
	if len(x) != 4 {
		return nil, fmt.Errorf("pooling of %v, want [N, C, H, W]", x)
	}
	out := Shape{x[0], x[1], 0, 0}
	for i := range 2 {
		room := x[2+i] + 2*p.Pad[i] - p.Window[i]
		if p.Window[i] < 1 || p.Stride[i] < 1 || p.Pad[i] < 0 || 2*p.Pad[i] > p.Window[i] || room < 0 {
			return nil, fmt.Errorf("pooling of %v with window %v, stride %v, pad %v", x, p.Window, p.Stride, p.Pad)
		}
		out[2+i] = room/p.Stride[i] + 1
	}
	return out, nil
}
