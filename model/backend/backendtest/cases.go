package backendtest

import (
	"fmt"

	"gputrain/model/backend"
)

// A MatMulShape says Y[M,N] = W[M,K]·X[K,N], or a batch of those where Batch
// is not 0.
type MatMulShape struct{ Batch, M, K, N int }

// String formats s as MxKxN, or BxMxKxN.
func (s MatMulShape) String() string {
	if s.Batch > 0 {
		return fmt.Sprintf("%dx%dx%dx%d", s.Batch, s.M, s.K, s.N)
	}
	return fmt.Sprintf("%dx%dx%d", s.M, s.K, s.N)
}

// MatMulShapes are the shapes of matrix products under test. Kernels work in
// tiles of 8, 16, 64 and 128, and gather sums of up to 256 terms before they
// spread them, so sizes lie on, one below and one above those.
var MatMulShapes = []MatMulShape{
	{M: 1, K: 1, N: 1},
	{M: 1, K: 3, N: 17},
	{M: 3, K: 1, N: 2},
	{M: 9, K: 7, N: 1},
	{M: 7, K: 8, N: 9},
	{M: 16, K: 16, N: 16},
	{M: 15, K: 33, N: 31},
	{M: 17, K: 15, N: 16},
	{M: 1, K: 2, N: 600},
	{M: 600, K: 2, N: 1},
	{M: 5, K: 600, N: 1},
	{M: 63, K: 65, N: 64},
	{M: 64, K: 63, N: 65},
	{M: 65, K: 64, N: 63},
	{M: 2, K: 255, N: 127},
	{M: 8, K: 256, N: 128},
	{M: 33, K: 257, N: 129},
	{M: 4, K: 513, N: 255},
	{M: 10, K: 512, N: 64}, // a classifier
	{M: 1, K: 1, N: 70000}, // more columns than a device has work groups an axis
	{Batch: 1, M: 1, K: 1, N: 1},
	{Batch: 2, M: 3, K: 5, N: 7},
	{Batch: 3, M: 17, K: 16, N: 15},
	{Batch: 4, M: 33, K: 9, N: 33},
}

// AttentionShapes are the products of attention heads, channels first: keys with
// queries, values with weights, of the 65 tokens of a small network and the 197
// of a vision transformer.
var AttentionShapes = []MatMulShape{
	{Batch: 3, M: 65, K: 32, N: 65},
	{Batch: 3, M: 32, K: 65, N: 65},
	{Batch: 1, M: 197, K: 64, N: 197},
}

// fewMatMulShapes go with every multiplier and every form of gradient.
var fewMatMulShapes = []MatMulShape{
	{M: 1, K: 1, N: 1},
	{M: 17, K: 33, N: 19},
	{Batch: 2, M: 5, K: 17, N: 9},
}

// A ConvShape is a convolution of N images of Cin×H×W with Cout filters of
// KH×KW.
type ConvShape struct {
	N, Cin, H, W int
	Cout, KH, KW int
	Geometry     backend.Conv2D
}

// Filters and Images return the shapes of w and x.
func (s ConvShape) Filters() backend.Shape {
	return backend.Shape{s.Cout, s.Cin / max(1, s.Geometry.Groups), s.KH, s.KW}
}

// Images returns the shape of x.
func (s ConvShape) Images() backend.Shape { return backend.Shape{s.N, s.Cin, s.H, s.W} }

// String formats s as in 2x3x5x5_o4k3x3s2x2p1x1d1x1g1, leaving out what is the
// default.
func (s ConvShape) String() string {
	g := s.Geometry
	name := fmt.Sprintf("%dx%dx%dx%d_o%dk%dx%d", s.N, s.Cin, s.H, s.W, s.Cout, s.KH, s.KW)
	if g.Stride != [2]int{} {
		name += fmt.Sprintf("s%dx%d", g.Stride[0], g.Stride[1])
	}
	if g.Pad != [2]int{} {
		name += fmt.Sprintf("p%dx%d", g.Pad[0], g.Pad[1])
	}
	if g.Dilation != [2]int{} {
		name += fmt.Sprintf("d%dx%d", g.Dilation[0], g.Dilation[1])
	}
	if g.Groups != 0 {
		name += fmt.Sprintf("g%d", g.Groups)
	}
	return name
}

func conv(n, cin, h, w, cout, kh, kw int, g backend.Conv2D) ConvShape {
	return ConvShape{n, cin, h, w, cout, kh, kw, g}
}

// square returns the geometry with the same stride, pad and dilation on both
// axes.
func square(stride, pad, dilation, groups int) backend.Conv2D {
	return backend.Conv2D{Stride: [2]int{stride, stride}, Pad: [2]int{pad, pad},
		Dilation: [2]int{dilation, dilation}, Groups: groups}
}

