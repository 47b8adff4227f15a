// relu_fwd: Y = max(X, 0), NaN staying NaN.
//
// Y  f32 [n]  out, by its bits; may be X
// X  f32 [n]  by its bits: a subnormal number stays what it is
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"
#include "bits.glsl"

layout(std430, binding = 0) writeonly buffer BufY { uint Y[]; };
layout(std430, binding = 1) readonly buffer BufX { uint X[]; };

layout(location = 0) uniform int n;

void main() {
    int i = invocation();
    if (i >= n) return;
    uint x = X[i];
    bool negative = (x & 0x80000000u) != 0u && !is_nan(x);
    Y[i] = negative ? 0u : x;
}
