// gelu_fwd: Y = X·Φ(X), Φ being the normal distribution.
//
// Y  f32 [n]  out; may be X
// X  f32 [n]
//
// Grid    an invocation an element.

#version 430 core

#include "gelu.glsl"
#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };

layout(location = 0) uniform int n;

void main() {
    int i = invocation();
    if (i >= n) return;
    float x = X[i];
    Y[i] = x * distribution(x, bell(x));
}
