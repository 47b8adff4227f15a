// observe_batch: the least and greatest of the data, second pass.
//
// B  f32 [2, columns]          out: least, greatest; NaN both where one x is
// P  i32 [columns, pieces, 2]  of observe_extremes
//
// Grid    (1, columns) work groups.

#version 430 core

#include "bits.glsl"
#include "reduce.glsl"

layout(std430, binding = 0) writeonly buffer BufB { float B[]; };
layout(std430, binding = 1) readonly buffer BufP { int P[]; };

layout(location = 0) uniform int columns;
layout(location = 1) uniform int pieces;

void main() {
    for (int c = int(gl_WorkGroupID.y); c < columns; c += int(gl_NumWorkGroups.y)) {
        ivec2 v = ivec2(0x7FFFFFFF, 0x80000000);
        for (int i = int(gl_LocalInvocationIndex); i < pieces; i += int(GROUP)) {
            int at = 2 * (c * pieces + i);
            v = ivec2(min(v.x, P[at]), max(v.y, P[at + 1]));
        }
        v = group_extremes(v);
        if (gl_LocalInvocationIndex == 0u) {
            uint lo = disordered(v.x), hi = disordered(v.y);
            bool nan = is_nan(lo) || is_nan(hi);
            B[c] = nan ? NAN : uintBitsToFloat(lo);
            B[columns + c] = nan ? NAN : uintBitsToFloat(hi);
        }
    }
}
