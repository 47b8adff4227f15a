// batchnorm_statistics: what a batch normalization keeps of a batch.
//
//     σ² = squares/T, r = 1/√(σ² + eps),
//     mean = keep·mean + momentum·μ, variance = keep·variance + momentum·squares/(T−1)
//
// SAVED     f32 [2, C]       in: μ; out: r
// MEAN      f32 [C]          in and out
// VARIANCE  f32 [C]          in and out
// P         f32 [slices, C]  of channel_sums, TERM 1: squares is their sum
//
// Grid    an invocation a channel.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufSAVED { float SAVED[]; };
layout(std430, binding = 1) buffer BufMEAN { float MEAN[]; };
layout(std430, binding = 2) buffer BufVARIANCE { float VARIANCE[]; };
layout(std430, binding = 3) readonly buffer BufP { float P[]; };

layout(location = 0) uniform int channels;
layout(location = 1) uniform int slices;
layout(location = 2) uniform float count; // T
layout(location = 3) uniform float eps;
layout(location = 4) uniform float keep; // 1 − momentum
layout(location = 5) uniform float momentum;

void main() {
    int c = invocation();
    if (c >= channels) return;
    float squares = 0.0;
    for (int z = 0; z < slices; z++) squares += P[z * channels + c];
    SAVED[channels + c] = 1.0 / sqrt(squares / count + eps);
    MEAN[c] = keep * MEAN[c] + momentum * SAVED[c];
    VARIANCE[c] = keep * VARIANCE[c] + momentum * (squares / (count - 1.0));
}
