// observe_extremes: the least and greatest of each piece of the data, first pass.
//
// P  i32 [columns, pieces, 2]  out, ordered bits (see bits.glsl)
// X  f32 [columns, each]       the data, by its bits
//
// Grid    (pieces, columns) work groups; a group reduces length elements of a
//         column.

#version 430 core

#include "bits.glsl"
#include "reduce.glsl"

layout(std430, binding = 0) writeonly buffer BufP { int P[]; };
layout(std430, binding = 1) readonly buffer BufX { uint X[]; };

layout(location = 0) uniform int columns;
layout(location = 1) uniform int each;
layout(location = 2) uniform int length;

void main() {
    int pieces = int(gl_NumWorkGroups.x), piece = int(gl_WorkGroupID.x);
    int end = min((piece + 1) * length, each);
    for (int c = int(gl_WorkGroupID.y); c < columns; c += int(gl_NumWorkGroups.y)) {
        ivec2 v = ivec2(0x7FFFFFFF, 0x80000000);
        for (int i = piece * length + int(gl_LocalInvocationIndex); i < end; i += int(GROUP)) {
            int o = ordered(X[c * each + i]);
            v = ivec2(min(v.x, o), max(v.y, o));
        }
        v = group_extremes(v);
        if (gl_LocalInvocationIndex == 0u) {
            P[2 * (c * pieces + piece)] = v.x;
            P[2 * (c * pieces + piece) + 1] = v.y;
        }
    }
}
