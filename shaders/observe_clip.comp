// observe_clip: clips the range of a batch at a percentile of |x|.
//
//     p = (b+1)·(a/2048) of the first bin b by which need elements are counted,
//     least = max(least, −p), greatest = min(greatest, p)
//
// B  f32 [2]     in and out: of observe_batch
// H  u32 [2048]  of observe_histogram
//
// Grid    one invocation does it all.
//
// A batch of zeros, or with NaN, stays as it is.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufB { float B[]; };
layout(std430, binding = 1) readonly buffer BufH { uint H[]; };

layout(location = 0) uniform int need;

void main() {
    if (invocation() != 0) return;
    float a = max(-B[0], B[1]);
    if (!(a > 0.0)) return;
    uint counted = 0u;
    int b = 0;
    for (; b < 2047; b++) {
        counted += H[b];
        if (counted >= uint(need)) break;
    }
    precise float p = float(b + 1) * (a / 2048.0);
    B[0] = max(B[0], -p);
    B[1] = min(B[1], p);
}
