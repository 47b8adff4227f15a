// softmax_fwd: softmax over the channels of a sequence.
//
//     z = a·X, Y[n,c,l] = exp(z[c] − max z) / sum over c of exp(z[c] − max z)
//
// Y  f32 [N, C, L]  out; may be X
// X  f32 [N, C, L]
//
// Grid    an invocation a token (n, l): neighbours read neighbouring elements.

#version 430 core

#include "bits.glsl"
#include "index.glsl"

layout(std430, binding = 0) buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };

layout(location = 0) uniform int tokens; // N·L
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each; // L
layout(location = 3) uniform float a;

void main() {
    int t = invocation();
    if (t >= tokens) return;
    int first = t / each * channels * each + t % each;
    int end = first + channels * each;

    float top = a * X[first];
    bool broken = false; // a driver may drop a NaN in max
    for (int i = first; i < end; i += each) {
        precise float z = a * X[i];
        broken = broken || is_nan(z);
        top = max(top, z);
    }
    if (broken) top = NAN;
    float total = 0.0;
    for (int i = first; i < end; i += each) {
        precise float z = a * X[i];
        float e = exp(z - top);
        total += e;
        Y[i] = e;
    }
    for (int i = first; i < end; i += each) Y[i] = broken ? NAN : Y[i] / total;
}
