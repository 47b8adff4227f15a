// quant.glsl: between real numbers and the integers of operands (Eq. 7).
//
// A quantizer is a buffer of 3·columns floats: all s, then all inv, then all Z.

// ROUND_LIMIT bounds a rounded x·inv before Z is added, so that the sum fits an
// int; beyond it every value clamps.
#define ROUND_LIMIT 16777216.0

// unclamped returns roundEven(v) + Z. v is not NaN.
int unclamped(float v, float Z) {
    return int(clamp(roundEven(v), -ROUND_LIMIT, ROUND_LIMIT)) + int(Z);
}
