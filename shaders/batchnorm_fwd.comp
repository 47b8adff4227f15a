// batchnorm_fwd: normalizes by the statistics of the batch.
//
//     Y = γ·(X − μ)·r + β
//
// Y      f32 [N, C, each]  out
// X      f32 [N, C, each]
// GAMMA  f32 [C]
// BETA   f32 [C]
// SAVED  f32 [2, C]        μ, r
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };
layout(std430, binding = 2) readonly buffer BufGAMMA { float GAMMA[]; };
layout(std430, binding = 3) readonly buffer BufBETA { float BETA[]; };
layout(std430, binding = 4) readonly buffer BufSAVED { float SAVED[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each;

void main() {
    int i = invocation();
    if (i >= n) return;
    int c = i / each % channels;
    precise float y = GAMMA[c] * (X[i] - SAVED[c]) * SAVED[channels + c] + BETA[c];
    Y[i] = y;
}
