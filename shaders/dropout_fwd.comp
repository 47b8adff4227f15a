// dropout_fwd: Y[i] = X[i]·scale where h(i) >= threshold, else 0.
//
//     h(i) = mix(mix(i + low) ^ high)
//
// Y  f32 [n]  out; may be X
// X  f32 [n]
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int low;       // bits of the seed
layout(location = 2) uniform int high;      // bits of the seed
layout(location = 3) uniform int threshold; // a uint by its bits
layout(location = 4) uniform float scale;

uint mix32(uint a) {
    a = (a ^ (a >> 16)) * 0x21F0AAADu;
    a = (a ^ (a >> 15)) * 0x735A2D97u;
    return a ^ (a >> 15);
}

void main() {
    int i = invocation();
    if (i >= n) return;
    uint h = mix32(mix32(uint(i) + uint(low)) ^ uint(high));
    Y[i] = h >= uint(threshold) ? X[i] * scale : 0.0;
}
