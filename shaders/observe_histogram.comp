// observe_histogram: counts the data by absolute value, in 2,048 bins.
//
//     a = max(−least, greatest), |x| falls into bin min(2047, ⌊|x|·(2048/a)⌋)
//
// H  u32 [2048]  in and out: counts are added. Integers are exact in any order.
// X  f32 [n]     the data
// B  f32 [2]     of observe_batch
//
// Grid    work groups of length elements each.

#version 430 core

#include "bits.glsl"

#define BINS 2048u
#define GROUP 256u

layout(local_size_x = 256) in;

layout(std430, binding = 0) buffer BufH { uint H[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };
layout(std430, binding = 2) readonly buffer BufB { float B[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int length;

shared uint counts[BINS];

void main() {
    for (uint b = gl_LocalInvocationIndex; b < BINS; b += GROUP) counts[b] = 0u;
    memoryBarrierShared();
    barrier();

    // A quotient of doubles, rounded to float, is the float quotient rounded
    // once, which a division of floats need not be.
    float per_unit = float(2048.0lf / double(max(-B[0], B[1])));
    int end = min((int(gl_WorkGroupID.x) + 1) * length, n);
    for (int i = int(gl_WorkGroupID.x) * length + int(gl_LocalInvocationIndex); i < end; i += int(GROUP)) {
        precise float bin = abs(X[i]) * per_unit;
        atomicAdd(counts[is_nan(bin) ? 0u : uint(min(bin, 2047.0))], 1u);
    }
    memoryBarrierShared();
    barrier();
    for (uint b = gl_LocalInvocationIndex; b < BINS; b += GROUP) {
        if (counts[b] > 0u) atomicAdd(H[b], counts[b]);
    }
}
