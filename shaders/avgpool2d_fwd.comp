// avgpool2d_fwd: the mean of each window, padding counted as zeros.
//
// Y  f32 [planes, OH, OW]  out
// X  f32 [planes, H, W]
//
// Grid    an invocation an output.

#version 430 core

#include "index.glsl"
#include "pool.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };

void main() {
    int index = invocation();
    if (index >= planes * oh * ow) return;
    int plane = index / (oh * ow) * height * width;
    Span rows = inside(index / ow % oh, height, window_h, stride_h, pad_h);
    Span columns = inside(index % ow, width, window_w, stride_w, pad_w);

    float sum = 0.0;
    for (int row = rows.first; row < rows.end; row++) {
        for (int column = columns.first; column < columns.end; column++) sum += X[plane + row * width + column];
    }
    Y[index] = sum / float(window_h * window_w);
}
