// lut_finish_dw: the gradient of the weights from its sums.
//
//     dW[o,k] = s_x·(factor·(sum over z of P[z,o,k]) − Z_x·(sum over z of S[z,o,tap]))
//
// dW  f32 [Cout, K]                out
// P   f32 [slices, Cout, K]        sums of dY·g_W
// S   f32 [zero_slices, Cout, taps]  of lut_zero_dw; not read where zero_slices is 0
// QX  f32 [3]                      the quantizer of X
//
// Grid    an invocation a weight.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDW { float dW[]; };
layout(std430, binding = 1) readonly buffer BufP { float P[]; };
layout(std430, binding = 2) readonly buffer BufS { float S[]; };
layout(std430, binding = 3) readonly buffer BufQX { float QX[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int slices;
layout(location = 2) uniform int K;
layout(location = 3) uniform int zero_slices;
layout(location = 4) uniform int zeros; // Cout·taps
layout(location = 5) uniform int taps;  // KH·KW, or 1
layout(location = 6) uniform float factor;

void main() {
    int index = invocation();
    if (index >= n) return;
    float sum = 0.0, zero = 0.0;
    for (int z = 0; z < slices; z++) sum += P[z * n + index];
    int at = index / K * taps + index % K % taps;
    for (int z = 0; z < zero_slices; z++) zero += S[z * zeros + at];
    dW[index] = QX[0] * (factor * sum - (zero_slices > 0 ? QX[2] * zero : 0.0));
}
