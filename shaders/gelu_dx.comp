// gelu_dx: dX = dY·(Φ(X) + X·φ(X)), φ(x) = exp(−x²/2)/√(2π).
//
// dX  f32 [n]  out; may be dY
// dY  f32 [n]
// X   f32 [n]
//
// Grid    an invocation an element.

#version 430 core

#include "gelu.glsl"
#include "index.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };

layout(location = 0) uniform int n;

void main() {
    int i = invocation();
    if (i >= n) return;
    float x = X[i], b = bell(x);
    dX[i] = dY[i] * (distribution(x, b) + x * (0.3989423 * b));
}
