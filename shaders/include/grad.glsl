// grad.glsl: look-ups in a gradient of an approximate multiplier.
//
// GRAD  0 Full, an int16 table of values/scale in a buffer texture; 1 Full, a
//       float32 table; 2 Factored, the sum over r of u_r(W)·v_r(X), from the
//       tables u [rank, 2^w_bits] and v [rank, 2^row_bits].
//
// Texture unit 1 holds the table or u, unit 2 v.

#if GRAD == 0
layout(binding = 1) uniform isamplerBuffer table;
#elif GRAD == 1
layout(binding = 1) uniform samplerBuffer table;
#else
layout(binding = 1) uniform samplerBuffer u;
layout(binding = 2) uniform samplerBuffer v;
#endif

// A Gradient says how to read the tables.
struct Gradient {
    int w_bits, row_bits, rank; // row_bits of the index of v, or of a row of the table
    float scale; // of int16 tables
};

// at returns the gradient at the operands with codes w and x.
float at(Gradient g, uint w, uint x) {
#if GRAD == 0
    return float(texelFetch(table, int((w << g.row_bits) | x)).r) * g.scale;
#elif GRAD == 1
    return texelFetch(table, int((w << g.row_bits) | x)).r;
#else
    float sum = 0.0;
    for (int r = 0; r < g.rank; r++) {
        sum += texelFetch(u, (r << g.w_bits) | int(w)).r * texelFetch(v, (r << g.row_bits) | int(x)).r;
    }
    return sum;
#endif
}
