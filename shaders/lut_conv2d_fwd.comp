// lut_conv2d_fwd: convolution of codes under an approximate multiplier.
//
//     Y[n,o,i,j] = sum over the taps k = (c,p,q) of AM(W[o,k], X[n,c',row,column])
//
// Y         i32 [N, Cout, OH, OW]       out, and in where first > 0
// W         u8  [Cout, Cin/groups, KH, KW]
// X         u8  [N, Cin, H, W]
// QX        f32 [3]                     the quantizer of X
// products  LUT_MODE 2: i32 [2^Bw, 2^row_bits]
//
// Grid    an invocation an output.
// Macros  LUT_MODE, LUT_WIDE  see lut.glsl.
//
// One dispatch adds the taps in [first, last); those before first are in Y. A
// tap outside the image has the code of Z_x, or that of 0 with int_zero. Sums
// are exact.

#version 430 core

#ifndef LUT_MODE
#define LUT_MODE 0
#endif
#ifndef LUT_WIDE
#define LUT_WIDE 0
#endif
#define LUT_BINDING 4

#include "index.glsl"
#include "conv.glsl"
#include "pack.glsl"
#include "lut.glsl"

layout(std430, binding = 0) buffer BufY { int Y[]; };
layout(std430, binding = 1) readonly buffer BufW { uint W[]; };
layout(std430, binding = 2) readonly buffer BufX { uint X[]; };
layout(std430, binding = 3) readonly buffer BufQX { float QX[]; };

layout(location = 17) uniform int row_bits;
layout(location = 18) uniform int entries; // of the table
layout(location = 19) uniform int x_min;   // the value of code 0
layout(location = 20) uniform int int_zero;
layout(location = 21) uniform int start; // K times what the table's entries lack
layout(location = 22) uniform int first;
layout(location = 23) uniform int last;

void main() {
    lut_load(entries);
    int index = invocation();
    if (index >= batch * cout * oh * ow) return;
    Output y = output_at(index);
    uint outside = uint((int_zero != 0 ? 0 : int(QX[2])) - x_min);
    int weights = y.o * group_in * kh * kw;

    int sum = first > 0 ? Y[index] : start;
    Tap t = tap(first);
    for (int k = first; k < last; k++) {
        int at = pixel(y, t);
        uint x = at < 0 ? outside : CODE(X, at);
        sum += am(CODE(W, weights + k), x, row_bits);
        next(t);
    }
    Y[index] = sum;
}
