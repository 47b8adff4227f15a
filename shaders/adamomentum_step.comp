// adamomentum_step: a step of AdaMomentum (Wang et al., arXiv 2106.11514).
//
//     g = dW + coupled·W
//     M = beta1·M + fresh1·g, V = beta2·V + fresh2·M² + eps
//     W = W − rate·M/(√V/root)
//
// W   f32 [n]  in and out
// dW  f32 [n]
// M   f32 [n]  in and out
// V   f32 [n]  in and out
//
// Grid    an invocation an element.
//
// The bias corrections are in rate and root.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufW { float W[]; };
layout(std430, binding = 1) readonly buffer BufDW { float dW[]; };
layout(std430, binding = 2) buffer BufM { float M[]; };
layout(std430, binding = 3) buffer BufV { float V[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform float beta1;
layout(location = 2) uniform float fresh1; // 1 − beta1
layout(location = 3) uniform float beta2;
layout(location = 4) uniform float fresh2; // 1 − beta2
layout(location = 5) uniform float rate;   // lr/(1 − beta1^t)
layout(location = 6) uniform float root;   // √(1 − beta2^t)
layout(location = 7) uniform float eps;
layout(location = 8) uniform float coupled; // weight decay

void main() {
    int i = invocation();
    if (i >= n) return;
    precise float g = dW[i] + coupled * W[i];
    precise float m = beta1 * M[i] + fresh1 * g;
    precise float v = beta2 * V[i] + fresh2 * (m * m) + eps;
    precise float next = W[i] - rate * m / (sqrt(v) / root);
    M[i] = m;
    V[i] = v;
    W[i] = next;
}
