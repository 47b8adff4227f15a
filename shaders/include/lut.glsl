// lut.glsl: look-ups in the product table of an approximate multiplier.
//
// LUT_MODE    where the table is: 0 buffer texture, 1 two-dimensional texture,
//             2 storage buffer at binding LUT_BINDING, one int a product.
// LUT_SIGNED  1 if the texture is r16i or r32i, 0 if it is r16ui.
//
// The weight selects the row, the activation the column, as in package lut.

#if LUT_MODE == 0
#if LUT_SIGNED == 1
layout(binding = 0) uniform isamplerBuffer products;
#else
layout(binding = 0) uniform usamplerBuffer products;
#endif
#elif LUT_MODE == 1
#if LUT_SIGNED == 1
layout(binding = 0) uniform isampler2D products;
#else
layout(binding = 0) uniform usampler2D products;
#endif
#else
layout(std430, binding = LUT_BINDING) readonly buffer BufProducts { int products[]; };
#endif

// am returns AM of the operands with codes w and x, of which x has x_bits.
// Nothing may be assumed of the result: of two zeros it need not be 0.
int am(uint w, uint x, int x_bits) {
#if LUT_MODE == 0
    return int(texelFetch(products, int((w << x_bits) | x)).r);
#elif LUT_MODE == 1
    return int(texelFetch(products, ivec2(x, w), 0).r);
#else
    return products[(w << x_bits) | x];
#endif
}
