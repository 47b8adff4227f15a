// bias_fwd: adds a bias to each channel.
//
//     Y[n,c,…] = Y[n,c,…] + B[c]
//
// Y  f32 [N, C, each]  in and out
// B  f32 [C]
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufB { float B[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each;

void main() {
    int i = invocation();
    if (i >= n) return;
    Y[i] += B[i / each % channels];
}
