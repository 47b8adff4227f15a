// layernorm_fwd: layer normalization over the channels of a sequence.
//
//     μ = mean X, σ² = mean (X − μ)², r = 1/√(σ² + eps), Y = γ·(X − μ)·r + β
//
// Y      f32 [N, C, L]  out
// X      f32 [N, C, L]
// GAMMA  f32 [C]
// BETA   f32 [C]
// SAVED  f32 [2, N, L]  out: μ, r
//
// Grid    an invocation a token (n, l).

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };
layout(std430, binding = 2) readonly buffer BufGAMMA { float GAMMA[]; };
layout(std430, binding = 3) readonly buffer BufBETA { float BETA[]; };
layout(std430, binding = 4) writeonly buffer BufSAVED { float SAVED[]; };

layout(location = 0) uniform int tokens; // N·L
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each; // L
layout(location = 3) uniform float eps;

void main() {
    int t = invocation();
    if (t >= tokens) return;
    int first = t / each * channels * each + t % each;
    int end = first + channels * each;

    float sum = 0.0;
    for (int i = first; i < end; i += each) sum += X[i];
    float mu = sum / float(channels);
    float squares = 0.0;
    for (int i = first; i < end; i += each) {
        float d = X[i] - mu;
        squares += d * d;
    }
    float r = 1.0 / sqrt(squares / float(channels) + eps);
    SAVED[t] = mu;
    SAVED[tokens + t] = r;
    for (int c = 0; c < channels; c++) {
        int i = first + c * each;
        precise float y = GAMMA[c] * ((X[i] - mu) * r) + BETA[c];
        Y[i] = y;
    }
}