// ConvShapes are the convolutions under test.
var ConvShapes = []ConvShape{
	conv(1, 1, 1, 1, 1, 1, 1, backend.Conv2D{}),
	conv(2, 3, 5, 5, 4, 3, 3, square(0, 1, 0, 0)),
	conv(1, 3, 6, 7, 2, 3, 3, backend.Conv2D{}),
	conv(2, 4, 9, 9, 6, 3, 3, square(2, 1, 1, 1)),
	conv(1, 2, 9, 11, 3, 3, 2, backend.Conv2D{Stride: [2]int{2, 3}, Pad: [2]int{2, 1}, Dilation: [2]int{2, 1}}),
	conv(1, 2, 7, 6, 3, 2, 3, backend.Conv2D{Stride: [2]int{1, 2}, Pad: [2]int{0, 2}, Dilation: [2]int{1, 3}}),
	conv(1, 2, 8, 8, 2, 3, 3, square(1, 2, 2, 1)),
	conv(2, 4, 6, 6, 6, 3, 3, square(1, 1, 1, 2)), // groups
	conv(1, 6, 5, 5, 4, 3, 1, backend.Conv2D{Pad: [2]int{1, 0}, Groups: 2}),
	conv(1, 8, 7, 7, 8, 3, 3, square(1, 1, 1, 8)), // depthwise
	conv(2, 3, 6, 6, 6, 3, 3, square(2, 1, 1, 3)), // depthwise, two filters a channel
	conv(2, 8, 5, 5, 16, 1, 1, backend.Conv2D{}),  // 1×1
	conv(2, 4, 7, 7, 8, 1, 1, square(2, 0, 1, 1)), // the shortcut of a residual block
	conv(2, 2, 3, 3, 2, 1, 1, square(1, 1, 1, 1)), // outputs of padding alone
	conv(17, 33, 1, 1, 15, 1, 1, backend.Conv2D{}),
	conv(1, 1, 2, 2, 2, 3, 3, square(1, 3, 1, 1)),   // more padding than image
	conv(1, 2, 9, 9, 2, 2, 2, square(3, 0, 1, 1)),   // pixels that no tap reads
	conv(1, 1, 28, 28, 6, 5, 5, square(1, 2, 1, 1)), // LeNet-5
	conv(1, 3, 14, 14, 8, 7, 7, square(2, 3, 1, 1)),
	conv(3, 4, 5, 5, 3, 5, 5, backend.Conv2D{}), // one output an image
	conv(1, 16, 8, 8, 16, 3, 3, square(1, 1, 1, 1)),
	conv(2, 7, 9, 9, 17, 3, 3, square(1, 1, 1, 1)),
	conv(1, 29, 5, 5, 33, 3, 3, square(1, 1, 1, 1)), // K = 261
	conv(1, 15, 17, 16, 15, 3, 3, square(1, 0, 1, 1)),
	conv(2, 16, 16, 16, 16, 3, 3, square(1, 1, 1, 1)), // ResNet-20
}

// fewConvShapes go with every multiplier and every form of gradient.
var fewConvShapes = []ConvShape{
	conv(2, 4, 5, 6, 6, 3, 2, backend.Conv2D{Stride: [2]int{2, 1}, Pad: [2]int{1, 1}, Groups: 2}),
}

// Lengths are the shapes of tensors for element-wise operations.
var Lengths = []backend.Shape{
	{1}, {2, 3}, {63}, {64}, {65}, {255}, {256}, {257}, {1, 5, 7, 9}, {70001},
}

// BenchmarkShapes are the matrix products by which kernels are judged on any
// machine: layers of VGG19 and ResNet at batch 1 to 4.
var BenchmarkShapes = []MatMulShape{
	{M: 64, K: 576, N: 4096},
	{M: 128, K: 1152, N: 4096},
	{M: 512, K: 4608, N: 1024},
	{M: 128, K: 512, N: 512},
}

// LargeBenchmarkShapes are those that only a GPU does in reasonable time, an
// attention among them.
var LargeBenchmarkShapes = []MatMulShape{
	{M: 64, K: 27, N: 65536},
	{M: 64, K: 576, N: 65536},
	{M: 10, K: 512, N: 64},
	{Batch: 12, M: 197, K: 64, N: 197},
}

// BenchmarkConvShapes are convolutions that are no plain product, or whose
// gathering of patches is part of the cost.
var BenchmarkConvShapes = []ConvShape{
	conv(64, 96, 32, 32, 96, 3, 3, square(1, 1, 1, 96)), // depthwise
	conv(16, 16, 32, 32, 16, 3, 3, square(1, 1, 1, 1)),
}
