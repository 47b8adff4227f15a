// channel_sums: sums over each channel, first pass; sum_slices is the second.
//
//     TERM 0: sum of X;  1: sum of (X − μ)²;  2: sum of X, sum of X·(X2 − μ)·r,
//     with μ and r of the channel;  3: as 2, with those of the token;  4: sum of X²
//
// P      f32 [sums, slices, C]  out; there are two sums for TERM 2 and 3, else one
// X      f32 [N, C, each]
// SAVED  f32 [2, C]             μ and r, for TERM 1 (where r may be garbage) and 2;
//        f32 [2, N, each]       for TERM 3
// X2     f32 [N, C, each]       for TERM 2 and 3
//
// Grid    (slices, channels) work groups; a group sums length elements of the
//         N·each of a channel.
// Macros  TERM  what is summed.

#version 430 core

#ifndef TERM
#define TERM 0
#endif

#include "reduce.glsl"

layout(std430, binding = 0) writeonly buffer BufP { float P[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };
#if TERM > 0 && TERM < 4
layout(std430, binding = 2) readonly buffer BufSAVED { float SAVED[]; };
#endif
#if TERM == 2 || TERM == 3
layout(std430, binding = 3) readonly buffer BufX2 { float X2[]; };
#endif

layout(location = 0) uniform int N;
layout(location = 1) uniform int channels;
layout(location = 2) uniform int each;
layout(location = 3) uniform int length;

// term returns the summands of element i, of channel c and token t.
vec2 term(int i, int c, int t) {
#if TERM == 0
    return vec2(X[i], 0.0);
#elif TERM == 1
    float d = X[i] - SAVED[c];
    return vec2(d * d, 0.0);
#elif TERM == 2
    return vec2(X[i], X[i] * ((X2[i] - SAVED[c]) * SAVED[channels + c]));
#elif TERM == 3
    return vec2(X[i], X[i] * ((X2[i] - SAVED[t]) * SAVED[N * each + t]));
#else
    return vec2(X[i] * X[i], 0.0);
#endif
}

void main() {
    int slices = int(gl_NumWorkGroups.x), slice = int(gl_WorkGroupID.x);
    int end = min((slice + 1) * length, N * each);
    for (int c = int(gl_WorkGroupID.y); c < channels; c += int(gl_NumWorkGroups.y)) {
        vec2 sum = vec2(0.0);
        for (int t = slice * length + int(gl_LocalInvocationIndex); t < end; t += int(GROUP)) {
            sum += term((t / each * channels + c) * each + t % each, c, t);
        }
        sum = group_sum(sum);
        if (gl_LocalInvocationIndex == 0u) {
            P[slice * channels + c] = sum.x;
#if TERM == 2 || TERM == 3
            P[(slices + slice) * channels + c] = sum.y;
#endif
        }
    }
}
