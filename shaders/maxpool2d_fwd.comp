// maxpool2d_fwd: the greatest of each window and where it stands.
//
// Y  f32 [planes, OH, OW]  out, by its bits
// I  i32 [planes, OH, OW]  out: index in the H×W plane
// X  f32 [planes, H, W]    by its bits
//
// Grid    an invocation an output.
//
// Of equals the first in row-major order; the first NaN wins; padding never.

#version 430 core

#include "index.glsl"
#include "pool.glsl"
#include "bits.glsl"

layout(std430, binding = 0) writeonly buffer BufY { uint Y[]; };
layout(std430, binding = 1) writeonly buffer BufI { int I[]; };
layout(std430, binding = 2) readonly buffer BufX { uint X[]; };

void main() {
    int index = invocation();
    if (index >= planes * oh * ow) return;
    int plane = index / (oh * ow) * height * width;
    Span rows = inside(index / ow % oh, height, window_h, stride_h, pad_h);
    Span columns = inside(index % ow, width, window_w, stride_w, pad_w);

    int best = rows.first * width + columns.first;
    uint greatest = X[plane + best];
    for (int row = rows.first; row < rows.end; row++) {
        for (int column = columns.first; column < columns.end; column++) {
            int at = row * width + column;
            uint x = X[plane + at];
            if (is_nan(greatest)) continue;
            if (is_nan(x) || uintBitsToFloat(x) > uintBitsToFloat(greatest)) {
                best = at;
                greatest = x;
            }
        }
    }
    Y[index] = greatest;
    I[index] = best;
}
