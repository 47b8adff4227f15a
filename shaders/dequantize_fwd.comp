// dequantize_fwd: codes to real numbers.
//
//     Y = s·float(C + qmin − Z)
//
// Y  f32 [columns, each]  out
// C  u8  [columns, each]
// Q  f32 [3, columns]     s, inv, Z
//
// Grid    an invocation an element.

#version 430 core

#include "index.glsl"
#include "pack.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufC { uint C[]; };
layout(std430, binding = 2) readonly buffer BufQ { float Q[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int columns;
layout(location = 2) uniform int each;
layout(location = 3) uniform int least; // qmin

void main() {
    int i = invocation();
    if (i >= n) return;
    int column = i / each;
    precise float y = Q[column] * float(int(CODE(C, i)) + least - int(Q[2 * columns + column]));
    Y[i] = y;
}
