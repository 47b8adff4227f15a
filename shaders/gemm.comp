// gemm: products of matrices of float32 in tiles, among them convolutions and
// the gradients of a factored multiplier, whose operands are gathered and
// mapped as the tiles are loaded.
//
//     C[r,s] = sum over i of A(r,i)·B(i,s)
//
// PASS 0, convolution: r is a filter o, s an output (n,i,j), i a tap.
//     C  f32 [slices, N, Cout, OH, OW]  out     A = W[o,tap], B = X[tap of (n,i,j)]
//     W  f32 [Cout, Cin/groups, KH, KW]
//     X  f32 [N, Cin, H, W]
// PASS 1, gradient of the filters: s is a tap, i an output.
//     C  f32 [slices, Cout, Cin/groups, KH, KW]  out     A = dY[o,(n,i,j)]
//     dY f32 [N, Cout, OH, OW]                           B = X[tap of (n,i,j)]
//     X  f32 [N, Cin, H, W]
// PASS 2, gradient of the images: r is a channel, s a pixel, i a tap of a filter.
//     C  f32 [slices, N, Cin, H, W]  out     A = W[o,c,p,q]
//     dY f32 [N, Cout, OH, OW]               B = dY of the output that reads the pixel so
//     W  f32 [Cout, Cin/groups, KH, KW]
// PASS 3, as 1 for one rank of Σ_r u_r(W)·v_r(X); adds to C where add is set.
//     X  u8                        B = v_r(X), of a tap outside that of Z_x, or of 0 with int_zero;
//     W  u8                            less Z_x, which such a tap has not, where fold is set
//     QX f32 [3]                   C += u_r(W)·sum
// PASS 4, as 2 for one rank; adds to C where add is set.
//     W  u8                        A = s_w[o]·u_r(W), or s_w[o]·(u_r(W) − Z_w[o]) where fold is set
//     X  u8 [N, Cin, H, W]         C += v_r(X)·sum
//     QW f32 [3, quantizers]
//
// Buffers stand in the order C; W, X | dY, X | dY, W | dY, X, W, QX | dY, W, X, QW.
// Textures 1 and 2 are u and v (see grad.glsl).
//
// Grid    a work group a tile of C and slice of the sum: columns first, then
//         rows, slices, phases of the stride (PASS 2 and 4), groups.
// Macros  PASS  0 to 4
//         TILE  0: 128×128 results a group, 8×8 a lane; 1: 64×64, 4×4 a lane;
//               2: 16×256, 4×4 a lane
//
// A slice adds length blocks of eight i. Tiles of operands come in two buffers:
// while one is multiplied, the next is on its way to registers. In PASS 2 and 4
// i is (p,q,o) with o rounded up to a multiple of 8, and the pixels of a tile
// have the same row and column modulo the stride, so that taps that meet none
// of them are left out.

#version 430 core

#ifndef PASS
#define PASS 0
#endif
#ifndef TILE
#define TILE 0
#endif

#include "tiles.glsl"
#include "conv.glsl"
#include "pack.glsl"
#if PASS > 2
#define GRAD 2
#include "grad.glsl"
#endif

layout(local_size_x = 256) in;

#if TILE == 0
#define ROWS 128
#define COLUMNS 128
#define BLOCKS 2 // of 4×4 results a lane, on either side
#elif TILE == 1
#define ROWS 64
#define COLUMNS 64
#define BLOCKS 1
#else
#define ROWS 16
#define COLUMNS 256
#define BLOCKS 1
#endif
#define LANES_X (COLUMNS / 4 / BLOCKS)

layout(std430, binding = 0) buffer BufC { float C[]; };
#if PASS == 0
layout(std430, binding = 1) readonly buffer BufW { float W[]; };
layout(std430, binding = 2) readonly buffer BufX { float X[]; };
#else
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };
#endif
#if PASS == 1
layout(std430, binding = 2) readonly buffer BufX { float X[]; };
#elif PASS == 2
layout(std430, binding = 2) readonly buffer BufW { float W[]; };
#elif PASS == 3
layout(std430, binding = 2) readonly buffer BufX { uint X[]; };
layout(std430, binding = 3) readonly buffer BufW { uint W[]; };
layout(std430, binding = 4) readonly buffer BufQX { float QX[]; };
#elif PASS == 4
layout(std430, binding = 2) readonly buffer BufW { uint W[]; };
layout(std430, binding = 3) readonly buffer BufX { uint X[]; };
layout(std430, binding = 4) readonly buffer BufQW { float QW[]; };
#endif

