// tiles.glsl: which work group of an operation this is, where a work group, and
// not an invocation, owns a part of the result (else see index.glsl).
//
// The groups of an operation are folded into two axes, and a long operation is
// cut into several grids of one axis, each of which begins with first_group.

layout(location = 63) uniform uint first_group;

// work_group returns the index of this group in the operation. It may be
// the number of groups or more in the last row of the grid.
int work_group() { return int(first_group + gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x); }

// meet lets every invocation of the group see what the others have written to
// shared memory.
void meet() {
    memoryBarrierShared();
    barrier();
}
