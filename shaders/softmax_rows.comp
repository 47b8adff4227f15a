// softmax_rows: loss and gradient of softmax and cross-entropy, row by row.
//
//     with top = max l: loss = log Σ exp(l − top) − (l[label] − top),
//     dL = scale·(exp(l − top)/Σ − onehot)
//
// dL  f32 [N, classes]  out
// P   f32 [2, N]        out: the losses of the rows, then 1 for each hit
// L   f32 [N, classes]  logits
// T   i32 [N]           labels; of −1 the row is left out
//
// Grid    a work group a row.
//
// A hit is a label that is the first of the greatest logits. A label that is no
// class has the loss NaN.

#version 430 core

#include "bits.glsl"
#include "reduce.glsl"

layout(std430, binding = 0) writeonly buffer BufDL { float dL[]; };
layout(std430, binding = 1) writeonly buffer BufP { float P[]; };
layout(std430, binding = 2) readonly buffer BufL { float L[]; };
layout(std430, binding = 3) readonly buffer BufT { int T[]; };

layout(location = 0) uniform int N;
layout(location = 1) uniform int classes;
layout(location = 2) uniform float scale;

// row_softmax does row n, whose label is a class.
void row_softmax(int n, int label) {
    int lane = int(gl_LocalInvocationIndex), row = n * classes;

    // The first of the greatest: where a logit has the greatest value, −index
    // is greatest for the first one. −0 counts as 0, and one NaN makes all NaN.
    ivec2 v = ivec2(0x7FFFFFFF, 0x80000000);
    for (int i = lane; i < classes; i += int(GROUP)) {
        int o = ordered(floatBitsToUint(L[row + i]));
        v = ivec2(min(v.x, o), max(v.y, o == -1 ? 0 : o));
    }
    v = group_extremes(v);
    float top = uintBitsToFloat(disordered(v.y));
    if (is_nan(disordered(v.x))) top = NAN;

    int best = 0x80000000;
    vec2 sum = vec2(0.0);
    for (int i = lane; i < classes; i += int(GROUP)) {
        float l = L[row + i];
        if (l == top) best = max(best, -i);
        sum.x += exp(l - top);
    }
    best = -group_extremes(ivec2(0, best)).y;
    float total = group_sum(sum).x;
    for (int i = lane; i < classes; i += int(GROUP)) {
        float p = exp(L[row + i] - top) / total;
        dL[row + i] = scale * (i == label ? p - 1.0 : p);
    }
    if (lane == 0) {
        P[n] = log(total) - (L[row + label] - top);
        P[N + n] = best == label ? 1.0 : 0.0;
    }
}

void main() {
    for (int n = int(gl_WorkGroupID.x); n < N; n += int(gl_NumWorkGroups.x)) {
        int label = T[n];
        if (label >= 0 && label < classes) {
            row_softmax(n, label);
            continue;
        }
        for (int i = int(gl_LocalInvocationIndex); i < classes; i += int(GROUP)) dL[n * classes + i] = 0.0;
        if (gl_LocalInvocationIndex == 0u) {
            P[n] = label == -1 ? 0.0 : NAN;
            P[N + n] = 0.0;
        }
    }
}
