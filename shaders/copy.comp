// copy: strided copy.
//
//     D[to + Σ i[a]·to_stride[a]] = S[from + Σ i[a]·from_stride[a]] for i below size
//
// D  f32  in and out, by its bits; elements that are not named stay
// S  f32  by its bits
//
// Grid    an invocation an index.

#version 430 core

#include "index.glsl"

layout(std430, binding = 0) buffer BufD { uint D[]; };
layout(std430, binding = 1) readonly buffer BufS { uint S[]; };

layout(location = 0) uniform int n; // product of the sizes
layout(location = 1) uniform int size1;
layout(location = 2) uniform int size2;
layout(location = 3) uniform int size3;
layout(location = 4) uniform int to;
layout(location = 5) uniform int to_stride[4];
layout(location = 9) uniform int from;
layout(location = 10) uniform int from_stride[4];

void main() {
    int index = invocation();
    if (index >= n) return;
    int rest = index / size3;
    int i[4] = int[4](rest / size2 / size1, rest / size2 % size1, rest % size2, index % size3);
    int d = to, s = from;
    for (int a = 0; a < 4; a++) {
        d += i[a] * to_stride[a];
        s += i[a] * from_stride[a];
    }
    D[d] = S[s];
}
