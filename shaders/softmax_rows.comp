// softmax_rows: loss and gradient of softmax and cross-entropy, row by row.
//
//     with z = l − max l, q[c] = rest + share·[c = a] + mixed·[c = b]:
//     loss = log Σ exp z − Σ q·z, dL = scale·(exp(z)/Σ − q)
//
// dL  f32 [N, classes]  out
// P   f32 [3, N]        out: the losses of the rows; 1 where the label a is the
//                       greatest; 1 where it is among the five greatest
// L   f32 [N, classes]  logits
// T   i32 [N]           labels a; of −1 the row is left out
// M   i32 [N]           labels b, read where mixes is 1
// F   i32 [1]           in and out: the least row so far whose label is no class
//
// Grid    a work group a row.
//
// Of equal logits the first counts as greater, NaN as greater than any number.
// A row whose label is no class has the loss NaN.

#version 430 core

#include "bits.glsl"
#include "reduce.glsl"

layout(std430, binding = 0) writeonly buffer BufDL { float dL[]; };
layout(std430, binding = 1) writeonly buffer BufP { float P[]; };
layout(std430, binding = 2) readonly buffer BufL { float L[]; };
layout(std430, binding = 3) readonly buffer BufT { int T[]; };
layout(std430, binding = 4) readonly buffer BufM { int M[]; };
layout(std430, binding = 5) buffer BufF { int F[]; };

layout(location = 0) uniform int N;
layout(location = 1) uniform int classes;
layout(location = 2) uniform int mixes;
layout(location = 3) uniform float share;
layout(location = 4) uniform float mixed;
layout(location = 5) uniform float rest;
layout(location = 6) uniform float scale;

// rank_key maps logits to integers in the order that counts: −0 as 0, NaN last.
int rank_key(float l) {
    uint bits = floatBitsToUint(l);
    if (is_nan(bits)) return 0x7FFFFFFF;
    int o = ordered(bits);
    return o == -1 ? 0 : o;
}

// row_softmax does row n, of labels a and b, which are classes; b is −1 where
// there is none.
void row_softmax(int n, int a, int b) {
    int lane = int(gl_LocalInvocationIndex), row = n * classes;

    // One NaN makes all NaN.
    int key = rank_key(L[row + a]), greatest = 0x80000000, rank = 0;
    for (int i = lane; i < classes; i += int(GROUP)) {
        int k = rank_key(L[row + i]);
        greatest = max(greatest, k);
        if (k > key || (k == key && i < a)) rank++;
    }
    greatest = group_extremes(ivec2(0, greatest)).y;
    float top = greatest == 0x7FFFFFFF ? NAN : uintBitsToFloat(disordered(greatest));

    vec2 sum = vec2(0.0, float(rank)); // Σ exp z, and of the ranks
    float drop = 0.0;                  // Σ z
    for (int i = lane; i < classes; i += int(GROUP)) {
        float z = L[row + i] - top;
        sum.x += exp(z);
        drop += z;
    }
    sum = group_sum(sum);
    float total = sum.x;
    for (int i = lane; i < classes; i += int(GROUP)) {
        float q = rest;
        if (i == a) q += share;
        if (i == b) q += mixed;
        dL[row + i] = scale * (exp(L[row + i] - top) / total - q);
    }

    // A share of 0 must not meet a logit of −∞.
    float loss = log(total);
    if (share != 0.0) loss -= share * (L[row + a] - top);
    if (mixed != 0.0) loss -= mixed * (L[row + b] - top);
    if (rest != 0.0) loss -= rest * group_sum(vec2(drop, 0.0)).x;
    if (lane == 0) {
        P[n] = loss;
        P[N + n] = sum.y < 1.0 ? 1.0 : 0.0;
        P[2 * N + n] = sum.y < 5.0 ? 1.0 : 0.0;
    }
}

void main() {
    for (int n = int(gl_WorkGroupID.x); n < N; n += int(gl_NumWorkGroups.x)) {
        int a = T[n], b = mixes == 1 && a != -1 ? M[n] : -1;
        bool known = a >= 0 && a < classes && (mixes == 0 || (b >= 0 && b < classes));
        if (known) {
            row_softmax(n, a, b);
            continue;
        }
        for (int i = int(gl_LocalInvocationIndex); i < classes; i += int(GROUP)) dL[n * classes + i] = 0.0;
        if (gl_LocalInvocationIndex == 0u) {
            P[n] = a == -1 ? 0.0 : NAN;
            if (a != -1) atomicMin(F[0], n);
            P[N + n] = 0.0;
            P[2 * N + n] = 0.0;
        }
    }
}
