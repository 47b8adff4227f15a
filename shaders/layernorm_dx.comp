// layernorm_dx: the gradient of the input of a layer normalization.
//
//     d = γ·dY, x̂ = (X − μ)·r, dX = r·(d − mean d − x̂·mean(d·x̂))
//
// dX     f32 [N, C, L]  out
// dY     f32 [N, C, L]
// X      f32 [N, C, L]
// GAMMA  f32 [C]
// SAVED  f32 [2, N, L]  μ, r
//
// Grid    an invocation a token (n, l).

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };
layout(std430, binding = 3) readonly buffer BufGAMMA { float GAMMA[]; };
layout(std430, binding = 4) readonly buffer BufSAVED { float SAVED[]; };

layout(location = 0) uniform int tokens; // N·L
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each; // L

void main() {
    int t = invocation();
    if (t >= tokens) return;
    int first = t / each * channels * each + t % each;
    float mu = SAVED[t], r = SAVED[tokens + t];

    float sum = 0.0, product = 0.0;
    for (int c = 0; c < channels; c++) {
        int i = first + c * each;
        float d = GAMMA[c] * dY[i];
        sum += d;
        product += d * ((X[i] - mu) * r);
    }
    sum /= float(channels);
    product /= float(channels);
    for (int c = 0; c < channels; c++) {
        int i = first + c * each;
        precise float d = r * (GAMMA[c] * dY[i] - sum - (X[i] - mu) * r * product);
        dX[i] = d;
    }
}
