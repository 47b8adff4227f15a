// rowgrad.glsl: rows of gradients in shared memory (see rowexp.glsl). A row
// holds those of eight filters with KS channels or taps:
//
// GRAD 0: of int16, KS = 8; a section is eight filters of one channel
// GRAD 1: of float32, KS = 4; a section is a half of the filters of one channel
//
// Lane q = lane % 8 visits section(s, q) at step s. Its sums, and its codes,
// stand at slot(s), which is channel(slot, q) of the row.

layout(binding = 1) uniform usamplerBuffer table;

#if GRAD == 0
const uint KS = 8u;
const uint BUILDS = CODES;

uint section(uint s, uint q) { return ((s ^ q) & 4u) | ((s + q) & 3u); }
uint slot(uint s) { return s; }
uint channel(uint slot, uint q) { return section(slot, q); }

// half_of returns which four filters a lane's h-th four are.
uint half_of(int h, uint q) { return uint(h); }

// visitor returns the q for which section(s, q) is the given one.
uint visitor(uint s, uint section) { return ((section ^ s) & 4u) | ((section - s) & 3u); }

// entry returns four int16, stored with the sign bit turned, as floats, exactly:
// 2²³ + u has u in its last bits.
vec4 entry(uint a, uint b) {
    precise vec4 v = vec4(uintBitsToFloat((a & 0xFFFFu) | 0x4B000000u), uintBitsToFloat((a >> 16) | 0x4B000000u),
                          uintBitsToFloat((b & 0xFFFFu) | 0x4B000000u), uintBitsToFloat((b >> 16) | 0x4B000000u)) - 8421376.0;
    return v;
}

// built returns the channel of step u of building a row, BUILD carries it out
// with the codes of its eight weights.
uint built(uint u) { return u & 7u; }
#define BUILD(T, u, codes) { \
    uvec2 w = codes; \
    uvec4 r[8]; \
    for (int i = 0; i < 4; i++) { \
        r[i] = texelFetch(table, int(bitfieldExtract(w.x, 8 * i, 8) * (CODES / 8u) + ((u) >> 3))) ^ 0x80008000u; \
        r[i + 4] = texelFetch(table, int(bitfieldExtract(w.y, 8 * i, 8) * (CODES / 8u) + ((u) >> 3))) ^ 0x80008000u; \
    } \
    TRANSPOSED(T, r, (u) & 7u, (u) >> 3) \
}
#else
const uint KS = 4u;
const uint BUILDS = 2u * CODES;

uint section(uint s, uint q) { return ((((s >> 1) + (q >> 1)) & 3u) << 1) | ((s ^ q) & 1u); }
uint slot(uint s) { return s >> 1; }
uint channel(uint slot, uint q) { return (slot + (q >> 1)) & 3u; }
uint half_of(int h, uint q) { return uint(h) ^ (q & 1u); }
uint visitor(uint s, uint section) { return ((((section >> 1) - (s >> 1)) & 3u) << 1) | ((section ^ s) & 1u); }

uint built(uint u) { return (u & 7u) >> 1; }
#define BUILD(T, u, codes) { \
    uvec2 w = codes; \
    uint four = ((u) & 1u) == 0u ? w.x : w.y; \
    uvec4 r[4]; \
    for (int i = 0; i < 4; i++) r[i] = texelFetch(table, int(bitfieldExtract(four, 8 * i, 8) * (CODES / 4u) + ((u) >> 3))); \
    for (int j = 0; j < 4; j++) T[(((u) >> 3) * 4u + uint(j)) * 8u + ((u) & 7u)] = uvec4(r[0][j], r[1][j], r[2][j], r[3][j]); \
}
#endif
