// relu6_fwd: Y = min(max(X, 0), 6).
//
// Y  f32 [n]  out, by its bits; may be X
// X  f32 [n]  by its bits
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { uint Y[]; };
layout(std430, binding = 1) readonly buffer BufX { uint X[]; };

layout(location = 0) uniform int n;

void main() {
    int i = invocation();
    if (i >= n) return;
    uint x = X[i];
    bool is_nan = (x & 0x7FFFFFFFu) > 0x7F800000u;
    // The bits of numbers that are not negative rise with them; 0x40C00000 is 6.
    Y[i] = is_nan ? x : (int(x) < 0 ? 0u : min(x, 0x40C00000u));
}
