// conv2d_dw: gradient of the weights of a convolution.
//
//     dW[o,k] = sum over (n,i,j) of dY[n,o,i,j]·X[n,c',row,column]
//
// D   f32 [slices, Cout, Cin/groups, KH, KW]  out
// dY  f32 [N, Cout, OH, OW]
// X   f32 [N, Cin, H, W]
//
// Grid    an invocation a weight and slice.
//
// Slice z sums the outputs t = (n,i,j) in [z·length, (z+1)·length). sum_slices
// adds the slices.

#version 430 core

#include "index.glsl"
#include "conv.glsl"

layout(std430, binding = 0) writeonly buffer BufD { float D[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };

layout(location = 17) uniform int slices;
layout(location = 18) uniform int length;

void main() {
    int taps = group_in * kh * kw, weights = cout * taps;
    int index = invocation();
    if (index >= slices * weights) return;
    int weight = index % weights, first = index / weights * length;
    int last = min(first + length, batch * oh * ow);

    Tap t = tap(weight % taps);
    Output y = Output(first / (oh * ow), weight / taps, first / ow % oh, first % ow);
    float sum = 0.0;
    for (int k = first; k < last; k++) {
        int at = pixel(y, t);
        if (at >= 0) sum += dY[((y.n * cout + y.o) * oh + y.i) * ow + y.j] * X[at];
        if (++y.j == ow) {
            y.j = 0;
            if (++y.i == oh) {
                y.i = 0;
                y.n++;
            }
        }
    }
    D[index] = sum;
}
