// pack.glsl: U8 tensors, stored four to a uint, lowest byte first.

// CODE(buf, i) is element i of a buffer of packed bytes. It is a macro because
// functions of GLSL cannot take unsized arrays.
#define CODE(buf, i) bitfieldExtract(buf[(i) >> 2], ((i) & 3) << 3, 8)
