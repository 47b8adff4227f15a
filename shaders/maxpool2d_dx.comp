// maxpool2d_dx: sends the gradient of each window to its greatest pixel.
//
//     dX[row,column] = sum of the dY[i,j] with I[i,j] = row·W + column
//
// dX  f32 [planes, H, W]    out
// dY  f32 [planes, OH, OW]
// I   i32 [planes, OH, OW]  of maxpool2d_fwd
//
// Grid    an invocation a pixel, which asks the windows that hold it.

#version 430 core

#include "index.glsl"
#include "pool.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufI { int I[]; };

void main() {
    int index = invocation();
    if (index >= planes * height * width) return;
    int plane = index / (height * width) * oh * ow, pixel = index % (height * width);
    Span rows = covering(pixel / width, oh, window_h, stride_h, pad_h);
    Span columns = covering(pixel % width, ow, window_w, stride_w, pad_w);

    float sum = 0.0;
    for (int i = rows.first; i < rows.end; i++) {
        for (int j = columns.first; j < columns.end; j++) {
            int y = plane + i * ow + j;
            if (I[y] == pixel) sum += dY[y];
        }
    }
    dX[index] = sum;
}
