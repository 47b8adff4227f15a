// softmax_dx: the gradient of the input of a softmax over channels.
//
//     dX = a·Y·(dY − sum over c of dY·Y)
//
// dX  f32 [N, C, L]  out; may be dY
// dY  f32 [N, C, L]
// Y   f32 [N, C, L]
//
// Grid    an invocation a token (n, l).

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufY { float Y[]; };

layout(location = 0) uniform int tokens; // N·L
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each; // L
layout(location = 3) uniform float a;

void main() {
    int t = invocation();
    if (t >= tokens) return;
    int first = t / each * channels * each + t % each;
    int end = first + channels * each;

    float sum = 0.0;
    for (int i = first; i < end; i += each) sum += dY[i] * Y[i];
    for (int i = first; i < end; i += each) {
        precise float d = a * (Y[i] * (dY[i] - sum));
        dX[i] = d;
    }
}
