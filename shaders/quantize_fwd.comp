// quantize_fwd: real numbers to codes.
//
//     C = clamp(roundEven(X·inv) + Z, qmin, qmax) − qmin                 (Eq. 7)
//
// C  u8  [columns, each]  out, whole words
// X  f32 [columns, each]
// Q  f32 [3, columns]     s, inv, Z
//
// Grid    an invocation a word of four codes.
//
// NaN gives code 0.

#version 430 core

#include "index.glsl"
#include "bits.glsl"
#include "quant.glsl"

layout(std430, binding = 0) writeonly buffer BufC { uint C[]; };
layout(std430, binding = 1) readonly buffer BufX { float X[]; };
layout(std430, binding = 2) readonly buffer BufQ { float Q[]; };

layout(location = 0) uniform int n;
layout(location = 1) uniform int columns;
layout(location = 2) uniform int each;
layout(location = 3) uniform int least;    // qmin
layout(location = 4) uniform int greatest; // qmax

void main() {
    int word = invocation();
    if (4 * word >= n) return;
    uint codes = 0u;
    for (int i = 4 * word; i < min(4 * word + 4, n); i++) {
        int column = i / each;
        precise float v = X[i] * Q[columns + column];
        if (is_nan(v)) continue;
        int value = clamp(unclamped(v, Q[2 * columns + column]), least, greatest);
        codes |= uint(value - least) << ((i & 3) << 3);
    }
    C[word] = codes;
}
