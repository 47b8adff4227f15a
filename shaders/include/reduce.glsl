// reduce.glsl: sums and extremes over the 256 invocations of a work group, by a
// tree, so in an order that is always the same. All invocations call them, from
// uniform control flow, and get the result.

#define GROUP 256u

layout(local_size_x = 256) in;

shared vec2 sums[GROUP];
shared ivec2 extremes[GROUP];

void meet() {
    memoryBarrierShared();
    barrier();
}

// group_sum returns the sum of all v.
vec2 group_sum(vec2 v) {
    uint lane = gl_LocalInvocationIndex;
    sums[lane] = v;
    for (uint reach = GROUP / 2u; reach > 0u; reach >>= 1) {
        meet();
        if (lane < reach) sums[lane] += sums[lane + reach];
    }
    meet();
    vec2 total = sums[0];
    meet(); // before the next call writes
    return total;
}

// group_extremes returns the least of all v.x and the greatest of all v.y.
ivec2 group_extremes(ivec2 v) {
    uint lane = gl_LocalInvocationIndex;
    extremes[lane] = v;
    for (uint reach = GROUP / 2u; reach > 0u; reach >>= 1) {
        meet();
        if (lane < reach) {
            ivec2 a = extremes[lane], b = extremes[lane + reach];
            extremes[lane] = ivec2(min(a.x, b.x), max(a.y, b.y));
        }
    }
    meet();
    ivec2 total = extremes[0];
    meet();
    return total;
}
