// lut_sum_w: the sums of weights in the zero-point correction (Eq. 8).
//
//     S[o,i,j] = sum over the taps k of output (i,j) of W[o,k]
//
// S   i32 [Cout, OH, OW], or [Cout]   out, and in where first > 0
// W   u8  [Cout, Cin/groups, KH, KW]
// QX  f32 [3]                         the quantizer of X
//
// Grid    an invocation an element of S.
//
// With int_zero the taps outside the image do not count, so that sums depend on
// (i,j); they are left 0 where Z_x = 0, the factor they meet. Else S is [Cout].
// One dispatch adds the taps in [first, last).

#version 430 core

#include "index.glsl"
#include "conv.glsl"
#include "pack.glsl"

layout(std430, binding = 0) buffer BufS { int S[]; };
layout(std430, binding = 1) readonly buffer BufW { uint W[]; };
layout(std430, binding = 2) readonly buffer BufQX { float QX[]; };

layout(location = 17) uniform int w_min; // the value of code 0
layout(location = 18) uniform int int_zero;
layout(location = 19) uniform int first;
layout(location = 20) uniform int last;

void main() {
    int index = invocation();
    if (index >= (int_zero != 0 ? cout * oh * ow : cout)) return;
    Output y = int_zero != 0 ? output_at(index) : Output(0, index, 0, 0);
    int weights = y.o * group_in * kh * kw;

    int sum = first > 0 ? S[index] : 0;
    if (int(QX[2]) != 0) {
        Tap t = tap(first);
        for (int k = first; k < last; k++) {
            if (int_zero == 0 || pixel(y, t) >= 0) sum += int(CODE(W, weights + k)) + w_min;
            next(t);
        }
    }
    S[index] = sum;
}
