// lut_sum_x: the sums of activations in the zero-point correction (Eq. 8).
//
//     S[n,g,i,j] = sum over the taps inside the image of X − Z_x
//
// S   i32 [N, groups, OH, OW]   out, and in where first > 0
// X   u8  [N, Cin, H, W]
// QX  f32 [3]                   the quantizer of X
//
// Grid    an invocation an element of S.
//
// A tap outside the image has X = Z_x, and adds nothing, or does not count. One
// dispatch adds the taps in [first, last).

#version 430 core

#include "index.glsl"
#include "conv.glsl"
#include "pack.glsl"

layout(std430, binding = 0) buffer BufS { int S[]; };
layout(std430, binding = 1) readonly buffer BufX { uint X[]; };
layout(std430, binding = 2) readonly buffer BufQX { float QX[]; };

layout(location = 17) uniform int x_min; // the value of code 0
layout(location = 18) uniform int first;
layout(location = 19) uniform int last;

void main() {
    int groups = cout / group_out;
    int index = invocation();
    if (index >= batch * groups * oh * ow) return;
    int n = index / (ow * oh * groups), group = index / (ow * oh) % groups;
    Output y = Output(n, group * group_out, index / ow % oh, index % ow);
    int offset = x_min - int(QX[2]);

    int sum = first > 0 ? S[index] : 0;
    Tap t = tap(first);
    for (int k = first; k < last; k++) {
        int at = pixel(y, t);
        if (at >= 0) sum += int(CODE(X, at)) + offset;
        next(t);
    }
    S[index] = sum;
}
