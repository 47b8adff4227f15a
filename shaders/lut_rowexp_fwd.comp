// lut_rowexp_fwd: product of codes under an approximate multiplier, by row
// expansion.
//
//     Y[n,o,i,j] = sum over the taps k of AM(W[o,k], X[k of (n,i,j)])
//
// Y      i32 [N, Cout, OH, OW]           out; in and out with several splits
// W      u32 [groups, K, blocks, 2]      of lut_pack_w
// X      u32 [panel groups, words, width]  of lut_panel
// table  rgba32ui at unit 0              rows of 16-bit products less their least
//
// Grid    a work group a tile of Y and split of the sum: columns first, then
//         rows, splits, groups.
// Macros  WIDTH    see rowexp.glsl
//         ROWS     0: 8 rows of Y a tile, 1: 16
//         COLUMNS  0: 4 columns a lane, 1: 8
//         LANES    0: 256 invocations, 1: 512
//
// For the KS values of k of a stage the group gathers the products of its
// weights with every code, from whole rows of the table; then each lane looks
// up eight products at a time by one code of each of its columns. A lane owns
// eight rows of its columns: 16-bit products are added in pairs, to a sum A of
// both, low + 2¹⁶·high, and to a sum B of the high ones alone. Products of 14
// bits are added four at a time, of 13 bits eight, before they are parted.
// Sums are exact; splits are added with atomics, in any order.

#version 430 core

#ifndef WIDTH
#define WIDTH 0
#endif
#ifndef ROWS
#define ROWS 0
#endif
#ifndef COLUMNS
#define COLUMNS 0
#endif
#ifndef LANES
#define LANES 0
#endif

#include "tiles.glsl"
#include "rowexp.glsl"

#if LANES == 0
#define GROUP 256u
layout(local_size_x = 256) in;
#else
#define GROUP 512u
layout(local_size_x = 512) in;
#endif

layout(std430, binding = 0) buffer BufY { int Y[]; };
layout(std430, binding = 1) readonly buffer BufW { uvec2 W[]; };
layout(std430, binding = 2) readonly buffer BufX { uint X[]; };
layout(binding = 0) uniform usamplerBuffer table;

layout(location = 0) uniform int tiles;
layout(location = 1) uniform int column_tiles;
layout(location = 2) uniform int row_tiles;
layout(location = 3) uniform int splits;
layout(location = 4) uniform int M;
layout(location = 5) uniform int K;
layout(location = 6) uniform int columns;      // of Y in the panel
layout(location = 7) uniform int width;        // of the panel
layout(location = 8) uniform int words;        // of a column of the panel
layout(location = 9) uniform int split_words;  // of a split, even
layout(location = 10) uniform int blocks;      // ⌈M/8⌉
layout(location = 11) uniform int first_column;
layout(location = 12) uniform int first;       // group
layout(location = 13) uniform int plane;       // OH·OW
layout(location = 14) uniform int cout;
layout(location = 15) uniform int start;       // K times the least product

const uint G = 1u << ROWS;    // sections of one k
const uint KS = 8u / G;       // values of k a stage
const uint SLOTS = GROUP / G; // columns side by side
const uint KW = KS == 8u ? 2u : 1u;
const int EACH = 4 << COLUMNS;
#if WIDTH == 0
const uint ADDED = 1u;
#elif WIDTH == 1
const uint ADDED = 4u;
#else
const uint ADDED = KS; // 8 or 4
#endif

shared uvec4 T[CODES * 8u];

// build fills T for the taps from k on and the rows from block on. Neighbouring
// lanes take the eight sections of the same eight codes.
void build(uint k, uint block, int group) {
    for (uint t = gl_LocalInvocationIndex; t < CODES; t += GROUP) {
        uint g = t & 7u, codes = t >> 3, at = k + g / G, b = block + g % G;
        uvec4 r[8];
        if (at < uint(K) && b < uint(blocks)) {
            uvec2 w = W[(uint(group * K) + at) * uint(blocks) + b];
            for (int i = 0; i < 4; i++) {
                r[i] = texelFetch(table, int(bitfieldExtract(w.x, 8 * i, 8) * (CODES / 8u) + codes));
                r[i + 4] = texelFetch(table, int(bitfieldExtract(w.y, 8 * i, 8) * (CODES / 8u) + codes));
            }
        } else {
            for (int i = 0; i < 8; i++) r[i] = uvec4(0u); // no tap: nothing, not AM(·,0)
        }
        TRANSPOSED(T, r, g, codes)
    }
}

void main() {
    int tile = work_group();
    if (tile >= tiles) return;
    uint h = gl_LocalInvocationIndex % G, slot = gl_LocalInvocationIndex / G, q = slot % KS;
    uint n0 = uint(tile % column_tiles) * (SLOTS * uint(EACH)) + slot;
    tile /= column_tiles;
    uint block = uint(tile % row_tiles) * G;
    tile /= row_tiles;
    int split = tile % splits, group = tile / splits;
    uint from = uint(group * words) * uint(width) + n0;

    uint section[KS]; // that this lane reads at step t
    for (uint t = 0u; t < KS; t++) section[t] = (KS == 8u ? ((t ^ q) & 4u) | ((t + q) & 3u) : (t + q) % KS) * G + h;
    uvec4 A[EACH], B[EACH];
    for (int j = 0; j < EACH; j++) A[j] = B[j] = uvec4(0u);

    uint end = uint(min((split + 1) * split_words, (K + 3) / 4));
    for (uint v = uint(split * split_words); v < end; v += KW) {
        meet(); // the stage before is read
        build(4u * v, block, first + group);
        meet();
        for (int j = 0; j < EACH; j++) {
            // The codes of this column, in this lane's order of sections.
            uint x[KW];
            for (uint i = 0u; i < KW; i++) {
                x[i] = X[from + (v + i) * uint(width) + uint(j) * SLOTS];
                x[i] = (x[i] >> ((q & 3u) * 8u)) | (x[i] << ((32u - (q & 3u) * 8u) & 31u));
            }
            if (q >= 4u) {
                uint other = x[0];
                x[0] = x[KW - 1u];
                x[KW - 1u] = other;
            }
            for (uint t = 0u; t < KS; t += ADDED) {
                uvec4 sum = uvec4(0u);
                for (uint e = 0u; e < ADDED; e++) {
                    uint code = bitfieldExtract(x[(t + e) / 4u], int((t + e) % 4u) * 8, 8);
                    sum += T[code * 8u + section[t + e]];
                }
                A[j] += sum;
                B[j] += sum >> 16;
            }
        }
    }

    uint bias = split == 0 ? uint(start) : 0u;
    int o = int(block + h) * 8;
    for (int j = 0; j < EACH; j++) {
        int n = int(n0 + uint(j) * SLOTS);
        if (n >= columns) continue;
        n += first_column;
        int at = (n / plane * cout + (first + group) * M + o) * plane + n % plane;
        uvec4 low = A[j] - (B[j] << 16) + bias, high = B[j] + bias;
        for (int i = 0; i < 8 && o + i < M; i++) {
            int sum = int((i & 1) == 0 ? low[i >> 1] : high[i >> 1]);
            if (splits > 1) {
                atomicAdd(Y[at + i * plane], sum);
            } else {
                Y[at + i * plane] = sum;
            }
        }
    }
}
