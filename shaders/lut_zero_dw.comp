// lut_zero_dw: what the zero point of X takes from the gradient of the weights,
// first pass; lut_finish_dw is the second.
//
//     S[o,(p,q)] = sum over the outputs (n,i,j) whose tap (p,q) counts of dY[n,o,i,j]
//
// S   f32 [slices, Cout, KH, KW], or [slices, Cout]  out
// dY  f32 [N, Cout, OH, OW]
//
// Grid    an invocation an element of S.
//
// With int_zero the taps outside the image do not count; else all do, and S has
// one sum a filter. Slice z sums the outputs in [z·length, (z+1)·length).

#version 430 core

#include "index.glsl"
#include "conv.glsl"

layout(std430, binding = 0) writeonly buffer BufS { float S[]; };
layout(std430, binding = 1) readonly buffer BufDY { float dY[]; };

layout(location = 17) uniform int n;
layout(location = 18) uniform int int_zero;
layout(location = 19) uniform int length;

void main() {
    int index = invocation();
    if (index >= n) return;
    int taps = int_zero != 0 ? kh * kw : 1, t = index % taps, o = index / taps % cout;
    int first = index / taps / cout * length, last = min(first + length, batch * oh * ow);

    Tap at = Tap(0, t / kw, t % kw);
    Output y = Output(first / (oh * ow), o, first / ow % oh, first % ow);
    float sum = 0.0;
    for (int k = first; k < last; k++) {
        if (int_zero == 0 || pixel(y, at) >= 0) sum += dY[((y.n * cout + o) * oh + y.i) * ow + y.j];
        if (++y.j == ow) {
            y.j = 0;
            if (++y.i == oh) {
                y.i = 0;
                y.n++;
            }
        }
    }
    S[index] = sum;
}
