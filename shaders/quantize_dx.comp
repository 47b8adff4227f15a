// quantize_dx: the gradient of quantization, a mask.
//
//     dX = dY where roundEven(X·inv) + Z lies in [qmin, qmax], else 0
//
// dX  f32 [columns, each]  out, by its bits; may be dY
// dY  f32 [columns, each]  by its bits
// X   f32 [columns, each]
// Q   f32 [3, columns]     s, inv, Z
//
// Grid    an invocation an element.
//
// NaN lies in no range.

#version 430 core

#include "index.glsl"
#include "bits.glsl"
#include "quant.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { uint dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { uint dY[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };
layout(std430, binding = 3) readonly buffer BufQ { float Q[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int columns;
layout(location = 2) uniform int each;
layout(location = 3) uniform int least;    // qmin
layout(location = 4) uniform int greatest; // qmax

void main() {
    int i = invocation();
    if (i >= n) return;
    int column = i / each;
    precise float v = X[i] * Q[columns + column];
    bool passes = false;
    if (!is_nan(v)) {
        int value = unclamped(v, Q[2 * columns + column]);
        passes = least <= value && value <= greatest;
    }
    dX[i] = passes ? dY[i] : 0u;
}
