// lut_zero_dx: what the zero points of W take from the gradient of the images.
//
//     S[n,g,row,column] = sum over the (o,p,q) that read it of Z_w[o]·s_w[o]·dY[n,o,i,j]
//
// S   f32 [N, groups, H, W]   out, and in where first > 0
// dY  f32 [N, Cout, OH, OW]
// QW  f32 [3, columns]        the quantizer of W
//
// Grid    an invocation an element of S.
//
// One dispatch adds the (o,p,q) of the group with indices in [first, last).

#version 430 core

#include "index.glsl"
#include "conv.glsl"

layout(std430, binding = 0) buffer BufS { float S[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufQW { float QW[]; };

layout(location = 17) uniform int columns;
layout(location = 18) uniform int first;
layout(location = 19) uniform int last;

void main() {
    int groups = cout / group_out;
    int index = invocation();
    if (index >= batch * groups * height * width) return;
    int group = index / (width * height) % groups;
    Pixel x = Pixel(index / (width * height * groups), group * group_in, index / width % height, index % width);

    float sum = first > 0 ? S[index] : 0.0;
    Tap t = tap(first); // its c counts the filters of the group
    for (int k = first; k < last; k++) {
        int o = group * group_out + t.c;
        int y = output_of(x, o, t.p, t.q);
        if (y >= 0) {
            int column = columns > 1 ? o : 0;
            precise float D = QW[column] * dY[y];
            sum += D * QW[2 * columns + column];
        }
        next(t);
    }
    S[index] = sum;
}
