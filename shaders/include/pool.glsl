// pool.glsl: the geometry of a pooling, in uniforms 0 to 10.
//
// Planes x are [planes, height, width], results y [planes, oh, ow]. The window
// of output (i, j) begins at the pixel (i·stride_h − pad_h, j·stride_w − pad_w).

layout(location = 0) uniform int planes;
layout(location = 1) uniform int height;
layout(location = 2) uniform int width;
layout(location = 3) uniform int oh;
layout(location = 4) uniform int ow;
layout(location = 5) uniform int window_h;
layout(location = 6) uniform int window_w;
layout(location = 7) uniform int stride_h;
layout(location = 8) uniform int stride_w;
layout(location = 9) uniform int pad_h;
layout(location = 10) uniform int pad_w;

// A Span is [first, end) on one axis.
struct Span {
    int first, end;
};

// inside returns the pixels of window i that lie inside the image, on an axis of
// so many pixels.
Span inside(int i, int size, int window, int stride, int pad) {
    int first = i * stride - pad;
    return Span(max(first, 0), min(first + window, size));
}

// covering returns the windows that hold pixel at, of so many on an axis.
Span covering(int at, int windows, int window, int stride, int pad) {
    int past = at + pad - window; // the last window's start that is too early
    return Span(past < 0 ? 0 : past / stride + 1, min((at + pad) / stride + 1, windows));
}
