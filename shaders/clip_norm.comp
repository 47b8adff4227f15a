// clip_norm: X *= min(1, limit/(√SUM + 1e-6)).
//
// X    f32 [n]  in and out
// SUM  f32 [1]  the squared norm
//
// Grid    an invocation an element.

#version 430 core

#include "bits.glsl"
#include "index.glsl"

layout(std430, binding = 0) buffer BufX { float X[]; };
layout(std430, binding = 1) readonly buffer BufSUM { float SUM[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform float limit;

void main() {
    int i = invocation();
    if (i >= n) return;
    float factor = limit / (sqrt(SUM[0]) + 1e-6);
    // Of a norm that is NaN, NaN must come, which min may drop.
    X[i] = is_nan(SUM[0]) ? NAN : X[i] * min(1.0, factor);
}
