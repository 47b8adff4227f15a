// batchnorm_frozen_dx: the gradient of the input of a batch normalization by
// running statistics, dX = γ·r·dY.
//
// dX     f32 [N, C, each]  out
// dY     f32 [N, C, each]
// GAMMA  f32 [C]
// SAVED  f32 [2, C]        μ, r
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufGAMMA { float GAMMA[]; };
layout(std430, binding = 3) readonly buffer BufSAVED { float SAVED[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each;

void main() {
    int i = invocation();
    if (i >= n) return;
    int c = i / each % channels;
    precise float factor = GAMMA[c] * SAVED[channels + c];
    dX[i] = factor * dY[i];
}
