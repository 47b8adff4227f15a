// lut_panel: patches of images as columns of codes (im2col), for row expansion.
//
//     byte i of P[g,v,n] = X[tap 4v+i of output first_column+n, in group first+g]
//
// P   u32 [groups, words, width]  out; words = 2·⌈K/8⌉
// X   u8  [N, Cin, H, W]
// QX  f32 [3]                     the quantizer of X
//
// Grid    an invocation a word.
//
// A tap outside the image has the code of Z_x, or that of 0 with int_zero. Where
// there is no tap or no output the code is 0; those never count.

#version 430 core

#include "index.glsl"
#include "conv.glsl"
#include "pack.glsl"

layout(std430, binding = 0) writeonly buffer BufP { uint P[]; };
layout(std430, binding = 1) readonly buffer BufX { uint X[]; };
layout(std430, binding = 2) readonly buffer BufQX { float QX[]; };

layout(location = 17) uniform int n; // words in all
layout(location = 18) uniform int panel_width;
layout(location = 19) uniform int columns; // outputs, of those of a channel
layout(location = 20) uniform int first_column;
layout(location = 21) uniform int first;
layout(location = 22) uniform int words;
layout(location = 23) uniform int x_min; // the value of code 0
layout(location = 24) uniform int int_zero;

void main() {
    int index = invocation();
    if (index >= n) return;
    int column = index % panel_width, k = 4 * (index / panel_width % words), group = first + index / panel_width / words;
    uint codes = 0u;
    if (column < columns) {
        uint outside = uint((int_zero != 0 ? 0 : int(QX[2])) - x_min);
        column += first_column;
        Output y = Output(column / (oh * ow), group * group_out, column / ow % oh, column % ow);
        Tap t = tap(k);
        int taps = min(4, group_in * kh * kw - k);
        for (int i = 0; i < taps; i++) {
            int at = pixel(y, t);
            codes |= (at < 0 ? outside : CODE(X, at)) << (8 * i);
            next(t);
        }
    }
    P[index] = codes;
}
