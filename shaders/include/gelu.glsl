// gelu.glsl: the normal distribution.
//
// GLSL has no erf. With t = 1/(1 + 0.4·z) and z = |x|/√2, the tail 0.5·erfc(z)
// is exp(−z²)·P(t); P, of degree 8, is a least-squares fit of our own at the
// Chebyshev nodes of [0, 1], weighted by exp(−z²/2), which is off by 4·10⁻¹⁰ of
// the distribution at most: what counts is the rounding of float32.

// bell returns exp(−x²/2).
float bell(float x) {
    precise float square = -0.5 * (x * x);
    return exp(square);
}

// distribution returns Φ(x), given bell(x).
float distribution(float x, float bell) {
    float t = 1.0 / (1.0 + 0.28284273 * abs(x));
    float p = 0.038988985;
    p = p * t - 0.20543504;
    p = p * t + 0.35698467;
    p = p * t - 0.20094402;
    p = p * t + 0.21154068;
    p = p * t + 0.0680059;
    p = p * t + 0.11838453;
    p = p * t + 0.11246996;
    p = p * t + 4.3155874e-06;
    float tail = p * bell;
    return x < 0.0 ? tail : 1.0 - tail;
}
