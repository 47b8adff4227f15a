// lut_dequantize: the real product of the sums of a convolution of codes.
//
//     Y = s_w·s_x·(A − Z_x·ΣW − Z_w·Σ(X − Z_x))          (Eq. 8 summed over k)
//
// Y   f32 [N, Cout, OH, OW]            out
// A   i32 [N, Cout, OH, OW]            sums of products
// SW  i32 [Cout, OH, OW], or [Cout]    of lut_sum_w
// SX  i32 [N, groups, OH, OW]          of lut_sum_x
// QW  f32 [3, columns]                 the quantizer of W
// QX  f32 [3]                          the quantizer of X
//
// Grid    an invocation an output.
//
// The bracket is an int, wrapping; −Z_w·Σ(X − Z_x) is the last two terms of the
// bracket in the contract.

#version 430 core

#include "index.glsl"
#include "conv.glsl"

layout(std430, binding = 0) writeonly buffer BufY { float Y[]; };
layout(std430, binding = 1) readonly buffer BufA { int A[]; };
layout(std430, binding = 2) readonly buffer BufSW { int SW[]; };
layout(std430, binding = 3) readonly buffer BufSX { int SX[]; };
layout(std430, binding = 4) readonly buffer BufQW { float QW[]; };
layout(std430, binding = 5) readonly buffer BufQX { float QX[]; };

layout(location = 17) uniform int columns;
layout(location = 18) uniform int int_zero;

void main() {
    int index = invocation();
    if (index >= batch * cout * oh * ow) return;
    Output y = output_at(index);
    int column = columns > 1 ? y.o : 0;
    int Zw = int(QW[2 * columns + column]), Zx = int(QX[2]);

    int place = y.i * ow + y.j;
    int sum_w = SW[int_zero != 0 ? y.o * oh * ow + place : y.o];
    int sum_x = SX[(y.n * (cout / group_out) + y.o / group_out) * oh * ow + place];
    int bracket = A[index] - Zx * sum_w - Zw * sum_x;

    precise float s = QW[column] * QX[0];
    precise float real = float(bracket) * s;
    Y[index] = real;
}
