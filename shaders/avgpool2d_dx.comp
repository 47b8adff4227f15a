// avgpool2d_dx: the gradient of mean pooling.
//
//     dX[row,column] = sum over the windows (i,j) that hold it of dY[i,j]/area
//
// dX  f32 [planes, H, W]    out
// dY  f32 [planes, OH, OW]
//
// Grid    an invocation a pixel.

#version 430 core

#include "index.glsl"
#include "pool.glsl"

layout(std430, binding = 0) writeonly buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };

void main() {
    int index = invocation();
    if (index >= planes * height * width) return;
    int plane = index / (height * width) * oh * ow, pixel = index % (height * width);
    Span rows = covering(pixel / width, oh, window_h, stride_h, pad_h);
    Span columns = covering(pixel % width, ow, window_w, stride_w, pad_w);

    float sum = 0.0;
    for (int i = rows.first; i < rows.end; i++) {
        for (int j = columns.first; j < columns.end; j++) sum += dY[plane + i * ow + j];
    }
    dX[index] = sum / float(window_h * window_w);
}
