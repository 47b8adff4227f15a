// sum_slices: the second pass of a split sum.
//
//     D[i] = (sum over z, ascending, of P[from + z·n + i]) / divisor
//
// D  f32 [n]          out; what lies behind n is left alone
// P  f32 [slices, n]  from the element from on
//
// Grid    an invocation an element of D.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufD { float D[]; };
layout(std430, binding = 1) readonly buffer BufP { float P[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int slices;
layout(location = 2) uniform int from;
layout(location = 3) uniform float divisor;

void main() {
    int index = invocation();
    if (index >= n) return;
    float sum = 0.0;
    for (int z = 0; z < slices; z++) sum += P[from + z * n + index];
    D[index] = sum / divisor;
}
