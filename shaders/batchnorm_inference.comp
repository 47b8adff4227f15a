// batchnorm_inference: normalizes by the running statistics.
//
//     Y = γ·(X − mean)/√(variance + eps) + β
//
// Y         f32 [N, C, each]  out
// X         f32 [N, C, each]
// GAMMA     f32 [C]
// BETA      f32 [C]
// MEAN      f32 [C]
// VARIANCE  f32 [C]
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };
layout(std430, binding = 2) readonly buffer BufGAMMA { float GAMMA[]; };
layout(std430, binding = 3) readonly buffer BufBETA { float BETA[]; };
layout(std430, binding = 4) readonly buffer BufMEAN { float MEAN[]; };
layout(std430, binding = 5) readonly buffer BufVARIANCE { float VARIANCE[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each;
layout(location = 3) uniform float eps;

void main() {
    int i = invocation();
    if (i >= n) return;
    int c = i / each % channels;
    precise float y = GAMMA[c] * (X[i] - MEAN[c]) / sqrt(VARIANCE[c] + eps) + BETA[c];
    Y[i] = y;
}
