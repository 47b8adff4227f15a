// batchnorm_frozen: running statistics in the form of those of a batch.
//
//     SAVED = {MEAN, 1/√(VARIANCE + eps)}
//
// SAVED     f32 [2, C]  out
// MEAN      f32 [C]
// VARIANCE  f32 [C]
//
// Grid    an invocation a channel.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufSAVED { float SAVED[]; };
layout(std430, binding = 1) readonly buffer BufMEAN { float MEAN[]; };
layout(std430, binding = 2) readonly buffer BufVARIANCE { float VARIANCE[]; };

layout(location = 0) uniform int channels;
layout(location = 1) uniform float eps;

void main() {
    int c = invocation();
    if (c >= channels) return;
    SAVED[c] = MEAN[c];
    SAVED[channels + c] = 1.0 / sqrt(VARIANCE[c] + eps);
}
