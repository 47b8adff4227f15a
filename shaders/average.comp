// average: the moving average of a weight, E = decay·E + fresh·W.
//
// E  f32 [n]  in and out
// W  f32 [n]
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufE { float E[]; };
layout(std430, binding = 1) readonly buffer BufW { float W[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform float decay;
layout(location = 2) uniform float fresh; // 1 − decay

void main() {
    int i = invocation();
    if (i >= n) return;
    precise float e = decay * E[i] + fresh * W[i];
    E[i] = e;
}
