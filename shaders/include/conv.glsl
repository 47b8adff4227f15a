// conv.glsl: the geometry of a convolution, in uniforms 0 to 16.
//
// Images x are [batch, cin, height, width], filters w [cout, group_in, kh, kw],
// results y [batch, cout, oh, ow]. Filter o reads the group_in channels from
// first_channel(o) on. Tap (p, q) of output (i, j) reads the pixel
// (i·stride_h − pad_h + p·dilation_h, j·stride_w − pad_w + q·dilation_w).
//
// A matrix product is such a convolution (see gpu/matmul_lut.go).

layout(location = 0) uniform int batch;
layout(location = 1) uniform int cin;
layout(location = 2) uniform int height;
layout(location = 3) uniform int width;
layout(location = 4) uniform int cout;
layout(location = 5) uniform int kh;
layout(location = 6) uniform int kw;
layout(location = 7) uniform int oh;
layout(location = 8) uniform int ow;
layout(location = 9) uniform int group_in;
layout(location = 10) uniform int group_out;
layout(location = 11) uniform int stride_h;
layout(location = 12) uniform int stride_w;
layout(location = 13) uniform int pad_h;
layout(location = 14) uniform int pad_w;
layout(location = 15) uniform int dilation_h;
layout(location = 16) uniform int dilation_w;

// A Tap is a place in a filter.
struct Tap {
    int c, p, q;
};

// tap returns the k-th tap of a filter, next the one behind t.
Tap tap(int k) { return Tap(k / (kh * kw), k / kw % kh, k % kw); }

void next(inout Tap t) {
    if (++t.q < kw) return;
    t.q = 0;
    if (++t.p < kh) return;
    t.p = 0;
    t.c++;
}

// An Output is a place in y, or, with o left alone, in one of its channels.
struct Output {
    int n, o, i, j;
};

Output output_at(int y) { return Output(y / (ow * oh * cout), y / (ow * oh) % cout, y / ow % oh, y % ow); }

int first_channel(int o) { return o / group_out * group_in; }

// pixel returns the index in x of what tap t of output y reads, or -1 outside
// the image.
int pixel(Output y, Tap t) {
    int row = y.i * stride_h - pad_h + t.p * dilation_h;
    int column = y.j * stride_w - pad_w + t.q * dilation_w;
    if (row < 0 || row >= height || column < 0 || column >= width) return -1;
    return ((y.n * cin + first_channel(y.o) + t.c) * height + row) * width + column;
}

// A Pixel is a place in x.
struct Pixel {
    int n, c, row, column;
};

Pixel pixel_at(int x) { return Pixel(x / (width * height * cin), x / (width * height) % cin, x / width % height, x % width); }

// output_of returns the index in y of the output of filter o that reads pixel x
// by the tap (p, q), or -1 if there is none.
int output_of(Pixel x, int o, int p, int q) {
    int i = x.row + pad_h - p * dilation_h, j = x.column + pad_w - q * dilation_w;
    if (i < 0 || i % stride_h != 0 || j < 0 || j % stride_w != 0) return -1;
    i /= stride_h;
    j /= stride_w;
    if (i >= oh || j >= ow) return -1;
    return ((x.n * cout + o) * oh + i) * ow + j;
}