layout(location = 17) uniform int tiles;
layout(location = 18) uniform int column_tiles;
layout(location = 19) uniform int row_tiles;
layout(location = 20) uniform int slices;
layout(location = 21) uniform int length; // blocks of eight of a slice
#if PASS > 2
layout(location = 22) uniform int add;
layout(location = 23) uniform int rank;
layout(location = 24) uniform int w_bits;
layout(location = 25) uniform int x_bits;
layout(location = 26) uniform int fold;
layout(location = 27) uniform int int_zero;
layout(location = 28) uniform int x_min; // the value of code 0
layout(location = 29) uniform int quantizers;
#endif

// Elements of the tiles that a lane loads.
#define EACH_A (ROWS < 32 ? 1 : ROWS / 32)
#define EACH_B (COLUMNS / 32)

shared vec4 tile_a[2][8][ROWS / 4 + 1], tile_b[2][8][COLUMNS / 4 + 1]; // padded: stores spread over banks
#if PASS < 2 || PASS == 3
shared ivec4 places[2][8]; // of the i of a block: see place
#endif

int lane = 0, group = 0, phase_row = 0, phase_column = 0; // of this invocation, and its work group

#if PASS == 0
const bool ALONG_A = true, ALONG_B = false; // whether neighbouring lanes load neighbours along i
int R() { return group_out; }
int S() { return batch * oh * ow; }
int blocks() { return (group_in * kh * kw + 7) / 8; }

// place returns, of tap i: its channel's offset, the row and column it adds,
// and whether it is one.
ivec4 place(int i) {
    Tap t = tap(i);
    return ivec4(t.c * height * width, t.p * dilation_h - pad_h, t.q * dilation_w - pad_w, i < group_in * kh * kw ? 1 : 0);
}
#elif PASS == 1 || PASS == 3
const bool ALONG_A = true, ALONG_B = true;
int R() { return group_out; }
int S() { return group_in * kh * kw; }
int blocks() { return (batch * oh * ow + 7) / 8; }

// place returns, of output i: where it stands in dY, of the group's first
// filter; where its image's first channel begins; the row and column of its
// first tap. The first is −1 behind the last output.
ivec4 place(int i) {
    int n = i / (oh * ow), at = i % (oh * ow);
    if (n >= batch) return ivec4(-1, 0, 0, 0);
    return ivec4((n * cout + group * group_out) * oh * ow + at, (n * cin + group * group_in) * height * width,
                 at / ow * stride_h - pad_h, at % ow * stride_w - pad_w);
}
#else
const bool ALONG_A = false, ALONG_B = false;
int R() { return group_in; }
int filter_blocks() { return (group_out + 7) / 8; }
int blocks() { return filter_blocks() * kh * kw; }
int phase_rows() { return (height - phase_row + stride_h - 1) / stride_h; }
int phase_columns() { return (width - phase_column + stride_w - 1) / stride_w; }
int S() { return batch * phase_rows() * phase_columns(); }

// meets reports whether tap (p,q) reads pixels of the phase; shift is then the
// row and column of the output less those of the pixel, both among the pixels
// of the phase.
bool meets(int p, int q, out ivec2 shift) {
    // As much is added as makes the numbers positive, by multiples of the stride.
    int i = phase_row + pad_h + p * dilation_h * (stride_h - 1), j = phase_column + pad_w + q * dilation_w * (stride_w - 1);
    shift = ivec2(i / stride_h - p * dilation_h, j / stride_w - q * dilation_w);
    return i % stride_h == 0 && j % stride_w == 0;
}
#endif

// following returns the first block from b on that counts, or end.
int following(int b, int end) {
#if PASS == 2 || PASS == 4
    while (b < end) {
        int t = b / filter_blocks();
        ivec2 shift;
        if (meets(t / kw, t % kw, shift)) return b;
        b = (t + 1) * filter_blocks();
    }
    return end;
#else
    return b;
#endif
}

// A Column is what a lane knows of a column of B that it loads.
struct Column {
    int base, row, column;
    bool counts;
};

