// set_range: turns ranges into quantizers, in double, each result rounded once.
//
//     lo = min(0, r.lo), hi = max(0, r.hi), n = 2^bits
//     asymmetric: s = max((hi−lo)/(n−1), 2⁻²³),
//                 Z = qmin + clamp(roundEven(−lo·(n−1)/(hi−lo)), 0, n−1)
//     symmetric:  s = max(max(−lo, hi)/(n/2−1), 2⁻²³), Z = 0
//     inv = 1/s
//
// Q  f32 [3, columns]  out: s, inv, Z
// R  f32 [3, columns]  lo, hi, seen
//
// Grid    an invocation a column.
//
// Z is qmin where hi = lo, and where the range is not finite; s is then not
// finite either.

#version 430 core

#include "index.glsl"
#include "bits.glsl"

layout(std430, binding = 0) writeonly buffer BufQ { float Q[]; };
layout(std430, binding = 1) readonly buffer BufR { float R[]; };

layout(location = 0) uniform int columns;
layout(location = 1) uniform int bits;
layout(location = 2) uniform int least; // qmin
layout(location = 3) uniform int symmetric;

const double LEAST_SCALE = 1.0lf / 8388608.0lf;

void main() {
    int c = invocation();
    if (c >= columns) return;
    float range_lo = R[c], range_hi = R[columns + c];
    if (is_nan(range_lo) || is_nan(range_hi)) {
        Q[c] = NAN;
        Q[columns + c] = NAN;
        Q[2 * columns + c] = symmetric != 0 ? 0.0 : float(least);
        return;
    }
    double lo = min(0.0lf, double(range_lo)), hi = max(0.0lf, double(range_hi));
    double n = double(1 << bits);
    precise double s;
    double Z = 0.0lf;
    if (symmetric != 0) {
        s = max(max(-lo, hi) / (n / 2.0lf - 1.0lf), LEAST_SCALE);
    } else {
        s = max((hi - lo) / (n - 1.0lf), LEAST_SCALE);
        Z = double(least);
        if (hi > lo && is_finite(range_lo) && is_finite(range_hi)) {
            precise double z = roundEven(-lo * (n - 1.0lf) / (hi - lo));
            Z += clamp(z, 0.0lf, n - 1.0lf);
        }
    }
    precise double inv = 1.0lf / s;
    Q[c] = float(s);
    Q[columns + c] = float(inv);
    Q[2 * columns + c] = float(Z);
}
