// conv2d_dx: gradient of the images of a convolution.
//
//     dX[n,c,row,column] = sum over the (o,p,q) that read it of dY[n,o,i,j]·W[o,c,p,q]
//
// dX  f32 [N, Cin, H, W]                out, and in where first > 0
// dY  f32 [N, Cout, OH, OW]
// W   f32 [Cout, Cin/groups, KH, KW]
//
// Grid    an invocation a pixel.
//
// One dispatch adds the (o,p,q) of the pixel's group with indices in [first,
// last); those before first are in dX.

#version 430 core

#include "index.glsl"
#include "conv.glsl"

layout(std430, binding = 0) buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufW { float W[]; };

layout(location = 17) uniform int first;
layout(location = 18) uniform int last;

void main() {
    int index = invocation();
    if (index >= batch * cin * height * width) return;
    Pixel x = pixel_at(index);
    int group = x.c / group_in, c = x.c % group_in;

    float sum = first > 0 ? dX[index] : 0.0;
    Tap t = tap(first); // its c counts the filters of the group
    for (int k = first; k < last; k++) {
        int o = group * group_out + t.c;
        int y = output_of(x, o, t.p, t.q);
        if (y >= 0) sum += dY[y] * W[((o * group_in + c) * kh + t.p) * kw + t.q];
        next(t);
    }
    dX[index] = sum;
}
