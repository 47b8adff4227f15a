// lut_rowexp_dx: gradient of the images of a convolution of codes, by row
// expansion of a full gradient table.
//
//     dX[n,c,row,column] = sum over the (o,p,q) that read it of
//                          s_w[o]·dY[n,o,i,j] · (g_X(W, X) − Z_w[o])
//
// dX     f32 [N, Cin, H, W]           out, and in where first > 0
// dY     f32 [N, Cout, OH, OW]
// W      u32 [groups, K, blocks, 2]   of lut_pack_w
// X      u8  [N, Cin, H, W]
// QW     f32 [3, quantizers]          the quantizer of W
// table  rgba32ui at unit 1           rows of the gradient
//
// Grid    a work group a tile of pixels and some channels: pixels first, then
//         channels, phases of the stride, groups.
// Macros  GRAD   0: a table of int16, 8 channels; 1: of float32, 4 channels
//         WIDTH  see rowexp.glsl
//
// A stage is a tap (p,q) of eight filters; one dispatch adds the stages in
// [first, last) of those of a group. A lane owns some pixels, of which it keeps
// the codes for all stages: for each stage it loads eight dY a pixel, and for
// each channel looks up eight gradients by the pixel's code. It visits the
// sections of a row in an order of its own (rowexp.glsl), in which its sums stay.
// The pixels of a tile have the same row and column modulo the stride, so that
// taps which meet none of them are left out.

#version 430 core

#ifndef GRAD
#define GRAD 0
#endif
#ifndef WIDTH
#define WIDTH 0
#endif

#include "tiles.glsl"
#include "conv.glsl"
#include "pack.glsl"
#include "rowexp.glsl"
#include "rowgrad.glsl"

layout(local_size_x = 256) in;

layout(std430, binding = 0) buffer BufDX { float dX[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufW { uvec2 W[]; };
layout(std430, binding = 3) readonly buffer BufX { uint X[]; };
layout(std430, binding = 4) readonly buffer BufQW { float QW[]; };

layout(location = 17) uniform int tiles;
layout(location = 18) uniform int column_tiles;
layout(location = 19) uniform int channel_tiles;
layout(location = 20) uniform int blocks; // of eight filters, of a group
layout(location = 21) uniform int quantizers;
layout(location = 22) uniform int first;
layout(location = 23) uniform int last;
layout(location = 24) uniform float scale; // of int16 tables

const int EACH = 4; // pixels of a lane

shared uvec4 T[CODES * 8u];

void main() {
    int index = work_group();
    if (index >= tiles) return;
    uint lane = gl_LocalInvocationIndex, q = lane & 7u;
    int pixel0 = index % column_tiles * (256 * EACH) + int(lane);
    index /= column_tiles;
    int c0 = index % channel_tiles * int(KS);
    index /= channel_tiles;
    int phase_row = index % stride_h, phase_column = index / stride_h % stride_w, group = index / (stride_h * stride_w);
    int rows = (height - phase_row + stride_h - 1) / stride_h, columns = (width - phase_column + stride_w - 1) / stride_w;
    int pixels = batch * rows * columns, plane = oh * ow;

    // Of each pixel: where its first channel of the group stands in X, where
    // its image's first filter in dY, its row and column in the phase, and the
    // codes of the channels in the order of this lane's sections.
    int base[EACH], out_base[EACH], row[EACH], column[EACH];
    uint x[EACH][KS / 4u];
    float sums[EACH][KS], zero[EACH];
    for (int j = 0; j < EACH; j++) {
        int at = min(pixel0 + 256 * j, pixels - 1);
        row[j] = at / columns % rows;
        column[j] = at % columns;
        int n = at / columns / rows;
        base[j] = ((n * cin + group * group_in + c0) * height + row[j] * stride_h + phase_row) * width + column[j] * stride_w + phase_column;
        out_base[j] = (n * cout + group * group_out) * plane;
        for (uint i = 0u; i < KS / 4u; i++) x[j][i] = 0u;
        for (uint s = 0u; s < KS; s++) {
            int c = min(int(channel(s, q)), group_in - c0 - 1);
            x[j][s / 4u] |= CODE(X, base[j] + c * height * width) << (8u * (s % 4u));
            sums[j][s] = 0.0;
        }
        zero[j] = 0.0;
    }

    for (int stage = first; stage < last; stage++) {
        int t = stage / blocks, block = stage % blocks, p = t / kw, k = t % kw;
        // As much is added as makes the numbers positive, by multiples of the stride.
        int i0 = phase_row + pad_h + p * dilation_h * (stride_h - 1), j0 = phase_column + pad_w + k * dilation_w * (stride_w - 1);
        if (i0 % stride_h != 0 || j0 % stride_w != 0) continue;
        ivec2 shift = ivec2(i0 / stride_h - p * dilation_h, j0 / stride_w - k * dilation_w);
        meet(); // the stage before is read
        for (uint u = lane; u < BUILDS; u += 256u) {
            uint c = uint(min(c0 + int(built(u)), group_in - 1));
            BUILD(T, u, W[((uint(group * group_in) + c) * uint(kh * kw) + uint(t)) * uint(blocks) + uint(block)])
        }
        meet();

        vec4 s_w[2], Z_w[2]; // in the order of the halves of this lane's sections
        for (int h = 0; h < 2; h++) {
            for (int e = 0; e < 4; e++) {
                int o = group * group_out + min(block * 8 + int(half_of(h, q)) * 4 + e, group_out - 1);
                int at = quantizers > 1 ? o : 0;
                s_w[h][e] = QW[at];
                Z_w[h][e] = QW[2 * quantizers + at];
            }
        }
        for (int j = 0; j < EACH; j++) {
            int i = row[j] + shift.x, k = column[j] + shift.y;
            bool counts = i >= 0 && i < oh && k >= 0 && k < ow;
            int from = out_base[j] + (counts ? i * ow + k : 0);
            vec4 D[2];
            for (int h = 0; h < 2; h++) {
                for (int e = 0; e < 4; e++) {
                    int o = block * 8 + int(half_of(h, q)) * 4 + e;
                    float d = s_w[h][e] * dY[from + min(o, group_out - 1) * plane];
                    D[h][e] = counts && o < group_out ? d : 0.0;
                }
                zero[j] += dot(D[h], Z_w[h]);
            }
            for (uint s = 0u; s < 8u; s++) {
                uvec4 entries = T[bitfieldExtract(x[j][slot(s) / 4u], int(slot(s) % 4u) * 8, 8) * 8u + section(s, q)];
#if GRAD == 0
                sums[j][s] += dot(D[0], entry(entries.x, entries.y)) + dot(D[1], entry(entries.z, entries.w));
#else
                sums[j][slot(s)] += dot(D[s & 1u], uintBitsToFloat(entries));
#endif
            }
        }
    }

    for (int j = 0; j < EACH; j++) {
        if (pixel0 + 256 * j >= pixels) continue;
        for (uint s = 0u; s < KS; s++) {
            int c = int(channel(s, q));
            if (c0 + c >= group_in) continue;
            int at = base[j] + c * height * width;
            float sum = scale * sums[j][s] - zero[j];
            dX[at] = first > 0 ? dX[at] + sum : sum;
        }
    }
}
