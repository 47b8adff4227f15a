// lut_rowexp_dw: sums for the gradient of the weights of a convolution of codes,
// by row expansion of a full gradient table.
//
//     D[z,o,k] = sum over the outputs (n,i,j) of slice z of dY[n,o,i,j]·g_W(W[o,k], X[k of (n,i,j)])
//
// D      f32 [slices, Cout, K]          out, the slices of this panel; an int16
//                                       table's entries without their scale
// dY     f32 [N, Cout, OH, OW]
// W      u32 [groups, K, blocks, 2]     of lut_pack_w
// X      u32 [panel groups, words, width]  of lut_panel
// table  rgba32ui at unit 1             rows of the gradient
//
// Grid    a work group eight filters, some taps and a slice: taps first, then
//         filters, slices, groups.
// Macros  GRAD, WIDTH  see rowgrad.glsl and rowexp.glsl
//
// A work group gathers the gradients of its weights with every code once. Then
// each lane takes every 256th output of the slice; the sums of the lanes are
// added in the order of lanes.

#version 430 core

#ifndef GRAD
#define GRAD 0
#endif
#ifndef WIDTH
#define WIDTH 0
#endif

#include "tiles.glsl"
#include "rowexp.glsl"
#include "rowgrad.glsl"

layout(local_size_x = 256) in;

layout(std430, binding = 0) writeonly buffer BufD { float D[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
layout(std430, binding = 2) readonly buffer BufW { uvec2 W[]; };
layout(std430, binding = 3) readonly buffer BufX { uint X[]; };

layout(location = 0) uniform int tiles;
layout(location = 1) uniform int tap_tiles;
layout(location = 2) uniform int blocks; // of eight filters, of a group
layout(location = 3) uniform int slices; // of this panel
layout(location = 4) uniform int first_slice;
layout(location = 5) uniform int length; // of a slice
layout(location = 6) uniform int M;
layout(location = 7) uniform int K;
layout(location = 8) uniform int columns; // outputs in the panel
layout(location = 9) uniform int width;   // of the panel
layout(location = 10) uniform int words;  // of a column of the panel
layout(location = 11) uniform int first_column;
layout(location = 12) uniform int first; // group
layout(location = 13) uniform int plane; // OH·OW
layout(location = 14) uniform int cout;

const uint V = KS / 4u; // vec4 a section

shared uvec4 T[CODES * 8u];

void main() {
    int index = work_group();
    if (index >= tiles) return;
    uint lane = gl_LocalInvocationIndex, q = lane & 7u;
    int k0 = index % tap_tiles * int(KS);
    index /= tap_tiles;
    int block = index % blocks;
    index /= blocks;
    int slice = index % slices, panel_group = index / slices, group = first + panel_group;

    for (uint u = lane; u < BUILDS; u += 256u) {
        uint k = uint(min(k0 + int(built(u)), K - 1));
        BUILD(T, u, W[(uint(group * K) + k) * uint(blocks) + uint(block)])
    }
    meet();

    vec4 sums[8][V];
    for (int s = 0; s < 8; s++) {
        for (uint v = 0u; v < V; v++) sums[s][v] = vec4(0.0);
    }
    int end = min((slice + 1) * length, columns);
    for (int n = slice * length + int(lane); n < end; n += 256) {
        uint x[V];
        for (uint i = 0u; i < V; i++) x[i] = X[(panel_group * words + k0 / 4 + int(i)) * width + n];
        // Turn the codes to the order of this lane's sections.
#if GRAD == 0
        uint turn = (q & 3u) * 8u;
        if (q >= 4u) {
            uint other = x[0];
            x[0] = x[V - 1u];
            x[V - 1u] = other;
        }
#else
        uint turn = (q >> 1) * 8u;
#endif
        for (uint i = 0u; i < V; i++) x[i] = (x[i] >> turn) | (x[i] << ((32u - turn) & 31u));

        int y = first_column + n;
        int from = (y / plane * cout + group * M) * plane + y % plane;
        vec4 d[2];
        for (int h = 0; h < 2; h++) {
            for (int e = 0; e < 4; e++) {
                int o = block * 8 + int(half_of(h, q)) * 4 + e;
                float value = dY[from + min(o, M - 1) * plane];
                d[h][e] = o < M ? value : 0.0;
            }
        }
        for (uint s = 0u; s < 8u; s++) {
            uvec4 entries = T[bitfieldExtract(x[slot(s) / 4u], int(slot(s) % 4u) * 8, 8) * 8u + section(s, q)];
#if GRAD == 0
            sums[s][0] += d[0] * entry(entries.x, entries.y);
            sums[s][V - 1u] += d[1] * entry(entries.z, entries.w);
#else
            sums[s][0] += d[s & 1u] * uintBitsToFloat(entries);
#endif
        }
    }

    // Step by step: what the lanes have of each section at this step goes to
    // shared memory, and one invocation an element adds those that have it.
    float sum = 0.0;
    uint of = lane / (4u * V), element = lane % (4u * V);
    for (uint s = 0u; s < 8u; s++) {
        meet();
        for (uint v = 0u; v < V; v++) T[lane * V + v] = floatBitsToUint(sums[s][v]);
        meet();
        if (of < 8u) {
            for (uint l = visitor(s, of); l < 256u; l += 8u) sum += uintBitsToFloat(T[l * V + element / 4u][element & 3u]);
        }
    }
    if (of >= 8u) return;
#if GRAD == 0
    int k = k0 + int(of), o = block * 8 + int(element);
#else
    int k = k0 + int(of >> 1), o = block * 8 + int(of & 1u) * 4 + int(element);
#endif
    if (k < K && o < M) D[((first_slice + slice) * cout + group * M + o) * K + k] = sum;
}
