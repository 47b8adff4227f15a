// rowexp.glsl: the rows of shared memory that row expansion reads.
//
// A row T[x] of 128 bytes holds, for code x, the table entries of eight weights
// in each of eight sections of 16 bytes (of float32, of four weights). A lane
// reads the sections in an order of its own, so that the eight lanes whose
// 128-bit loads a device serves together touch eight sections: all 32 banks
// once, whatever the codes are.
//
// WIDTH  0, 1, 2: rows for 256, 128 or 64 codes, which is how long the rows of
//        the table are.

#if WIDTH == 0
#define CODES 256u
#elif WIDTH == 1
#define CODES 128u
#else
#define CODES 64u
#endif

// transposed stores eight 16-bit entries each of eight weights, at the codes
// from 8·block on, as section g of their rows.
#define TRANSPOSED(T, r, g, block) \
    for (int j = 0; j < 4; j++) { \
        uint a = ((block) * 8u + 2u * uint(j)) * 8u + (g); \
        T[a] = uvec4((r[0][j] & 0xFFFFu) | (r[1][j] << 16), (r[2][j] & 0xFFFFu) | (r[3][j] << 16), \
                     (r[4][j] & 0xFFFFu) | (r[5][j] << 16), (r[6][j] & 0xFFFFu) | (r[7][j] << 16)); \
        T[a + 8u] = uvec4((r[0][j] >> 16) | (r[1][j] & 0xFFFF0000u), (r[2][j] >> 16) | (r[3][j] & 0xFFFF0000u), \
                          (r[4][j] >> 16) | (r[5][j] & 0xFFFF0000u), (r[6][j] >> 16) | (r[7][j] & 0xFFFF0000u)); \
    }
