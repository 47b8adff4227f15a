// adan_step: a step of Adan (Xie et al., arXiv 2208.06677).
//
//     δ = dW − PREV, 0 on the first step
//     M = beta1·M + fresh1·dW, V = beta2·V + fresh2·δ, S = beta3·S + fresh3·(dW + beta2·δ)²
//     W = (W − lr/(√S/root + eps)·(M·mean + V·change))·shrink, PREV = dW
//
// W     f32 [n]  in and out
// dW    f32 [n]
// M     f32 [n]  in and out
// V     f32 [n]  in and out
// S     f32 [n]  in and out; n of the paper
// PREV  f32 [n]  in and out
//
// Grid    an invocation an element.
//
// The bias corrections are in mean, change and root.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufW { float W[]; };
layout(std430, binding = 1) readonly buffer BufDW { float dW[]; };
layout(std430, binding = 2) buffer BufM { float M[]; };
layout(std430, binding = 3) buffer BufV { float V[]; };
layout(std430, binding = 4) buffer BufS { float S[]; };
layout(std430, binding = 5) buffer BufPREV { float PREV[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int first;
layout(location = 2) uniform float beta1;
layout(location = 3) uniform float fresh1; // 1 − beta1
layout(location = 4) uniform float beta2;
layout(location = 5) uniform float fresh2; // 1 − beta2
layout(location = 6) uniform float beta3;
layout(location = 7) uniform float fresh3; // 1 − beta3
layout(location = 8) uniform float mean;   // 1/(1 − beta1^t)
layout(location = 9) uniform float change; // beta2/(1 − beta2^t)
layout(location = 10) uniform float root;  // √(1 − beta3^t)
layout(location = 11) uniform float eps;
layout(location = 12) uniform float lr;
layout(location = 13) uniform float shrink; // 1/(1 + lr·weight decay)

void main() {
    int i = invocation();
    if (i >= n) return;
    float g = dW[i];
    precise float delta = first != 0 ? 0.0 : g - PREV[i];
    precise float m = beta1 * M[i] + fresh1 * g;
    precise float v = beta2 * V[i] + fresh2 * delta;
    precise float u = g + beta2 * delta;
    precise float s = beta3 * S[i] + fresh3 * (u * u);
    precise float next = (W[i] - lr / (sqrt(s) / root + eps) * (m * mean + v * change)) * shrink;
    M[i] = m;
    V[i] = v;
    S[i] = s;
    PREV[i] = g;
    W[i] = next;
}
