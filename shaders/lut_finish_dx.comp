// lut_finish_dx: the gradient of the images from its sums.
//
//     dX[n,c,row,column] = (sum over z of P[z,n,c,row,column]) − S[n,g,row,column]
//
// dX  f32 [N, Cin, plane]      out
// P   f32 [slices, N, Cin, plane]  sums of D·g_X
// S   f32 [N, groups, plane]   of lut_zero_dx
//
// Grid    an invocation a pixel.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufP { float P[]; };
layout(std430, binding = 2) readonly buffer BufS { float S[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int slices;
layout(location = 2) uniform int plane; // H·W
layout(location = 3) uniform int each;  // channels of a group

void main() {
    int index = invocation();
    if (index >= n) return;
    float sum = 0.0;
    for (int z = 0; z < slices; z++) sum += P[z * n + index];
    dX[index] = sum - S[index / plane / each * plane + index % plane];
}
