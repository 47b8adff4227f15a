// observe_move: moves ranges by the range of a batch.
//
//     not seen: r = batch, seen = 1
//     widen:    lo = min(lo, least), hi = max(hi, greatest)
//     else:     r = keep·r + momentum·batch
//
// R  f32 [3, columns]  in and out: lo, hi, seen
// B  f32 [2, columns]  of observe_batch
//
// Grid    an invocation a column.
//
// Where one end is NaN both are.

#version 430 core

#include "index.glsl"
#include "bits.glsl"

layout(std430, binding = 0) buffer BufR { float R[]; };
layout(std430, binding = 1) readonly buffer BufB { float B[]; };

layout(location = 0) uniform int columns;
layout(location = 1) uniform int widen;
layout(location = 2) uniform float keep; // 1 − momentum
layout(location = 3) uniform float momentum;

float moved(float old, float batch) {
    precise float a = keep * old;
    precise float b = momentum * batch;
    precise float sum = a + b;
    return sum;
}

void main() {
    int c = invocation();
    if (c >= columns) return;
    float lo = R[c], hi = R[columns + c], least = B[c], greatest = B[columns + c];
    bool nan = is_nan(least);
    if (R[2 * columns + c] == 0.0) {
        R[2 * columns + c] = 1.0;
        lo = least;
        hi = greatest;
    } else if (widen != 0) {
        nan = nan || is_nan(lo) || is_nan(hi);
        lo = min(lo, least);
        hi = max(hi, greatest);
    } else {
        lo = moved(lo, least);
        hi = moved(hi, greatest);
        nan = nan || is_nan(lo) || is_nan(hi);
    }
    R[c] = nan ? NAN : lo;
    R[columns + c] = nan ? NAN : hi;
}