Column column_at(int s) {
    Column c;
    c.counts = s < S();
#if PASS == 0
    int n = s / (oh * ow), at = s % (oh * ow);
    c.base = (n * cin + group * group_in) * height * width;
    c.row = at / ow * stride_h;
    c.column = at % ow * stride_w;
#elif PASS == 1 || PASS == 3
    Tap t = tap(s);
    c.base = t.c * height * width;
    c.row = t.p * dilation_h;
    c.column = t.q * dilation_w;
#else
    int columns = max(1, phase_columns()), rows = max(1, phase_rows());
    c.base = (s / columns / rows * cout + group * group_out) * oh * ow;
    c.row = s / columns % rows;
    c.column = s % columns;
#endif
    return c;
}

// A Block is what all lanes know of eight i: the first, or the tap p·kw+q, its
// shift and the first filter; and which of places are theirs.
struct Block {
    int first, tap;
    ivec2 shift;
    int places;
};

Block block_at(int b, int which) {
#if PASS == 2 || PASS == 4
    int t = b / filter_blocks();
    ivec2 shift;
    meets(t / kw, t % kw, shift);
    return Block((b - t * filter_blocks()) * 8, t, shift, which);
#else
    return Block(8 * b, 0, ivec2(0), which);
#endif
}

// load_a returns A(r, i), i being element e of block b.
float load_a(int r, Block b, int e) {
#if PASS == 0
    int i = b.first + e, taps = group_in * kh * kw;
    return r < group_out && i < taps ? W[(group * group_out + r) * taps + i] : 0.0;
#elif PASS == 1 || PASS == 3
    int at = places[b.places][e].x;
    return r < group_out && at >= 0 ? dY[at + r * oh * ow] : 0.0;
#else
    int o = b.first + e;
    if (r >= group_in || o >= group_out) return 0.0;
    o += group * group_out;
    int at = (o * group_in + r) * kh * kw + b.tap;
#if PASS == 2
    return W[at];
#else
    int q = quantizers > 1 ? o : 0;
    float value = texelFetch(u, (rank << w_bits) | int(CODE(W, at))).r;
    if (fold != 0) value -= QW[2 * quantizers + q];
    return QW[q] * value;
#endif
#endif
}

// load_b returns B(i, s), i being element e of block b and s column c.
float load_b(Column c, Block b, int e) {
#if PASS == 0
    ivec4 t = places[b.places][e];
    int row = c.row + t.y, column = c.column + t.z;
    bool counts = c.counts && t.w != 0 && row >= 0 && row < height && column >= 0 && column < width;
    return counts ? X[c.base + t.x + row * width + column] : 0.0;
#elif PASS == 1 || PASS == 3
    ivec4 y = places[b.places][e];
    if (!c.counts || y.x < 0) return 0.0;
    int row = y.z + c.row, column = y.w + c.column;
    bool inside = row >= 0 && row < height && column >= 0 && column < width;
    int at = y.y + c.base + row * width + column;
#if PASS == 1
    return inside ? X[at] : 0.0;
#else
    uint x = inside ? CODE(X, at) : uint((int_zero != 0 ? 0 : int(QX[2])) - x_min);
    float value = texelFetch(v, (rank << x_bits) | int(x)).r;
    return fold != 0 && (inside || int_zero == 0) ? value - QX[2] : value;
#endif
#else
    int o = b.first + e, i = c.row + b.shift.x, j = c.column + b.shift.y;
    bool counts = c.counts && o < group_out && i >= 0 && i < oh && j >= 0 && j < ow;
    return counts ? dY[c.base + (o * oh + i) * ow + j] : 0.0;
#endif
}

// Element t of a tile of ROWS or COLUMNS lines is element inner of line line.
int line_of(bool along, int t, int lines) { return along ? t / 8 : t % lines; }
int inner_of(bool along, int t, int lines) { return along ? t % 8 : t / lines; }

