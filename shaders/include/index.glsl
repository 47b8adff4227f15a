// index.glsl: which element an invocation owns.
//
// An operation of n elements is a grid of work groups of 64 invocations, folded
// into two axes since an axis need not take more than 65,535 of them. A loop
// over a shorter grid would do the same, but llvmpipe ends an invocation after
// 65,535 turns of all its loops, and sums need those.

layout(local_size_x = 64) in;

// A long operation is cut into several grids of one axis, each of which begins
// with this group.
layout(location = 63) uniform uint first_group;

// invocation returns the index of this invocation in the grid. It may be n or
// more in the last rows of the grid.
int invocation() {
    uint group = first_group + gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    return int(group * 64u + gl_LocalInvocationIndex);
}
