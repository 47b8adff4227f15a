// lut_conv2d_dw: gradient of the weights of a convolution of codes.
//
//     dW[o,k] = s_x · sum over (n,i,j) of dY[n,o,i,j] · (g_W(W, X) − Z_x)
//
// D   f32 [slices, Cout, Cin/groups, KH, KW]  out
// dY  f32 [N, Cout, OH, OW]
// W   u8  [Cout, Cin/groups, KH, KW]
// X   u8  [N, Cin, H, W]
// QX  f32 [3]                                 the quantizer of X
//
// Grid    an invocation a weight and slice.
// Macros  GRAD  see grad.glsl.
//
// Slice z sums the outputs t = (n,i,j) in [z·length, (z+1)·length). sum_slices
// adds the slices. Taps outside the image have X = Z_x, or with int_zero X = 0
// and no Z_x to subtract.

#version 430 core

#ifndef GRAD
#define GRAD 0
#endif

#include "index.glsl"
#include "conv.glsl"
#include "pack.glsl"
#include "grad.glsl"

layout(std430, binding = 0) writeonly buffer BufD { float D[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufW { uint W[]; };
layout(std430, binding = 3) readonly buffer BufX { uint X[]; };
layout(std430, binding = 4) readonly buffer BufQX { float QX[]; };

layout(location = 17) uniform int w_bits;
layout(location = 18) uniform int row_bits;
layout(location = 19) uniform int rank;
layout(location = 20) uniform int x_min; // the value of code 0
layout(location = 21) uniform int int_zero;
layout(location = 22) uniform int slices;
layout(location = 23) uniform int length;
layout(location = 24) uniform float scale; // of int16 tables

void main() {
    int taps = group_in * kh * kw, weights = cout * taps;
    int index = invocation();
    if (index >= slices * weights) return;
    int weight = index % weights, first = index / weights * length;
    int last = min(first + length, batch * oh * ow);

    Gradient g = Gradient(w_bits, row_bits, rank, scale);
    float s = QX[0], Z = QX[2];
    uint w = CODE(W, weight);
    uint outside = uint((int_zero != 0 ? 0 : int(Z)) - x_min);
    Tap t = tap(weight % taps);
    Output y = Output(first / (oh * ow), weight / taps, first / ow % oh, first % ow);

    float sum = 0.0;
    for (int k = first; k < last; k++) {
        int from = pixel(y, t);
        uint x = outside;
        float zero = int_zero != 0 ? 0.0 : Z;
        if (from >= 0) {
            x = CODE(X, from);
            zero = Z;
        }
        sum += dY[((y.n * cout + y.o) * oh + y.i) * ow + y.j] * (at(g, w, x) - zero);
        if (++y.j == ow) {
            y.j = 0;
            if (++y.i == oh) {
                y.i = 0;
                y.n++;
            }
        }
    }
    D[index] = s * sum;
}
