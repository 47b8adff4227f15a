// sgd_step: a step of stochastic gradient descent.
//
//     g = dW + decay·W
//     V = g on the first step, else mu·V + fresh·g
//     g = g + mu·V with nesterov, else V
//     W = W − rate·g
//
// W   f32 [n]  in and out
// dW  f32 [n]
// V   f32 [n]  in and out; without MOMENTUM there is none, and W = W − rate·g
//
// Grid    an invocation an element.
// Macros  MOMENTUM  0 or 1.

#version 430 core

#ifndef MOMENTUM
#define MOMENTUM 1
#endif

#include "index.glsl"

layout(std430, binding = 0) buffer BufW { float W[]; };
layout(std430, binding = 1) readonly buffer BufDW { float dW[]; };
#if MOMENTUM == 1
layout(std430, binding = 2) buffer BufV { float V[]; };
#endif

layout(location = 0) uniform int n;
layout(location = 1) uniform int first;
layout(location = 2) uniform int nesterov;
layout(location = 3) uniform float rate;
layout(location = 4) uniform float decay;
layout(location = 5) uniform float mu;
layout(location = 6) uniform float fresh; // 1 − dampening

void main() {
    int i = invocation();
    if (i >= n) return;
    precise float g = dW[i] + decay * W[i];
#if MOMENTUM == 1
    precise float velocity = g;
    if (first == 0) velocity = mu * V[i] + fresh * g;
    V[i] = velocity;
    if (nesterov != 0) {
        g = g + mu * velocity;
    } else {
        g = velocity;
    }
#endif
    precise float w = W[i] - rate * g;
    W[i] = w;
}
