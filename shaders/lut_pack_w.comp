// lut_pack_w: weights for row expansion, eight rows side by side.
//
//     byte i of P[g,k,b] = W[g,8b+i,k], 0 behind the last row
//
// P  u32 [groups, K, blocks, 2]  out; blocks = ⌈M/8⌉
// W  u8  [groups, M, K]
//
// Grid    an invocation a word.

#version 430 core

#include "index.glsl"
#include "pack.glsl"

layout(std430, binding = 0) writeonly buffer BufP { uint P[]; };
layout(std430, binding = 1) readonly buffer BufW { uint W[]; };

layout(location = 0) uniform int n; // words
layout(location = 1) uniform int M;
layout(location = 2) uniform int K;
layout(location = 3) uniform int blocks;

void main() {
    int index = invocation();
    if (index >= n) return;
    int row = index % (2 * blocks) * 4, k = index / (2 * blocks) % K, g = index / (2 * blocks) / K;
    uint codes = 0u;
    for (int i = 0; i < min(4, M - row); i++) codes |= CODE(W, (g * M + row + i) * K + k) << (8 * i);
    P[index] = codes;
}
