// bits.glsl: floats by their bits. A driver may compare NaN as it likes and
// flush subnormal numbers to 0 (GLSL 4.30 §4.7.1), but it does not touch bits.

#define NAN uintBitsToFloat(0x7FC00000u)

bool is_nan(uint bits) { return (bits & 0x7FFFFFFFu) > 0x7F800000u; }
bool is_nan(float v) { return is_nan(floatBitsToUint(v)); }
bool is_finite(float v) { return (floatBitsToUint(v) & 0x7FFFFFFFu) < 0x7F800000u; }

// ordered maps floats to integers that compare as the floats do, -0 before 0,
// negative NaN first and positive NaN last; disordered is its inverse.
int ordered(uint bits) { return int(bits) ^ ((int(bits) >> 31) & 0x7FFFFFFF); }
uint disordered(int o) { return uint(o ^ ((o >> 31) & 0x7FFFFFFF)); }