void main() {
    int index = work_group();
    if (index >= tiles) return;
    lane = int(gl_LocalInvocationIndex);
    int s0 = index % column_tiles * COLUMNS;
    index /= column_tiles;
    int r0 = index % row_tiles * ROWS;
    index /= row_tiles;
    int slice = index % slices;
    index /= slices;
#if PASS == 2 || PASS == 4
    phase_row = index % stride_h;
    phase_column = index / stride_h % stride_w;
    index /= stride_h * stride_w;
#endif
    group = index;
    int end = min((slice + 1) * length, blocks()), block = following(slice * length, end);

    Column columns[EACH_B];
    for (int j = 0; j < EACH_B; j++) columns[j] = column_at(s0 + line_of(ALONG_B, lane + 256 * j, COLUMNS));
    vec4 sums[4 * BLOCKS][BLOCKS];
    for (int a = 0; a < 4 * BLOCKS; a++) {
        for (int c = 0; c < BLOCKS; c++) sums[a][c] = vec4(0.0);
    }
    int tx = lane % LANES_X, ty = lane / LANES_X;
    float next_a[EACH_A], next_b[EACH_B];

    // Turn t multiplies block t, loads the one behind it, and looks up the
    // places of the one behind that again.
#if PASS < 2 || PASS == 3
    if (lane < 16) places[lane >> 3][lane & 7] = place(8 * block + lane);
    meet();
#endif
    bool loads = true;
    for (int turn = -1; loads; turn++) {
        int to = (turn + 1) & 1;
        loads = block < end;
        if (loads) {
            Block b = block_at(block, to);
            for (int j = 0; j < EACH_A; j++) {
                int t = lane + 256 * j;
                if (t < 8 * ROWS) next_a[j] = load_a(r0 + line_of(ALONG_A, t, ROWS), b, inner_of(ALONG_A, t, ROWS));
            }
            for (int j = 0; j < EACH_B; j++) next_b[j] = load_b(columns[j], b, inner_of(ALONG_B, lane + 256 * j, COLUMNS));
        }
        if (turn >= 0) {
            int b = turn & 1;
            for (int i = 0; i < 8; i++) {
                vec4 a[BLOCKS], c[BLOCKS];
                for (int j = 0; j < BLOCKS; j++) {
                    a[j] = tile_a[b][i][ty + j * ROWS / 8];
                    c[j] = tile_b[b][i][tx + j * COLUMNS / 8];
                }
                for (int x = 0; x < BLOCKS; x++) {
                    for (int e = 0; e < 4; e++) {
                        for (int y = 0; y < BLOCKS; y++) sums[4 * x + e][y] += a[x][e] * c[y];
                    }
                }
            }
        }
        if (loads) {
            for (int j = 0; j < EACH_A; j++) {
                int t = lane + 256 * j, line = line_of(ALONG_A, t, ROWS);
                if (t < 8 * ROWS) tile_a[to][inner_of(ALONG_A, t, ROWS)][line >> 2][line & 3] = next_a[j];
            }
            for (int j = 0; j < EACH_B; j++) {
                int t = lane + 256 * j, line = line_of(ALONG_B, t, COLUMNS);
                tile_b[to][inner_of(ALONG_B, t, COLUMNS)][line >> 2][line & 3] = next_b[j];
            }
            block = following(block + 1, end);
        }
        meet();
#if PASS < 2 || PASS == 3
        if (lane < 8) places[to][lane] = place(8 * (block + 1) + lane);
#endif
    }

    for (int a = 0; a < 4 * BLOCKS; a++) {
        int r = r0 + ty * 4 + (a & 3) + (a >> 2) * ROWS / 2;
        for (int c = 0; c < 4 * BLOCKS; c++) {
            int s = s0 + tx * 4 + (c & 3) + (c >> 2) * COLUMNS / 2;
            if (r >= R() || s >= S()) continue;
            float sum = sums[a][c >> 2][c & 3];
#if PASS == 0
            int at = (s / (oh * ow) * cout + group * group_out + r) * oh * ow + s % (oh * ow);
            C[slice * batch * cout * oh * ow + at] = sum;
#elif PASS == 1 || PASS == 3
            int at = (group * group_out + r) * S() + s, to = slice * cout * S() + at;
#if PASS == 3
            sum *= texelFetch(u, (rank << w_bits) | int(CODE(W, at))).r;
            if (add != 0) sum += C[to];
#endif
            C[to] = sum;
#else
            int row = s / phase_columns() % phase_rows() * stride_h + phase_row, column = s % phase_columns() * stride_w + phase_column;
            int n = s / phase_columns() / phase_rows();
            int at = ((n * cin + group * group_in + r) * height + row) * width + column, to = slice * batch * cin * height * width + at;
#if PASS == 4
            sum *= texelFetch(v, (rank << x_bits) | int(CODE(X, at))).r;
            if (add != 0) sum += C[to];
#endif
            C[to] = sum;
#endif
        }
    }
}
