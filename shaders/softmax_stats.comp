// softmax_stats: adds the losses and hits of the rows to the sums so far.
//
// S  f32 [3]     in and out: loss, hits, hits among five
// P  f32 [3, N]  of softmax_rows
//
// Grid    one work group.

#version 430 core

#include "reduce.glsl"

layout(std430, binding = 0) buffer BufS { float S[]; };
layout(std430, binding = 1) readonly buffer BufP { float P[]; };

layout(location = 0) uniform int N;

void main() {
    vec2 sum = vec2(0.0);
    float five = 0.0;
    for (int n = int(gl_LocalInvocationIndex); n < N; n += int(GROUP)) {
        sum += vec2(P[n], P[N + n]);
        five += P[2 * N + n];
    }
    sum = group_sum(sum);
    five = group_sum(vec2(five, 0.0)).x;
    if (gl_LocalInvocationIndex == 0u) {
        S[0] += sum.x;
        S[1] += sum.y;
        S[2] += five;
    }
}
