// lut.glsl: look-ups in the product table of an approximate multiplier.
//
// LUT_MODE  where the table is: 0 buffer texture, 1 two-dimensional texture,
//           2 storage buffer at binding LUT_BINDING, one int a product, 3 and 4
//           shared memory, of 8 and 32 KiB, filled from a buffer texture.
// LUT_WIDE  0: products less their least, in 16 bits; 1: products that do not
//           fit so, in 32 bits of the texture.
//
// The weight selects the row, the activation the column, as in package lut. A
// row has 2^row_bits entries.

#if LUT_MODE == 2
layout(std430, binding = LUT_BINDING) readonly buffer BufProducts { int products[]; };
#elif LUT_MODE == 1 && LUT_WIDE == 1
layout(binding = 0) uniform isampler2D products;
#elif LUT_MODE == 1
layout(binding = 0) uniform usampler2D products;
#elif LUT_WIDE == 1
layout(binding = 0) uniform isamplerBuffer products;
#else
layout(binding = 0) uniform usamplerBuffer products;
#endif

#if LUT_MODE == 3
#define LUT_WORDS 2048
#elif LUT_MODE == 4
#define LUT_WORDS 8192
#endif

// lut_load fills the shared table with so many products, an even number. All
// invocations of the group call it, from uniform control flow, before any calls
// am.
#if LUT_MODE >= 3
shared uint shared_products[LUT_WORDS];

void lut_load(int count) {
    for (int i = int(gl_LocalInvocationIndex); i < count / 2; i += int(gl_WorkGroupSize.x)) {
        shared_products[i] = uint(texelFetch(products, 2 * i).r) | uint(texelFetch(products, 2 * i + 1).r) << 16;
    }
    memoryBarrierShared();
    barrier();
}
#else
void lut_load(int count) {}
#endif

// am returns AM of the operands with codes w and x, less what LUT_WIDE says.
// Nothing may be assumed of the result: of two zeros it need not be 0.
int am(uint w, uint x, int row_bits) {
#if LUT_MODE == 1
    return int(texelFetch(products, ivec2(x, w), 0).r);
#elif LUT_MODE == 2
    return products[(w << row_bits) | x];
#elif LUT_MODE >= 3
    uint i = (w << row_bits) | x;
    return int(bitfieldExtract(shared_products[i >> 1], int(i & 1u) << 4, 16));
#else
    return int(texelFetch(products, int((w << row_bits) | x)).r);
#endif
}
