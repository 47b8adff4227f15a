// add_fwd: Y = A + B.
//
// Y  f32 [n]  out; may be A or B
// A  f32 [n]
// B  f32 [n]
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufA { float A[]; };
layout(std430, binding = 2) readonly buffer BufB { float B[]; };

layout(location = 0) uniform int n;

void main() {
    int i = invocation();
    if (i >= n) return;
    Y[i] = A[i] + B[i];
}
