// conv2d_fwd: convolution.
//
//     Y[n,o,i,j] = sum over the taps k inside the image of W[o,k]·X[n,c',row,column]
//
// Y  f32 [N, Cout, OH, OW]       out, and in where first > 0
// W  f32 [Cout, Cin/groups, KH, KW]
// X  f32 [N, Cin, H, W]
//
// Grid    an invocation an output.
//
// One dispatch adds the taps in [first, last); those before first are in Y.

#version 430 core

#include "index.glsl"
#include "conv.glsl"

layout(std430, binding = 0) buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufW { float W[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };

layout(location = 17) uniform int first;
layout(location = 18) uniform int last;

void main() {
    int index = invocation();
    if (index >= batch * cout * oh * ow) return;
    Output y = output_at(index);
    int weights = y.o * group_in * kh * kw;

    float sum = first > 0 ? Y[index] : 0.0;
    Tap t = tap(first);
    for (int k = first; k < last; k++) {
        int at = pixel(y, t);
        if (at >= 0) sum += W[weights + k] * X[at];
        next(t);
    }
    Y[index] = sum;
}
