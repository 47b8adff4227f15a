// batchnorm_dx: the gradient of the input of a batch normalization.
//
//     dX = γ·r·(dY − dβ/T − x̂·dγ/T), x̂ = (X − μ)·r
//
// dX      f32 [N, C, each]  out
// dY      f32 [N, C, each]
// X       f32 [N, C, each]
// GAMMA   f32 [C]
// SAVED   f32 [2, C]        μ, r
// DGAMMA  f32 [C]
// DBETA   f32 [C]
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };
layout(std430, binding = 3) readonly buffer BufGAMMA { float GAMMA[]; };
layout(std430, binding = 4) readonly buffer BufSAVED { float SAVED[]; };
layout(std430, binding = 5) readonly buffer BufDGAMMA { float DGAMMA[]; };
layout(std430, binding = 6) readonly buffer BufDBETA { float DBETA[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each;
layout(location = 3) uniform float count; // T

void main() {
    int i = invocation();
    if (i >= n) return;
    int c = i / each % channels;
    float r = SAVED[channels + c];
    precise float normalized = (X[i] - SAVED[c]) * r;
    precise float d = GAMMA[c] * r * (dY[i] - DBETA[c] / count - normalized * (DGAMMA[c] / count));
    dX[i] = d;
}
