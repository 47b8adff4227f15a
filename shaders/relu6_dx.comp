// relu6_dx: dX = dY where 0 < Y < 6, else 0.
//
// dX  f32 [n]  out, by its bits; may be dY
// dY  f32 [n]  by its bits
// Y   f32 [n]  by its bits
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { uint dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { uint dY[]; };
layout(std430, binding = 2) readonly buffer BufY { uint Y[]; };

layout(location = 0) uniform int n;

void main() {
    int i = invocation();
    if (i >= n) return;
    // The bits of the numbers between 0 and 6 are 1 to 0x40BFFFFF.
    dX[i] = Y[i] - 1u < 0x40BFFFFFu ? dY[i] : 0u;
}
