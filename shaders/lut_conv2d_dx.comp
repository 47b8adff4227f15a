// lut_conv2d_dx: gradient of the images of a convolution of codes.
//
//     dX[n,c,row,column] = sum over the (o,p,q) that read it of
//                          s_w[o]·dY[n,o,i,j] · (g_X(W, X) − Z_w[o])
//
// dX  f32 [N, Cin, H, W]               out, and in where first > 0
// dY  f32 [N, Cout, OH, OW]
// W   u8  [Cout, Cin/groups, KH, KW]
// X   u8  [N, Cin, H, W]
// QW  f32 [3, columns]                 the quantizer of W
//
// Grid    an invocation a pixel.
// Macros  GRAD  see grad.glsl.
//
// One dispatch adds the (o,p,q) of the pixel's group with indices in [first,
// last); those before first are in dX.

#version 430 core

#ifndef GRAD
#define GRAD 0
#endif

#include "index.glsl"
#include "conv.glsl"
#include "pack.glsl"
#include "grad.glsl"

layout(std430, binding = 0) buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufW { uint W[]; };
layout(std430, binding = 3) readonly buffer BufX { uint X[]; };
layout(std430, binding = 4) readonly buffer BufQW { float QW[]; };

layout(location = 17) uniform int w_bits;
layout(location = 18) uniform int row_bits;
layout(location = 19) uniform int rank;
layout(location = 20) uniform int columns;
layout(location = 21) uniform int first;
layout(location = 22) uniform int last;
layout(location = 23) uniform float scale; // of int16 tables

void main() {
    int index = invocation();
    if (index >= batch * cin * height * width) return;
    Gradient g = Gradient(w_bits, row_bits, rank, scale);
    Pixel pixel = pixel_at(index);
    int group = pixel.c / group_in, c = pixel.c % group_in;
    uint x = CODE(X, index);

    float sum = first > 0 ? dX[index] : 0.0;
    Tap t = tap(first); // its c counts the filters of the group
    for (int k = first; k < last; k++) {
        int o = group * group_out + t.c;
        int y = output_of(pixel, o, t.p, t.q);
        if (y >= 0) {
            int column = columns > 1 ? o : 0;
            precise float D = QW[column] * dY[y];
            uint w = CODE(W, ((o * group_in + c) * kh + t.p) * kw + t.q);
            sum += D * (at(g, w, x) - QW[2 * columns + column]);
        }
        next(t);
    }
    dX[index] = sum;
}
